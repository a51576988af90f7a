"""Indicators as their inventors wrote them down, in plain Python: what those of the strategies are held against.

Each takes lists and returns a list with a value for each candle from the first on that has one; the ends agree.
"""

from decimal import Decimal, localcontext
from itertools import pairwise
from math import fsum, sqrt


def ema(values, period):
    """Seeded by the mean of the first period, as charting sites do."""
    line = [fsum(values[:period]) / period]
    for value in values[period:]:
        line.append(line[-1] + (value - line[-1]) * 2 / (period + 1))
    return line


def wilder(values, period):
    """Wilder's smoothing, seeded by the mean of the first period."""
    line = [fsum(values[:period]) / period]
    for value in values[period:]:
        line.append((line[-1] * (period - 1) + value) / period)
    return line


def rsi(closes, period):
    changes = [after - before for before, after in pairwise(closes)]
    gains = wilder([max(change, 0.0) for change in changes], period)
    losses = wilder([max(-change, 0.0) for change in changes], period)
    return [100 * gain / (gain + loss) for gain, loss in zip(gains, losses, strict=True)]


def macd(closes, fast, slow, signal):
    """The line and its signal line."""
    slow_line = ema(closes, slow)
    fast_line = ema(closes, fast)[-len(slow_line) :]
    line = [a - b for a, b in zip(fast_line, slow_line, strict=True)]
    return line, ema(line, signal)


def bollinger(closes, period, deviations):
    """Lower band, middle, upper band."""
    found = []
    for end in range(period, len(closes) + 1):
        values = closes[end - period : end]
        mean = fsum(values) / period
        away = deviations * sqrt(fsum((value - mean) ** 2 for value in values) / period)
        found.append((mean - away, mean, mean + away))
    return found


def donchian(highs, lows, period):
    """Lowest low and highest high of the candles before each."""
    return [(min(lows[end - period : end]), max(highs[end - period : end])) for end in range(period, len(highs))]


def true_ranges(highs, lows, closes):
    """From the second candle on."""
    return [
        max(high - low, abs(high - before), abs(low - before))
        for high, low, before in zip(highs[1:], lows[1:], closes[:-1], strict=True)
    ]


def atr(highs, lows, closes, period):
    return wilder(true_ranges(highs, lows, closes), period)


def supertrend(highs, lows, closes, period, multiplier):
    """The line and whether the trend is upward; it is taken to be downward before the first turn."""
    ranges = atr(highs, lows, closes, period)
    start = len(closes) - len(ranges)
    upper = lower = None
    upward, found = False, []
    for index, average in enumerate(ranges, start):
        middle = (highs[index] + lows[index]) / 2
        top, bottom = middle + multiplier * average, middle - multiplier * average
        if upper is not None and not (top < upper or closes[index - 1] > upper):
            top = upper
        if lower is not None and not (bottom > lower or closes[index - 1] < lower):
            bottom = lower
        upper, lower = top, bottom
        upward = closes[index] >= lower if upward else closes[index] > upper
        found.append((lower if upward else upper, upward))
    return found


def directional(highs, lows, closes, period):
    """+DI, -DI and ADX by Wilder's book: sums that lose a part with each candle, then an average of an average."""
    ups = [after - before for before, after in pairwise(highs)]
    downs = [before - after for before, after in pairwise(lows)]
    plus = [up if up > down and up > 0 else 0.0 for up, down in zip(ups, downs, strict=True)]
    minus = [down if down > up and down > 0 else 0.0 for up, down in zip(ups, downs, strict=True)]
    smooth = [_sums(values, period) for values in (plus, minus, true_ranges(highs, lows, closes))]
    lines = [(100 * p / r, 100 * m / r) for p, m, r in zip(*smooth, strict=True)]
    adx = wilder([100 * abs(p - m) / (p + m) for p, m in lines], period)
    return [(p, m, a) for (p, m), a in zip(lines[-len(adx) :], adx, strict=True)]


def _sums(values, period):
    line = [fsum(values[:period])]
    for value in values[period:]:
        line.append(line[-1] - line[-1] / period + value)
    return line


def vwap(highs, lows, closes, volumes, period):
    """The average and the standard deviation, both weighted by volume."""
    prices = [(high + low + close) / 3 for high, low, close in zip(highs, lows, closes, strict=True)]
    found = []
    for end in range(period, len(prices) + 1):
        rows = list(zip(prices[end - period : end], volumes[end - period : end], strict=True))
        total = fsum(volume for _, volume in rows)
        mean = fsum(price * volume for price, volume in rows) / total
        found.append((mean, sqrt(fsum(volume * (price - mean) ** 2 for price, volume in rows) / total)))
    return found


def grid_levels(lower, upper, count, spacing):
    """Exact, or to 40 digits, and then as the nearest price that can be written in 12."""
    with localcontext(prec=40):
        low, high = Decimal(repr(lower)), Decimal(repr(upper))
        if spacing == "geometric":
            prices = [low * (high / low) ** (Decimal(place) / (count - 1)) for place in range(count)]
        else:
            prices = [low + (high - low) * place / (count - 1) for place in range(count)]
        return [float(f"{price:.12g}") for price in prices]


def grid(closes, levels, memory):
    """1 where a lot is bought, -1 where one is sold, by a walk from close to close over one level after the other."""
    acts, last, last_at = [0], None, None
    for at, (before, now) in enumerate(pairwise(closes), start=1):
        touched = [level for level in levels if before < level <= now]
        touched += [level for level in reversed(levels) if now < level <= before]
        acts.append(0)
        if not touched:
            continue
        remembered = last if last_at is not None and at - last_at <= memory else None
        last, last_at = touched[-1], at
        if last == remembered:
            continue
        if now < before and last != levels[-1]:
            acts[-1] = 1
        elif now > before and last != levels[0]:
            acts[-1] = -1
    return acts

"""What a chart of one bot shows: candles, the strategy's lines, the bot's levels and fills; plain values."""

import logging
import math
from concurrent.futures import Future
from datetime import datetime, timedelta
from functools import partial
from threading import Lock, Thread
from typing import Any

from django.core.cache import cache
from django.db import connections

from bots.models import BotConfig, SeriesReading
from bots.recipe import Recipe
from bots.strategies.guard import guarded_reading
from market.candles import StaleData, closed_candles, kept_candles
from market.exchange.errors import ExchangeError
from market.types import Candles, Series
from trades.lifecycle import LIVE
from trades.models import Fill, Order

logger = logging.getLogger(__name__)

CANDLES = 300
MOST_FILLS, MOST_TRADES = 500, 1_000
ASK_AGAIN_AFTER = timedelta(seconds=30)
PATIENCE = timedelta(seconds=2)
NOT_YET = "No candles are known yet; this page looks again in a few seconds."
_asking = Lock()  # one of a process at a time: an exchange that hangs must not collect its threads


def chart_of(bot: BotConfig, *, now: datetime) -> dict[str, Any]:
    """Everything that is drawn; ``note`` says what is missing and why. Times in seconds since 1970.

    The shared copy of the candles is enough, whatever its age. Where there is none the exchange is asked, by one of
    all pages in half a minute, and waited for two seconds: what it says later is in the shared copy.
    """
    candles, note = _candles(bot.series, now=now)
    told: dict[str, Any] = {"note": note, "candles": [], "lines": [], "fills": [], "price": _price(bot.series)}
    told["levels"], told["equity"] = _levels(bot), _equity(bot)
    if candles is None or not len(candles):
        return told
    times = (candles.open_time_ms[-CANDLES:] // 1000).tolist()
    lines, trouble = _lines(bot, candles)
    columns = (column[-CANDLES:].tolist() for column in (candles.open, candles.high, candles.low, candles.close))
    told["candles"] = [list(row) for row in zip(times, *columns, strict=True)]
    told["lines"] = [{**line, "values": _points(times, line["values"][-CANDLES:].tolist())} for line in lines]
    told["fills"] = _fills(bot, since=times[0], seconds=int(bot.series.duration.total_seconds()))
    told["note"] = note or trouble
    return told


def _candles(series: Series, *, now: datetime) -> tuple[Candles | None, str]:
    known = kept_candles(series)
    if known is not None and len(known):
        age = now - known.close_at(series.duration)
        return known, "" if age < 2 * series.duration else f"The newest candle closed at {_at(known, series)} UTC."
    if not _asking.acquire(blocking=False):
        return None, NOT_YET
    if not cache.add(f"chart:asked:{series}", 1, ASK_AGAIN_AFTER.total_seconds()):
        _asking.release()
        return None, NOT_YET
    asked: Future[Candles] = Future()
    Thread(target=_ask, args=(asked, series, now), name="chart", daemon=True).start()
    try:
        return asked.result(PATIENCE.total_seconds()), ""
    except TimeoutError:
        return None, f"The exchange has not told its candles within {PATIENCE.total_seconds():g} s. {NOT_YET}"
    except (StaleData, ExchangeError) as error:
        return None, f"No candles: {error}."


def _ask(asked: "Future[Candles]", series: Series, now: datetime) -> None:
    """Ask in a thread of its own, which the end of the process does not wait for."""
    try:
        tell = partial(asked.set_result, closed_candles(series, now=now))
    except Exception as error:
        logger.info("chart of %s: no candles: %s", series, error)  # perhaps nobody waits for it any more
        tell = partial(asked.set_exception, error)
    finally:
        connections.close_all()
        _asking.release()
    tell()


def _at(candles: Candles, series: Series) -> str:
    return f"{candles.close_at(series.duration):%Y-%m-%d %H:%M}"


def _lines(bot: BotConfig, candles: Candles) -> tuple[list[dict[str, Any]], str]:
    """The strategy's lines over these candles; or why there are none. The close is drawn already."""
    recipe = Recipe(bot.strategy, bot.parameters)
    if recipe.known is None or recipe.faults:
        return [], recipe.faults
    try:
        lines = guarded_reading(recipe.known, candles, recipe.parameters).lines
    except Exception as error:  # a strategy is foreign code
        return [], f"{bot.strategy}: {type(error).__name__}: {error}"
    # A grid knows the levels around the last close only.
    drawn = {name: line for name, line in lines.items() if name != "close" and len(line) == len(candles)}
    return [_line(name, line, own=name in recipe.known.own_scale) for name, line in drawn.items()], ""


def _line(name: str, line: Any, *, own: bool) -> dict[str, Any]:
    return {"name": name.replace("_", " "), "own_scale": own, "values": line}


def _points(times: list[int], values: list[float]) -> list[dict[str, float]]:
    """A point without a value is a gap."""
    return [
        {"time": time, "value": value} if math.isfinite(value) else {"time": time}
        for time, value in zip(times, values, strict=True)
    ]


def _price(series: Series) -> float | None:
    """The last price that a tick saw."""
    names = {name: getattr(series, name) for name in ("environment", "market", "symbol", "interval")}
    price = SeriesReading.objects.filter(**names).values_list("price", flat=True).first()
    return None if price is None else float(price)


def _levels(bot: BotConfig) -> list[dict[str, Any]]:
    """The entry, and what rests at the exchange for the position."""
    position = bot.position
    if not position.is_open:
        return []
    found: list[dict[str, Any]] = [{"kind": "entry", "price": float(position.entry_price)}]
    resting = position.orders.filter(status__in=LIVE, purpose=Order.Purpose.PROTECTION).order_by("pk")
    found += [{"kind": order.type, "price": float(order.price)} for order in resting if order.price]
    if (terms := position.known_terms) and terms.liquidation_round == position.round and terms.liquidation_price:
        found.append({"kind": "liquidation", "price": float(terms.liquidation_price)})
    return found


def _equity(bot: BotConfig) -> list[list[float]]:
    """What the position had earned after each of its newest trades: told from what it has earned now, backwards.

    Fundings are in the sum, not in the steps. One point for each second.
    """
    earned, found = bot.position.realized_pnl, dict[int, float]()
    trades = bot.position.trades.order_by("-created_at", "-pk").values_list("created_at", "realized_pnl")
    for created_at, pnl in trades[:MOST_TRADES]:
        found.setdefault(int(created_at.timestamp()), float(earned))
        earned -= pnl
    return [[at, value] for at, value in sorted(found.items())]


def _fills(bot: BotConfig, *, since: int, seconds: int) -> list[dict[str, Any]]:
    """What was bought and sold, oldest first, each at the candle in which it happened."""
    newest = Fill.objects.filter(position=bot.position_id).select_related("order").order_by("-exchange_trade_id")
    found = [_fill(fill, seconds) for fill in newest[:MOST_FILLS]]
    return sorted((fill for fill in found if fill["time"] >= since), key=lambda fill: fill["time"])


def _fill(fill: Fill, seconds: int) -> dict[str, Any]:
    at = int(fill.executed_at.timestamp())
    return {
        "time": at - at % seconds,
        "side": fill.order.side,
        "purpose": fill.order.purpose,
        "price": float(fill.price),
        "quantity": float(fill.quantity),
    }

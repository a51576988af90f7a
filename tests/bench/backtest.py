"""A year of minutes through the backtest: ``manage.py bench backtest --json``.

The recorded month is repeated until it is a year. Beside it, in the same process: the strategy's reading alone, which
no backtest can go below, and the paper exchange's engine with one stop resting, which is told four prices a candle.
"""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from bots.backtest import Outcome, Trial, run_trial
from bots.exits import ExitSettings
from bots.limits import Limits
from bots.recipe import Recipe
from bots.situation import Setup, Wish
from bots.sizing import Mode, Sizing
from bots.strategies import STRATEGIES
from bots.strategies.guard import guarded_reading
from market.paper.engine.amounts import SCALE
from market.paper.engine.journal import Journal
from market.paper.engine.spot import rules as engine_rules
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.spot.types import NewOrder
from market.paper.engine.types import Quote
from market.paper.prices.recording import DATA, INFO_FILES
from market.rules import rules_of
from market.types import Candles, Series
from tests.bench import BenchmarkFailed, machine

FULL, QUICK = 365 * 1440, 3_000
SYMBOL = "BTCUSDT"
MINUTE_MS = 60_000
ENGINE_CANDLES = 20_000
SETUP = Setup(
    wish=Wish.RUN,
    exits=ExitSettings(stop_loss_percent=Decimal(1), take_profit_percent=Decimal(2)),
    sizing=Sizing(Mode.QUOTE, Decimal(500)),
    limits=Limits(),
    initial_capital=Decimal(10_000),
    cooldown_minutes=0,
    exits_when_stopped=True,
)
BUSY = Recipe("ema_rsi", {"ema_fast": 20, "ema_slow": 100})


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure in a process of its own, whose memory is the backtest's. Raises BenchmarkFailed."""
    command = [sys.executable, "-m", "tests.bench.backtest", str(QUICK if quick else FULL)]
    done = subprocess.run(command, cwd=machine.ROOT, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise BenchmarkFailed("the backtest failed: see above")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**figures, "machine": machine.describe()}


def main(bars: int) -> None:
    """Print the figures."""
    candles, entry = year_of(bars), symbol_entry()
    trial = Trial(Series("paper", "spot", SYMBOL, "1m"), BUSY, SETUP, rules_of(entry))
    idle = replace(trial, setup=replace(SETUP, limits=Limits(max_daily_trades=0)))
    trailing = replace(trial, setup=replace(SETUP, exits=ExitSettings(trailing_stop_percent=Decimal(1))))
    before_mb = _peak_mb()
    reading = _seconds(lambda: guarded_reading(STRATEGIES["ema_rsi"], candles, BUSY.parameters, seconds=60))[0]
    seconds, outcome = _trade(trial, candles)
    idle_seconds, _ = _trade(idle, candles)
    peak_mb = _peak_mb()
    trailing_seconds, trailed = _trade(trailing, candles)
    figures = {
        "bars": bars,
        "seconds": round(seconds, 6),
        "bars_per_second": round(bars / seconds),
        "rounds": len(outcome.rounds),
        "fills": len(outcome.fills),
        "us_per_fill": round((seconds - idle_seconds) * 1e6 / max(len(outcome.fills), 1)),
        "idle_seconds": round(idle_seconds, 6),
        "idle_bars_per_second": round(bars / idle_seconds),
        "trailing_seconds": round(trailing_seconds, 6),
        "trailing_fills": len(trailed.fills),
        "reading_seconds": round(reading, 6),
        "reading_bars_per_second": round(bars / reading),
        "engine_bars_per_second": round(engine_bars_per_second(candles, entry, min(bars, ENGINE_CANDLES))),
        "peak_rss_mb": round(peak_mb),
        "rss_before_mb": round(before_mb),  # interpreter, libraries and candles
    }
    sys.stdout.write(json.dumps(figures) + "\n")


def year_of(bars: int) -> Candles:
    """The recorded month, again and again."""
    (path,) = DATA.glob(f"spot_{SYMBOL}_1m_*.csv.gz")
    with gzip.open(path, "rt") as lines:
        rows = np.loadtxt(lines, delimiter=",", skiprows=1)[:, :6]
    again = np.concatenate([rows] * -(-bars // len(rows)))[:bars]
    again[:, 0] = rows[0, 0] + np.arange(bars) * MINUTE_MS
    return Candles.from_rows(again)


def symbol_entry() -> dict[str, Any]:
    symbols = json.loads((DATA / INFO_FILES["spot"]).read_text())["symbols"]
    found: dict[str, Any] = next(entry for entry in symbols if entry["symbol"] == SYMBOL)
    return found


def engine_bars_per_second(candles: Candles, entry: dict[str, Any], bars: int) -> float:
    """Candles that the exchange's engine is told, as four prices each; a stop rests that none of them reaches."""
    engine = SpotEngine({SYMBOL: engine_rules.rules_of(entry)}, Journal())
    prices = np.rint(np.stack([candles.open, candles.low, candles.high, candles.close], axis=1)[:bars] * 100)
    way = (prices.astype(np.int64) * (SCALE // 100)).ravel().tolist()
    engine.deposit(1, "BTC", SCALE, 0)
    stop = NewOrder(
        account_id=1,
        symbol=SYMBOL,
        side="SELL",
        type="STOP_LOSS",
        client_order_id="stop",
        quantity=SCALE // 100,
        stop_price=SCALE * 10_000,
    )
    engine.place(stop, _quote(way[0], 0), 0)
    return (
        bars
        / _seconds(lambda: [engine.on_quote(SYMBOL, _quote(price, step), step) for step, price in enumerate(way)])[0]
    )


def _quote(price: int, step: int) -> Quote:
    names = dict.fromkeys(("last", "bid", "ask", "average", "mark", "index"), price)
    return Quote(step=step, gap=SCALE // 100, level_qty=SCALE, levels=1, **names)


def _trade(trial: Trial, candles: Candles) -> tuple[float, Outcome]:
    return _seconds(lambda: run_trial(trial, candles, begin_ms=int(candles.open_time_ms[0])))


def _seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time, for others work here, too."""
    began = time.process_time()
    done = work()
    return time.process_time() - began, done


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(int(sys.argv[1]))

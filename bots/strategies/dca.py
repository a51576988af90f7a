"""DCA: buy by the clock, and on dips, whatever the market is like.

Enter long with the first candle of every `every_hours` hours (UTC, counted from 1970), and when the close falls more
than `dip_percent` below the highest close of the last `dip_candles`. Each purchase adds to the position, as far as the
bot's capital reaches. It never says leave: that is what take profit, stop loss and the owner are for.
"""

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from bots.strategies.base import Parameter, Parameters, Reading, Signal, Strategy
from bots.strategies.indicators import talib
from bots.strategies.lines import Flags, Line, crossed_above, reading, signals_of
from market.types import Candles

PARAMETERS = (
    Parameter(
        "buy_on",
        str,
        "both",
        "By the clock only, on dips only, or on both.",
        choices=("schedule", "dip", "both"),
    ),
    Parameter(
        "every_hours",
        int,
        24,
        "Hours between purchases by the clock; 24 is each midnight UTC.",
        minimum=1,
        maximum=168,
    ),
    Parameter("dip_percent", float, 5, "A fall that is bought is deeper, in percent.", minimum=0.1, maximum=90),
    Parameter("dip_candles", int, 240, "The candles whose highest close it fell from.", minimum=2, maximum=900),
)
HOUR_MS = timedelta(hours=1) // timedelta(milliseconds=1)


def candles_needed(parameters: Parameters) -> int:
    """The fall at the last candle, and at the one before it."""
    return 2 if parameters["buy_on"] == "schedule" else int(parameters["dip_candles"]) + 1


def scheduled(open_time_ms: NDArray[np.int64], hours: int) -> Flags:
    """The first candle of each period of so many hours, known from the one before it."""
    periods = open_time_ms // (hours * HOUR_MS)
    return np.concatenate(([False], periods[1:] != periods[:-1]))


def fall(close: Line, candles: int) -> Line:
    """How far the close is below the highest of so many, in percent."""
    return 100 * (1 - close / talib.MAX(close, candles))


def read(candles: Candles, parameters: Parameters) -> Reading:
    close, hours, percent = candles.close, parameters["every_hours"], parameters["dip_percent"]
    fallen = fall(close, parameters["dip_candles"])
    on_time = scheduled(candles.open_time_ms, hours) & np.isfinite(close) & (parameters["buy_on"] != "dip")
    on_dip = crossed_above(fallen, percent) & (parameters["buy_on"] != "schedule")

    never = np.zeros(len(candles), dtype=np.bool_)
    signals = signals_of(enter_long=on_time | on_dip, enter_short=never, leave_long=never, leave_short=never)
    news = {
        Signal.NOTHING: "no purchase is due",
        Signal.ENTER_LONG: f"the first candle of {hours} hours"
        if on_time[-1]
        else f"a fall of more than {percent:g} %",
    }
    if parameters["buy_on"] == "schedule":
        return reading(signals, {"close": close}, "close {close:.8g}", news)
    return reading(signals, {"close": close, "fallen": fallen}, "close {close:.8g}, fallen by {fallen:.2f} %", news)


STRATEGY = Strategy(
    "dca", "DCA: by the clock and on dips", PARAMETERS, candles_needed, read, adds=True, own_scale=frozenset({"fallen"})
)

"""A strategy over candles that are past, traded by the rules that trade live (features S8). Plain Python."""

from bots.backtest.types import BadCandles, Bounds, Fill, NotTestable, Open, Outcome, Round, TooManyFills, Trial
from bots.backtest.walk import run_trial

__all__ = [
    "BadCandles",
    "Bounds",
    "Fill",
    "NotTestable",
    "Open",
    "Outcome",
    "Round",
    "TooManyFills",
    "Trial",
    "run_trial",
]

"""A strategy over candles that are past, traded by the rules that trade live (features S8). Plain Python."""

from bots.backtest.types import BadCandles, Bounds, Fill, NotTestable, Open, Outcome, Round, Trial
from bots.backtest.walk import run_trial

__all__ = ["BadCandles", "Bounds", "Fill", "NotTestable", "Open", "Outcome", "Round", "Trial", "run_trial"]

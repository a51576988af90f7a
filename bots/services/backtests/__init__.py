"""Backtests of users: asked for, run by workers, kept for a while.

asking.py    what is asked for, and ended, with what is wrong with it
subjects.py  the configuration that is tested: a bot that does not exist
running.py   one backtest from the queue to its result
holding.py   who works on it, and what becomes of it when nobody does any more
history.py   its candles, from the exchange
series.py    its equity
results.py   what came of it, as it is kept
reading.py   and as it is read
keeping.py   for how long
"""

from bots.services.backtests.asking import (
    MOST_CANDLES,
    MOST_KEPT,
    MOST_UNFINISHED,
    OWN,
    PLACE,
    HasEnded,
    TooManyBacktests,
    ask_again,
    ask_for_backtest,
    cancel_backtest,
    delete_backtest,
)
from bots.services.backtests.holding import LOST_AFTER, lost_backtests
from bots.services.backtests.keeping import drop_old_backtests
from bots.services.backtests.reading import DAYS, MONTHS, days_of, equity_of, months_of, rows_of
from bots.services.backtests.results import FILL_COLUMNS, ROUND_COLUMNS
from bots.services.backtests.running import run_backtest
from bots.services.backtests.subjects import COPIED, subject_of

__all__ = [
    "COPIED",
    "DAYS",
    "FILL_COLUMNS",
    "LOST_AFTER",
    "MONTHS",
    "MOST_CANDLES",
    "MOST_KEPT",
    "MOST_UNFINISHED",
    "OWN",
    "PLACE",
    "ROUND_COLUMNS",
    "HasEnded",
    "TooManyBacktests",
    "ask_again",
    "ask_for_backtest",
    "cancel_backtest",
    "days_of",
    "delete_backtest",
    "drop_old_backtests",
    "equity_of",
    "lost_backtests",
    "months_of",
    "rows_of",
    "run_backtest",
    "subject_of",
]

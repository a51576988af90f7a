"""What people watch, in figures that ten viewers share: each is computed once in a few seconds, by one process for all.

money.py        what was earned, what is held
performance.py  how trading has gone, of all or of a part
trading.py      where bots stand, what came of orders, what needs somebody
machinery.py    the tick, queues, workers, beat, the exchange's limits
"""

from ops.figures.machinery import machinery
from ops.figures.money import daily_pnl, environments, holdings
from ops.figures.performance import Scope, performance, traded_environments
from ops.figures.trading import bots_by_reason, order_outcomes, urgent_events

__all__ = [
    "Scope",
    "bots_by_reason",
    "daily_pnl",
    "environments",
    "holdings",
    "machinery",
    "order_outcomes",
    "performance",
    "traded_environments",
    "urgent_events",
]

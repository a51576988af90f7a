"""What people watch, in figures that ten viewers share: each is computed once in a few seconds, by one process for all.

money.py        what is held
trading.py      where bots stand, what came of orders, what needs somebody
machinery.py    the tick, queues, workers, beat, the exchange's limits
performance.py  how trading has gone, of all or of a part; made of
  scope.py        of which positions, and in which days
  booked.py       what was booked by day and by position
  capital.py      the capital that bots were given, and when
  series.py       the daily equity
  rounds.py       how positions ended that were closed
"""

from ops.figures.machinery import machinery
from ops.figures.money import at_the_exchange, environments, holdings
from ops.figures.performance import daily_pnl, performance, performance_of, told
from ops.figures.scope import Part, Period, Scope, traded_environments
from ops.figures.series import Story, story
from ops.figures.trading import bots_by_reason, order_outcomes, urgent_events

__all__ = [
    "Part",
    "Period",
    "Scope",
    "Story",
    "at_the_exchange",
    "bots_by_reason",
    "daily_pnl",
    "environments",
    "holdings",
    "machinery",
    "order_outcomes",
    "performance",
    "performance_of",
    "story",
    "told",
    "traded_environments",
    "urgent_events",
]

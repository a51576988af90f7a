"""The request weight of this IP address, shared by all processes: who may still call the exchange this minute.

Binance allows an address so much weight a minute, and bans the one that goes on after a no. Every HTTP call asks
`budget_of(environment, market).take(weight)` before and tells `learn(status, headers)` after. See docs/architecture.md.
"""

from market.budget.budget import Budget, Usage, budget_of, usage
from market.budget.limits import learn_limit, weight_per_minute
from market.budget.priorities import SHARES, Priority, spending_as

__all__ = [
    "SHARES",
    "Budget",
    "Priority",
    "Usage",
    "budget_of",
    "learn_limit",
    "spending_as",
    "usage",
    "weight_per_minute",
]

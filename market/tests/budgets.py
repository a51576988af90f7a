"""The exchange's minute as a test wants it, and what may be spent in it."""

from time import time

import pytest
from redis import Redis

from market.budget import Budget, Priority, spending_as
from market.clock import clock_key
from market.exchange.errors import BudgetSpent, RateLimited

USED = "X-MBX-USED-WEIGHT-1M"
SPOT = ("paper", "spot")


def set_minute(redis: Redis, *, seconds_in: float, later: int = 0) -> None:
    """Let so much of the exchange's minute be gone, or of one that comes ``later`` than ours."""
    now_ms = int(time() * 1000)
    offset_ms = int(seconds_in * 1000) - now_ms % 60_000 + later * 60_000
    redis.set(clock_key(*SPOT), f"{offset_ms} {now_ms}")


def budget_with(limit: int) -> Budget:
    """A budget as a process of its own has it."""
    budget = Budget(*SPOT)
    budget.set_limit(limit)
    return budget


def spend(budget: Budget, priority: Priority, weight: int = 1) -> None:
    with spending_as(priority):
        budget.take(weight)


def refusal(budget: Budget, priority: Priority, weight: int = 1) -> RateLimited:
    with pytest.raises(RateLimited) as caught:
        spend(budget, priority, weight)
    return caught.value


def room(budget: Budget, priority: Priority, weight: int = 1) -> int:
    """How often such a call may be made until it is refused."""
    granted = 0
    try:
        while granted < 100_000:
            spend(budget, priority, weight)
            granted += 1
    except BudgetSpent:
        return granted
    raise AssertionError("there is no end")

"""What the adapter asks before every HTTP call, and tells after it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from time import monotonic

from market.budget.own import MINUTE, Answer, Own
from market.budget.priorities import SHARES, Priority, current_priority
from market.budget.shared import Shared
from market.exchange.errors import BudgetSpent, RateLimited
from market.exchange.silence import retry_after
from market.types import Market

# Until exchangeInfo has been read.
DEFAULT_LIMITS = {Market.SPOT: 6000, Market.FUTURES: 2400}
USED_WEIGHT = "x-mbx-used-weight-1m"
LIMIT_STATUSES = (418, 429)
# The exchange's code for "this account has sent too many orders": a 429 that says nothing of the address.
TOO_MANY_ORDERS = -1015
# Retry-After is in whole seconds.
MARGIN = timedelta(seconds=1)
# The clocks agree better than this. What the exchange tells sooner may be of the minute before.
UNSETTLED_SECONDS = 1


@dataclass(frozen=True)
class Usage:
    """How a minute stands, for people who watch."""

    used: int
    limit: int
    silent_until: datetime | None


class Budget:
    """The request weight of one environment and market. Threads and processes share it."""

    def __init__(self, environment: str, market: str) -> None:
        self._name = f"{environment} {market}"
        self._shared = Shared(environment, market)
        self._own = Own(DEFAULT_LIMITS[Market(market)])
        self._sent = threading.local()

    def take(self, weight: int) -> None:
        """Count a call that is about to be made, for the current priority.

        Raise RateLimited while the exchange wants silence, BudgetSpent when the rest of the minute is for others.
        """
        priority = current_priority()
        answer = self._ask(weight, SHARES[priority])
        if not answer.granted:
            raise self._refusal(answer, priority)
        is_settled = answer.turns_at - monotonic() <= MINUTE - UNSETTLED_SECONDS
        self._sent.believe_until = answer.turns_at if is_settled else 0.0

    def learn(self, status_code: int, headers: Mapping[str, str], *, code: int = 0) -> None:
        """Take in what the exchange says with its answer to the call that this thread has just made. Never raises.

        With ``code``, the exchange's own, a limit of one account's orders silences nobody else.
        """
        told = {name.lower(): value for name, value in headers.items()}
        news = self._hear_used(told)
        if status_code in LIMIT_STATUSES and code != TOO_MANY_ORDERS:
            self._own.be_silent(monotonic() + (retry_after(told) + MARGIN).total_seconds())
            news = True
        if news:
            self._ask(0, 0)

    def set_limit(self, weight: int) -> None:
        """Take in what exchangeInfo says that a minute has."""
        self._own.limit = weight
        self._shared.set_limit(weight)

    def usage(self, *, now: datetime) -> Usage | None:
        """How the minute stands for all processes; None while Redis is away."""
        answer = self._shared.take(0, 0, self._own)
        if answer is None:
            return None
        return Usage(answer.used, answer.limit, now + answer.wait if answer.is_silence else None)

    def _ask(self, weight: int, share: int) -> Answer:
        answer = self._shared.take(weight, share, self._own)
        if answer is None:
            return self._own.take(weight, share)
        self._own.heard(answer)
        return answer

    def _hear_used(self, told: Mapping[str, str]) -> bool:
        """True when others have spent what nobody here knew of. What was sent in another minute tells of that one."""
        used = told.get(USED_WEIGHT, "")
        fits = monotonic() < getattr(self._sent, "believe_until", 0.0)
        return fits and used.isdecimal() and len(used) < 10 and self._own.told(int(used))

    def _refusal(self, answer: Answer, priority: Priority) -> RateLimited:
        if answer.is_silence:
            text = f"{self._name}: the exchange asked for silence, {answer.wait.total_seconds():.0f} s are left"
            return RateLimited(text, retry_after=answer.wait)
        kind = priority.name.lower().replace("_", " ")
        text = (
            f"{self._name}: {answer.used} of {answer.limit} request weight are used this minute,"
            f" work for {kind} may use {SHARES[priority]} %"
        )
        return BudgetSpent(text, retry_after=answer.wait)


@cache
def budget_of(environment: str, market: str) -> Budget:
    """The one budget of this process for an environment and market."""
    return Budget(environment, market)


def usage(environment: str, market: str, *, now: datetime) -> Usage | None:
    """How the minute stands for all processes; None while Redis is away."""
    return budget_of(environment, market).usage(now=now)

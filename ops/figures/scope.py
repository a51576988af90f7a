"""Of what figures are."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import NamedTuple

from django.db.models import Q

from market.planning import among_few
from market.types import Environment
from ops.figures.sharing import Owner
from trades.models import Position, PositionQuerySet

PATHS = {
    "owner": "account__owner",
    "account": "account",
    "bot": "bot",
    "symbol": "symbol",
    "strategy": "bot__strategy",
}


class Scope(NamedTuple):
    """Everybody's or one owner's, all of it or a part."""

    owner: Owner
    account: int | None = None
    bot: int | None = None
    symbol: str = ""
    strategy: str = ""  # of bots that have it now

    @property
    def positions(self) -> PositionQuerySet:
        named = self._asdict().items()
        return Position.objects.filter(**{PATHS[name]: value for name, value in named if value not in (None, "")})


@dataclass(frozen=True)
class Part:
    """What is of a scope in one environment: play money and real money are never added up."""

    scope: Scope
    environment: str

    @property
    def positions(self) -> PositionQuerySet:
        return self.scope.positions.filter(account__environment=self.environment)

    @cached_property
    def rows(self) -> Q:
        """The condition for rows of these positions, where those are of this environment anyway. One query."""
        if self.scope == Scope(None):
            return Q()
        return among_few("position", self.positions, Q(position__in=self.positions))


def traded_environments(scope: Scope) -> list[str]:
    """Where there are positions, the realest first."""
    found = set(scope.positions.order_by().values_list("account__environment", flat=True).distinct())
    return [item.value for item in (Environment.LIVE, Environment.TESTNET, Environment.PAPER) if item in found]


DAY = timedelta(days=1)


def day_of(at: datetime) -> date:
    """The day (UTC) of a moment."""
    return at.astimezone(UTC).date()


def midnight(day: date) -> datetime:
    """When a day (UTC) begins."""
    return datetime.combine(day, time(), UTC)


class Period(NamedTuple):
    """Days (UTC): from a midnight on, until before another one."""

    begin: datetime
    end: datetime

    @classmethod
    def until_today(cls, now: datetime, *, days: int) -> "Period":
        """So many days, of which the last one is today."""
        end = midnight(day_of(now)) + DAY
        return cls(end - days * DAY, end)

    @property
    def first_day(self) -> date:
        return day_of(self.begin)

    @property
    def days(self) -> list[date]:
        return [self.first_day + number * DAY for number in range((self.end - self.begin).days)]

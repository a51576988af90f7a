"""The daily equity of bots, from what is booked and the capital that they were given.

Equity at the end of a day is the capital and all that was booked until then: what is still open counts when it is
closed. That is exact for every day, however long ago; the worth of what was open on a day of the past is only known
where a snapshot was made (`ops.reports.snapshots`).
"""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from ops.figures.booked import Booked, Sums, booked_since
from ops.figures.capital import Flows, capital_steps, earned_so_far, flows
from ops.figures.scope import Part, Period, day_of
from trades.performance import EquitySeries

ZERO = Decimal(0)


class Story(NamedTuple):
    """What became of the positions of a scope in a period."""

    part: Part
    period: Period
    booked: Booked  # until now, also when the period is over
    flows: Flows
    apart: int  # how many positions have no capital

    @property
    def sums(self) -> Sums:
        """Of the period."""
        found = Sums()
        for day in self.period.days:
            found = found.with_(self.booked.day(day))
        return found

    def seconds(self, *, now: datetime) -> float:
        """How long positions could have held something, all of them together."""
        elapsed = (min(self.period.end, now) - self.period.begin).total_seconds()
        return self.flows.seconds + self.apart * max(elapsed, 0.0)

    def equity(self, *, now: datetime) -> EquitySeries:
        """Of positions with capital, until today at most."""
        days = [day for day in self.period.days if day <= day_of(now)]
        earned = [self.booked.day(day).earned - self.booked.apart.get(day, Sums()).earned for day in days]
        put_in = [self.flows.put_in.get(day, ZERO) for day in days]
        return EquitySeries.adding_up(self.flows.start, days, earned=earned, put_in=put_in)


def story(part: Part, period: Period, *, now: datetime) -> Story:
    """Five queries, whatever the number of bots, days and trades."""
    steps, earned = capital_steps(part), earned_so_far(part)
    apart = [position_id for position_id in earned if position_id not in steps]
    found = booked_since(part, period, apart=apart)
    return Story(part, period, found, flows(steps, earned, found, period, now=now), len(apart))

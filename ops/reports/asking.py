"""Reports are asked for: by people, and once a week for everybody who trades."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from bots.models import BotConfig
from market.access import sees_all
from market.services import one_at_a_time
from ops.figures.scope import DAY, day_of, midnight
from ops.models import DeadLetter, Report
from trades.models import Trade

SYMBOL = "[A-Z0-9_]{1,30}"
MOST_WAITING = 10  # of one user
MOST_KEPT = 100  # of one user, beside those of the schedules
MOST_DAYS = 366
LATE_AFTER = timedelta(minutes=1)  # by then a task has begun, unless it is lost or waits in a long queue


class TooManyReports(Exception):
    """So many reports of this user wait, or are kept, that there is no room for one more."""


class NotYours(Exception):
    """A bot of somebody else, or everybody's trading for one who sees only the own."""


@dataclass(frozen=True)
class Wanted:
    """What a report is to be about. Without days it is the last whole period of its kind."""

    kind: Report.Kind
    bot: BotConfig | None = None
    symbol: str = ""
    strategy: str = ""
    of_everybody: bool = False
    first_day: date | None = None
    last_day: date | None = None

    @property
    def about(self) -> Report.About:
        named = [name for name in ("bot", "symbol", "strategy") if getattr(self, name)]
        return Report.About(named[0] if named else "all")

    def faults(self, *, now: datetime) -> dict[str, str]:
        """By field what can't be."""
        found, today = dict[str, str](), day_of(now)
        named = [name for name in ("bot", "symbol", "strategy") if getattr(self, name)]
        if len(named) > 1:
            found[named[1]] = f"A report is about one thing; {named[0]} is named, too."
        if self.symbol and not re.fullmatch(SYMBOL, self.symbol):
            found["symbol"] = f"{self.symbol!r} is no symbol: 1 to 30 of A-Z, 0-9 and _, as in BTCUSDT."
        if (self.first_day is None) != (self.last_day is None):
            missing = "first_day" if self.first_day is None else "last_day"
            return found | {missing: "Name the first and the last day, or none of them."}
        if self.first_day is None or self.last_day is None:
            return found
        if self.last_day > today:
            found["last_day"] = f"It is after today, {today} (UTC)."
        days = (self.last_day - self.first_day).days + 1
        if not 1 <= days <= MOST_DAYS:
            text = f"From {self.first_day} to {self.last_day} it is {days} days; 1 to {MOST_DAYS} are possible."
            found["first_day"] = text
        return found


def last_period(kind: Report.Kind, *, now: datetime) -> tuple[date, date]:
    """The first and the last day of the last whole day, week (from Sunday), month or year before today (UTC)."""
    today = day_of(now)
    match kind:
        case Report.Kind.DAILY:
            return today - DAY, today - DAY
        case Report.Kind.WEEKLY:
            sunday = today - ((today.weekday() + 1) % 7) * DAY
            return sunday - 7 * DAY, sunday - DAY
        case Report.Kind.MONTHLY:
            last = today.replace(day=1) - DAY
            return last.replace(day=1), last
        case Report.Kind.YEARLY:
            return date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)


def ask_for_report(user: User, wanted: Wanted, *, now: datetime) -> Report:
    """Write down what is asked for; a worker makes it then. Raises NotYours, TooManyReports."""
    if wanted.of_everybody and not sees_all(user):
        raise NotYours("only who sees everybody's rows has reports of everybody's trading")
    if wanted.bot is not None and wanted.bot.owner_id != user.pk and not wanted.of_everybody:
        raise NotYours(f"bot {wanted.bot.pk} belongs to somebody else")
    first, last = last_period(wanted.kind, now=now)
    with transaction.atomic():
        one_at_a_time(user)
        _require_room(user)
        return Report.objects.create(
            owner=user,
            of_everybody=wanted.of_everybody,
            kind=wanted.kind,
            about=wanted.about,
            bot=wanted.bot,
            symbol=wanted.symbol,
            strategy=wanted.strategy,
            first_day=wanted.first_day or first,
            last_day=wanted.last_day or last,
            created_at=now,
        )


def _require_room(user: User) -> None:
    rows = Report.objects.filter(owner=user)
    if rows.filter(status=Report.Status.WAITING).count() >= MOST_WAITING:
        raise TooManyReports(f"{MOST_WAITING} reports of {user} wait to be made, the most that may")
    if rows.filter(by_schedule=False).count() >= MOST_KEPT:
        raise TooManyReports(f"{MOST_KEPT} reports of {user} are kept, the most that may: delete some")


def schedule_reports(kind: Report.Kind, *, now: datetime) -> list[Report]:
    """A report for everybody who has traded in the last whole period, once; those that are new."""
    first, last = last_period(kind, now=now)
    traded = Trade.objects.filter(created_at__gte=midnight(first), created_at__lt=midnight(last) + DAY)
    owners = User.objects.filter(pk__in=traded.values("position__account__owner"), is_active=True)
    told = {"kind": kind, "first_day": first, "by_schedule": True}
    known = set(Report.objects.filter(**told).values_list("owner", flat=True))
    new = [Report(owner=user, last_day=last, created_at=now, **told) for user in owners if user.pk not in known]
    Report.objects.bulk_create(new, ignore_conflicts=True)
    return list(Report.objects.filter(**told, status=Report.Status.WAITING, owner__in=[row.owner for row in new]))


def waiting_reports(*, now: datetime, most: int) -> Iterable[Report]:
    """Those whose task was lost, or has died, the oldest first."""
    late = Report.objects.filter(status=Report.Status.WAITING, created_at__lte=now - LATE_AFTER)
    return late.order_by("created_at")[:most]


def give_up_deadly(task: str, *, now: datetime) -> int:
    """End those whose making has killed its process so often that it is a dead letter; how many.

    ``task`` makes one. Else each sweep would send it once more, for ever.
    """
    letters = DeadLetter.objects.filter(task=task, state=DeadLetter.State.WAITING, error__startswith="WorkerLostError")
    made = [args[0] for args in letters.values_list("args", flat=True) if args]
    deadly = Report.objects.filter(pk__in=made, status=Report.Status.WAITING)
    said = "its process died again and again: ask for fewer days"
    return deadly.update(status=Report.Status.FAILED, error=said, finished_at=now)

"""Who works on a backtest: one worker at a time, who tells that it lives; one that does not any more is found here.

The claim is in the row, so that a task which is delivered twice, or comes late, changes nothing.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce

from bots.models import Backtest, BacktestPart
from bots.models.backtests import MOST_ATTEMPTS
from market.types import Clock

TELLS_EVERY = timedelta(seconds=2)
LOST_AFTER = timedelta(seconds=60)  # longer than an exchange that hangs keeps a page from us
PER_SWEEP = 100
BATCH = 20  # parts of one statement
QUEUED, RUNNING, FAILED = Backtest.Status.QUEUED, Backtest.Status.RUNNING, Backtest.Status.FAILED
LOST = f"its worker was lost {MOST_ATTEMPTS} times: it may take more memory than a worker has"


class Stopped(Exception):
    """Nobody wants the rest: it was canceled, deleted, or taken for lost and given to another worker."""


class Hold:
    """A backtest while it is ours."""

    def __init__(self, backtest: Backtest, *, clock: Clock) -> None:
        self.backtest, self._clock, self._told_at = backtest, clock, clock()

    @property
    def _mine(self) -> QuerySet[Backtest]:
        held = self.backtest
        return Backtest.objects.filter(pk=held.pk, status=RUNNING, attempts=held.attempts)

    def beat(self, share: float) -> None:
        """Tell how far it is, at most every two seconds. Raises Stopped."""
        now = self._clock()
        if now - self._told_at < TELLS_EVERY:
            return
        self._told_at = now
        if not self._mine.update(progress_percent=min(max(int(share * 100), 0), 99), seen_at=now):
            raise Stopped(f"backtest {self.backtest.pk} is not ours any more")

    def finish(self, parts: list[BacktestPart], **told: object) -> None:
        """Write down what came of it, all of it or nothing. Raises Stopped."""
        with transaction.atomic():
            ended = {"status": Backtest.Status.DONE, "progress_percent": 100, "ended_at": self._clock()}
            if not self._mine.update(**ended, **told):
                raise Stopped(f"backtest {self.backtest.pk} is not ours any more")
            BacktestPart.objects.bulk_create(parts, batch_size=BATCH)

    def fail(self, error: str) -> None:
        """End it without a result."""
        self._mine.update(status=FAILED, error=error[:500], ended_at=self._clock())

    def give_back(self, error: str) -> None:
        """Let it be tried again in a while, unless it has been often enough."""
        if self.backtest.attempts >= MOST_ATTEMPTS:
            self.fail(f"{error}; tried {MOST_ATTEMPTS} times")
        else:
            self._mine.update(status=QUEUED, progress_percent=0, seen_at=self._clock())


def claim(backtest_id: int, *, clock: Clock) -> Hold | None:
    """Take it over from the queue; None: it is somebody's, has ended, or is gone."""
    now, waiting = clock(), Backtest.objects.filter(pk=backtest_id, status=QUEUED)
    begun = {"started_at": Coalesce("started_at", Value(now)), "attempts": F("attempts") + 1, "seen_at": now}
    if not waiting.update(status=RUNNING, progress_percent=0, **begun):
        return None
    backtest = Backtest.objects.filter(pk=backtest_id).first()
    return Hold(backtest, clock=clock) if backtest else None


def lost_backtests(*, now: datetime) -> list[int]:
    """Those whose task or worker is lost, the oldest first, to be sent (again); those that were it too often fail."""
    with transaction.atomic():
        silent = Backtest.objects.unfinished().filter(seen_at__lte=now - LOST_AFTER)
        lost = list(silent.select_for_update(skip_locked=True).order_by("asked_at")[:PER_SWEEP])
        hopeless = [one.pk for one in lost if one.attempts >= MOST_ATTEMPTS]
        again = [one.pk for one in lost if one.attempts < MOST_ATTEMPTS]
        Backtest.objects.filter(pk__in=hopeless).update(status=FAILED, error=LOST, ended_at=now)
        Backtest.objects.filter(pk__in=again).update(status=QUEUED, progress_percent=0, seen_at=now)
    return again

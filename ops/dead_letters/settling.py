"""Send work once more that failed for good, or let it be."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from celery import current_app
from django.conf import settings
from django.contrib.auth.models import User
from kombu.exceptions import OperationalError

from ops.dead_letters.policy import why_never
from ops.models import DeadLetter
from ops.worker_tasks import worker_tasks

State = DeadLetter.State
MEANWHILE = "it was settled, or failed again, meanwhile"


class Seen(NamedTuple):
    """A dead letter as somebody saw it who decided what becomes of it."""

    pk: int
    failures: int

    @classmethod
    def of(cls, letter: DeadLetter) -> "Seen":
        return cls(letter.pk, letter.failures)


class NotSettled(Exception):
    """The letter stays as it is; the message says why."""


def why_not_requeue(letter: DeadLetter) -> str:
    """Why the letter is not sent again; empty when it may be."""
    if letter.state != State.WAITING:
        return f"it is {letter.state}"
    if not letter.task:
        return "its message could not be read"
    if reason := why_never(letter.task):
        return reason
    if not letter.is_whole:
        return "its arguments are not kept as they were: they were too long, or held a secret"
    if letter.task not in worker_tasks():
        return "no worker knows this task"
    if letter.queue not in settings.CELERY_TASK_QUEUES:
        return f"there is no queue {letter.queue!r}"
    return ""


def why_not_discard(letter: DeadLetter) -> str:
    """Why the letter can't be discarded; empty when it can."""
    return "" if letter.state == State.WAITING else f"it is {letter.state}"


def requeue(seen: Seen, *, by: User, now: datetime) -> None:
    """Send the same task with the same arguments to the same queue, once whoever else is about to do so.

    It is claimed before it is sent, as an order is. Raises NotSettled, and OperationalError when the broker does not
    answer: then it waits again.
    """
    letter = _letter(seen)
    if reason := why_not_requeue(letter):
        raise NotSettled(reason)
    _settle(seen, State.REQUEUED, by=by, now=now)
    try:
        current_app.tasks[letter.task].apply_async(args=letter.args, kwargs=letter.kwargs, queue=letter.queue)
    except (OperationalError, TypeError) as error:
        _take_back(letter, now=now)
        if isinstance(error, TypeError):
            raise NotSettled(f"the task does not take these arguments: {error}") from error
        raise


def discard(seen: Seen, *, by: User, now: datetime) -> None:
    """Let it be. Raises NotSettled."""
    _settle(seen, State.DISCARDED, by=by, now=now)


def drop_old_letters(*, now: datetime) -> int:
    """Delete what has not failed for so long that nobody asks any more; return how many."""
    oldest = now - timedelta(days=settings.DEAD_LETTERS_KEPT_DAYS)
    count, _ = DeadLetter.objects.filter(failed_at__lt=oldest).delete()
    return count


def _letter(seen: Seen) -> DeadLetter:
    letter = DeadLetter.objects.filter(pk=seen.pk).first()
    if letter is None:
        raise NotSettled("it is not kept any more")
    return letter


def _settle(seen: Seen, state: State, *, by: User, now: datetime) -> None:
    claimed = _waiting(seen).update(state=state, settled_by=by, settled_at=now)
    if not claimed:
        raise NotSettled(MEANWHILE)


def _take_back(letter: DeadLetter, *, now: datetime) -> None:
    """It was not sent; what was decided about it before is as it was."""
    ours = DeadLetter.objects.filter(pk=letter.pk, failures=letter.failures, state=State.REQUEUED, settled_at=now)
    ours.update(state=State.WAITING, settled_by=letter.settled_by_id, settled_at=letter.settled_at)


def _waiting(seen: Seen) -> Any:
    return DeadLetter.objects.filter(pk=seen.pk, failures=seen.failures, state=State.WAITING)

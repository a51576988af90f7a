"""Write down what failed for good. A worker calls this, so it neither raises nor waits for long."""

import json
import logging
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from time import monotonic
from typing import Any

from django.db import DatabaseError, InterfaceError, close_old_connections, connection, transaction
from django.db.models import F

from market.redaction import plain_text, redacted, redacted_text
from ops.dead_letters.naming import named_arguments
from ops.dead_letters.policy import told_apart_by
from ops.metrics.process import DEAD_LETTERS, queue_label
from ops.models import DeadLetter

logger = logging.getLogger(__name__)

PATIENCE_SQL = "SELECT set_config('lock_timeout', '1s', true), set_config('statement_timeout', '1s', true)"
PAUSE_SECONDS = 5.0  # a database that hangs must not hold up each task that fails
MOST_ARGUMENTS, MOST_ERROR, MOST_TRACEBACK = 50_000, 2_000, 20_000  # characters
State = DeadLetter.State

_next_at = 0.0


@dataclass(frozen=True)
class Failure:
    """What a worker knows of a message whose work failed. ``task`` is empty when it could not be read."""

    task: str
    task_id: str
    queue: str
    worker: str
    error: str
    traceback: str = ""
    args: Any = field(default_factory=list)
    kwargs: Any = field(default_factory=dict)
    is_readable: bool = True
    is_delivered_again: bool = False  # by the broker, so that nobody has to decide anything yet


def keep(failure: Failure, *, now: datetime) -> bool:
    """Write it down; count it when it is known. False when that was impossible, which the log tells."""
    global _next_at
    if monotonic() < _next_at:
        logger.error("task %s (%s): not kept: the database was away just now", failure.task_id, failure.task)
        return False
    try:
        if not connection.in_atomic_block:  # in a worker it never is
            close_old_connections()
        _keep(failure, now=now)
    except Exception as error:  # whatever it is, the worker goes on
        if isinstance(error, DatabaseError | InterfaceError):
            _next_at = monotonic() + PAUSE_SECONDS
        logger.exception("task %s (%s): not kept", failure.task_id, failure.task)
        return False
    DEAD_LETTERS.inc(queue=queue_label(failure.queue))
    return True


def _keep(failure: Failure, *, now: datetime) -> None:
    args, kwargs, is_whole = _arguments(failure)
    apart = told_apart_by(failure.task, failure.task_id, args, kwargs) if failure.is_readable else None
    told = {
        "task": plain_text(failure.task)[:255],
        "task_id": plain_text(failure.task_id)[:255],
        "queue": plain_text(failure.queue)[:255],
        "worker": failure.worker[:255],
        "args": args,
        "kwargs": kwargs,
        "is_whole": is_whole,
        "error": redacted_text(failure.error[:MOST_ERROR]),
        "traceback": redacted_text(_end(failure.traceback)),
        "failed_at": now,
    }
    settled = {"state": State.REQUEUED, "settled_at": now} if failure.is_delivered_again else {"state": State.WAITING}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(PATIENCE_SQL)
        letter, is_new = DeadLetter.objects.select_for_update().get_or_create(
            fingerprint=_fingerprint(told["task"], told["queue"], apart),
            defaults={**told, **settled, "first_failed_at": now},
        )
        if is_new:
            return
        if failure.is_delivered_again:  # what waits for somebody goes on waiting
            settled = {}
        DeadLetter.objects.filter(pk=letter.pk).update(**told, **settled, failures=F("failures") + 1)


def _arguments(failure: Failure) -> tuple[Any, Any, bool]:
    """The arguments as they are kept, and whether they are still what they were."""
    length = len(json.dumps([failure.args, failure.kwargs]))
    if length > MOST_ARGUMENTS:
        return [f"{length:,} characters, too many to be kept"], {}, False
    names = named_arguments(failure.task, failure.args)
    args = [redacted(value, name) for value, name in zip(failure.args, names, strict=True)]
    kwargs = redacted(failure.kwargs)
    return args, kwargs, failure.is_readable and args == list(failure.args) and kwargs == failure.kwargs


def _end(text: str) -> str:
    """The last lines of a text, where a traceback says what went wrong; whole ones: no secret loses its name."""
    return text if len(text) <= MOST_TRACEBACK else text[-MOST_TRACEBACK:].partition("\n")[2]


def _fingerprint(task: str, queue: str, apart: Any) -> str:
    return sha256(json.dumps([task, queue, apart], sort_keys=True).encode()).hexdigest()

"""What happens beside each task, from when it is sent: ids and lines for the log, counts, and what failed for good.

Nothing of it is for tasks that are called in place. Each function stands alone: if one fails the others go on.
"""

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Task, signals
from celery.app.task import Context
from django.db import close_old_connections

from market import request_id
from market.logs import context
from market.logs.setup import TASKS

logger = logging.getLogger(TASKS)
OUTCOMES = {"SUCCESS": "succeeded", "FAILURE": "failed", "RETRY": "tried again later"}


def connect() -> None:
    """Have Celery call what is below, in this order where several are called at once."""
    signals.before_task_publish.connect(write_on_it)
    signals.task_received.connect(tell_what_comes)
    signals.task_revoked.connect(tell_what_is_dropped)
    for begin in (drop_broken_database_connections, bind_ids, count_begin):
        signals.task_prerun.connect(begin)
    signals.task_failure.connect(keep_what_failed_for_good)
    signals.task_internal_error.connect(keep_what_failed_for_good)
    for end in (tell_what_became_of_it, count_end, note_how_a_schedule_ran, forget_ids):
        signals.task_postrun.connect(end)
    signals.task_unknown.connect(keep_what_nobody_knows)
    signals.task_rejected.connect(keep_what_is_no_task)


def write_on_it(headers: dict[str, Any], **_: object) -> None:
    """When it was sent, so that people see since when a queue's oldest has been waiting, and which request made it."""
    from ops.queues import SENT_AT

    headers[SENT_AT] = time.time()
    headers[request_id.HEADER] = request_id.current()


# --- in the main process of a worker ----------------------------------------------------------------------------------


def tell_what_comes(request: Any, **_: object) -> None:
    """All else of a task is told by the process that works on it."""
    logger.info("received", extra=_ids(request.name, request.id, request.request_dict))


def tell_what_is_dropped(sender: Task, request: Context, expired: bool, **_: object) -> None:
    """Nobody works on it, or not to its end: it came too late, or somebody has called it off."""
    logger.info("expired" if expired else "revoked", extra=_ids(sender.name, request.id, request.headers or {}))


def _ids(task: str, task_id: Any, headers: dict[str, Any]) -> dict[str, Any]:
    told = headers.get(request_id.HEADER)
    return {"task": task, "task_id": task_id, **({"request_id": told} if told else {})}


def keep_what_nobody_knows(sender: Any, message: Any, name: str, id: str, **_: object) -> None:  # noqa: A002
    """A task of another version, or of nobody: Celery would only log it."""
    from tradebot_site.worker import keep_message

    error = LookupError(f"no worker knows the task {name}")
    keep_message(message, error, worker=sender.hostname, task=name, task_id=id)


def keep_what_is_no_task(sender: Any, message: Any, exc: Exception | None, **_: object) -> None:
    """A message of which Celery makes no task."""
    from tradebot_site.worker import keep_message

    keep_message(message, exc, worker=sender.hostname)


# --- in the process that works on it ----------------------------------------------------------------------------------


def drop_broken_database_connections(sender: Task, **_: object) -> None:
    """Check the connection that CELERY_DB_REUSE_MAX keeps, else every task fails after a PostgreSQL restart."""
    if not sender.request.is_eager:
        close_old_connections()


def bind_ids(sender: Task, task_id: str, **_: object) -> None:
    """From now on all lines tell for which task they were written, and which request made it."""
    if sender.request.is_eager:
        return
    context.forget()
    context.bind(task=sender.name, task_id=task_id)
    if told := (sender.request.headers or {}).get(request_id.HEADER):
        request_id.begin(told)


def count_begin(sender: Any, **_: object) -> None:
    """Also whether more is to be logged is looked for now."""
    sender.request.began = time.monotonic()
    if sender.request.is_eager:
        return
    from ops import verbosity
    from ops.metrics import process

    process.count_begin(sender.request)
    verbosity.begin_work()


def keep_what_failed_for_good(
    sender: Task,
    task_id: str,
    exception: BaseException,
    args: Any,
    kwargs: Any,
    einfo: Any,
    request: dict[str, Any] | None = None,
    **_: object,
) -> None:
    """At the last try. What this process can't tell any more `tradebot_site.worker` does."""
    about = Context(request) if request else sender.request
    if about.id != task_id or about.is_eager:
        return
    from ops import dead_letters

    failure = dead_letters.Failure(
        task=sender.name,
        task_id=task_id,
        queue=_queue(about),
        worker=about.hostname or "",
        error=_told(exception),
        traceback=str(einfo.traceback),
        args=args,
        kwargs=kwargs,
    )
    dead_letters.keep(failure, now=datetime.now(UTC))


def tell_what_became_of_it(sender: Task, state: str | None, retval: object, **_: object) -> None:
    """Not what it returns, which may be anything; of a failure, what Celery tells with its traceback, in short."""
    if sender.request.is_eager:
        return
    about = {"seconds": round(_seconds(sender), 4), "queue": _queue(sender.request)}
    failed = isinstance(retval, BaseException) and state == "FAILURE"
    if failed:
        about["error"] = _told(retval)
    logger.log(logging.WARNING if failed else logging.INFO, OUTCOMES.get(state or "", state or "ended"), extra=about)


def count_end(sender: Task, state: str | None, **_: object) -> None:
    if sender.request.is_eager:
        return
    from ops.metrics import process

    process.count_end(sender.name, sender.request, state or "", seconds=_seconds(sender))


def note_how_a_schedule_ran(sender: Task, state: str | None, retval: object, **_: object) -> None:
    """Of periodic tasks alone: the others are too many, and have rows of their own that tell."""
    name = getattr(sender.request, "periodic_task_name", None)
    if not name:
        return
    from ops.schedule_runs import note_run

    seconds = _seconds(sender)
    error = _told(retval) if isinstance(retval, BaseException) else ""
    at = datetime.now(UTC) - timedelta(seconds=seconds)
    note_run(name, at=at, seconds=seconds, state=state or "", error=error)


def forget_ids(sender: Task, **_: object) -> None:
    """After all others: what follows is about no task and no request."""
    from ops import verbosity

    if not sender.request.is_eager:
        verbosity.end_work()
        context.forget()


def _seconds(sender: Any) -> float:
    """Since it began; 0 when nobody has seen that."""
    now = time.monotonic()
    return now - float(getattr(sender.request, "began", now))


def _queue(request: Any) -> str:
    return (request.delivery_info or {}).get("routing_key") or ""


def _told(error: object) -> str:
    return f"{type(error).__name__}: {error}"

"""The Celery app `tradebot`. Every setting is in settings.py under CELERY_."""

import gc
import logging
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Celery, Task
from celery.app.task import Context
from celery.signals import (
    beat_init,
    before_task_publish,
    heartbeat_sent,
    setup_logging,
    task_failure,
    task_internal_error,
    task_postrun,
    task_prerun,
    task_received,
    task_rejected,
    task_unknown,
    worker_init,
    worker_process_init,
    worker_shutting_down,
)
from django.db import close_old_connections

from market import request_id
from market.logs import context
from market.logs.setup import TASKS, hear_celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradebot_site.settings")


task_log = logging.getLogger(TASKS)
OUTCOMES = {"SUCCESS": "succeeded", "FAILURE": "failed", "RETRY": "tried again later"}


class OurTask(Task):
    Request = "tradebot_site.worker:Request"  # only a worker imports it


app = Celery("tradebot", task_cls=OurTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(loglevel: int, **_: object) -> None:
    """Celery sets up nothing of its own beside settings.LOGGING; its -l says how much of it is heard."""
    hear_celery(loglevel)


@task_prerun.connect
def drop_broken_database_connections(sender: Task, **_: object) -> None:
    """Check the connection that CELERY_DB_REUSE_MAX keeps, else every task fails after a PostgreSQL restart."""
    if not sender.request.is_eager:
        close_old_connections()


@worker_process_init.connect
def spare_what_stays(**_: object) -> None:
    """Never again look through what was there before the first task: it stays, and it is most of the memory."""
    gc.collect()
    gc.freeze()


@worker_process_init.connect
def look_during_long_tasks(**_: object) -> None:
    """Whether more, or less, is to be logged; short tasks look as they begin."""
    from ops import verbosity

    verbosity.keep_looking(only_when=verbosity.works_for_long)


@before_task_publish.connect
def write_on_it(headers: dict[str, Any], **_: object) -> None:
    """When it was sent, so that people see since when a queue's oldest has been waiting, and which request made it."""
    from ops.queues import SENT_AT

    headers[SENT_AT] = time.time()
    headers[request_id.HEADER] = request_id.current()


@worker_init.connect
@beat_init.connect
def begin_to_count(**_: object) -> None:
    """In the main process, before it has children."""
    from ops.metrics.service import begin_service

    begin_service()


@heartbeat_sent.connect
def tell_that_it_lives(sender: Any, **_: object) -> None:
    """The heart beats every 2 s in the main process of a worker, whatever its tasks do."""
    from ops.liveness import tell_of_worker

    queues = sender.eventer.app.amqp.queues.consume_from
    tell_of_worker(sender.eventer.hostname, queues, now=datetime.now(UTC))


@worker_shutting_down.connect
def tell_that_it_ends(sender: str, **_: object) -> None:
    """``sender`` is the worker's name. One that is killed says nothing, and is missed."""
    from ops.liveness import forget_worker

    forget_worker(sender)


@task_received.connect
def tell_what_comes(request: Any, **_: object) -> None:
    """In the main process; all else of a task is told by the process that works on it."""
    told = request.request_dict.get(request_id.HEADER)
    ids = {"task": request.name, "task_id": request.id, **({"request_id": told} if told else {})}
    task_log.info("received", extra=ids)


@task_prerun.connect
def begin_a_task(sender: Any, task_id: str, **_: object) -> None:
    """From now on all lines tell for which task they were written, and which request made it."""
    sender.request.began = time.monotonic()
    if sender.request.is_eager:
        return
    context.forget()
    context.bind(task=sender.name, task_id=task_id)
    if told := (sender.request.headers or {}).get(request_id.HEADER):
        request_id.begin(told)
    from ops import verbosity
    from ops.metrics.process import count_begin

    count_begin(sender.request)
    verbosity.begin_work()


@task_postrun.connect
def tell_what_became_of_it(sender: Any, state: str | None, retval: object, **_: object) -> None:
    """Not what it returns, which may be anything; of a failure, what Celery tells with its traceback, in short."""
    if sender.request.is_eager:
        return
    failed = isinstance(retval, BaseException) and state == "FAILURE"
    about: dict[str, Any] = {
        "seconds": round(_seconds(sender), 4),
        "queue": (sender.request.delivery_info or {}).get("routing_key"),
    }
    if failed:
        about["error"] = f"{type(retval).__name__}: {retval}"
    told = {"SUCCESS": "succeeded", "FAILURE": "failed", "RETRY": "tried again later"}.get(
        state or "", state or "ended"
    )
    task_log.log(logging.WARNING if failed else logging.INFO, told, extra=about)


@task_postrun.connect
def count_it(sender: Task, state: str | None, **_: object) -> None:
    if sender.request.is_eager:
        return
    from ops.metrics.process import count_end

    count_end(sender.name, sender.request, state or "", seconds=_seconds(sender))


def _seconds(sender: Any) -> float:
    """Since it began; 0 when nobody has seen that."""
    now = time.monotonic()
    return now - float(getattr(sender.request, "began", now))


@task_postrun.connect
def note_how_a_schedule_ran(sender: Task, state: str | None, retval: object, **_: object) -> None:
    """Of periodic tasks alone: the others are too many, and have rows of their own that tell."""
    name = getattr(sender.request, "periodic_task_name", None)
    if not name:
        return
    from ops.schedule_runs import note_run

    seconds = _seconds(sender)
    error = f"{type(retval).__name__}: {retval}" if isinstance(retval, BaseException) else ""
    at = datetime.now(UTC) - timedelta(seconds=seconds)
    note_run(name, at=at, seconds=seconds, state=state or "", error=error)


@task_failure.connect
@task_internal_error.connect
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
    """In the process that worked on it, at the last try. What that can't tell any more `tradebot_site.worker` does."""
    about = Context(request) if request else sender.request
    if about.id != task_id or about.is_eager:
        return
    from ops import dead_letters

    failure = dead_letters.Failure(
        task=sender.name,
        task_id=task_id,
        queue=(about.delivery_info or {}).get("routing_key") or "",
        worker=about.hostname or "",
        error=f"{type(exception).__name__}: {exception}",
        traceback=str(einfo.traceback),
        args=args,
        kwargs=kwargs,
    )
    dead_letters.keep(failure, now=datetime.now(UTC))


@task_unknown.connect
def keep_what_nobody_knows(sender: Any, message: Any, name: str, id: str, **_: object) -> None:  # noqa: A002
    """A task of another version, or of nobody: Celery would only log it."""
    from tradebot_site.worker import keep_message

    error = LookupError(f"no worker knows the task {name}")
    keep_message(message, error, worker=sender.hostname, task=name, task_id=id)


@task_rejected.connect
def keep_what_is_no_task(sender: Any, message: Any, exc: Exception | None, **_: object) -> None:
    """A message of which Celery makes no task."""
    from tradebot_site.worker import keep_message

    keep_message(message, exc, worker=sender.hostname)


@task_postrun.connect
def forget_the_task(sender: Any, **_: object) -> None:
    """After all others: what follows is about no task and no request."""
    from ops import verbosity

    if not sender.request.is_eager:
        verbosity.end_work()
        context.forget()

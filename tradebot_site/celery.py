"""The Celery app `tradebot`. Every setting is in settings.py under CELERY_."""

import gc
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
    task_failure,
    task_internal_error,
    task_postrun,
    task_prerun,
    task_rejected,
    task_unknown,
    worker_init,
    worker_process_init,
    worker_shutting_down,
)
from django.db import close_old_connections

from market import request_id

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradebot_site.settings")


class OurTask(Task):
    Request = "tradebot_site.worker:Request"  # only a worker imports it


app = Celery("tradebot", task_cls=OurTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


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


@task_prerun.connect
def take_the_time(sender: Any, **_: object) -> None:
    sender.request.began = time.monotonic()
    if not sender.request.is_eager and (told := (sender.request.headers or {}).get(request_id.HEADER)):
        request_id.begin(told)
    if not sender.request.is_eager:
        from ops.metrics.process import count_begin

        count_begin(sender.request)


@task_postrun.connect
def forget_the_request(sender: Any, **_: object) -> None:
    if not sender.request.is_eager:
        request_id.end()


@task_postrun.connect
def count_it(sender: Task, state: str | None, **_: object) -> None:
    if sender.request.is_eager:
        return
    from ops.metrics.process import count_end

    seconds = time.monotonic() - getattr(sender.request, "began", time.monotonic())
    count_end(sender.name, sender.request, state or "", seconds=seconds)


@task_postrun.connect
def note_how_a_schedule_ran(sender: Task, state: str | None, retval: object, **_: object) -> None:
    """Of periodic tasks alone: the others are too many, and have rows of their own that tell."""
    name = getattr(sender.request, "periodic_task_name", None)
    if not name:
        return
    from ops.schedule_runs import note_run

    seconds = time.monotonic() - getattr(sender.request, "began", time.monotonic())
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

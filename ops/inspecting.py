"""What workers say when they are asked, in bounded time. Who lives is told without asking: `ops.liveness`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from celery import current_app
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from market.redaction import redacted

PATIENCE_SECONDS = 1.0  # with which answers are collected
CONNECT_SECONDS = 2


class BrokerAway(Exception):
    """The broker does not answer, so nobody can be asked."""


class ActiveTask(NamedTuple):
    """What a worker has in hand. Its arguments hold no secret any more."""

    task_id: str
    task: str
    worker: str
    args: Any
    kwargs: Any
    started_at: datetime | None


def active_tasks() -> list[ActiveTask]:
    """What all workers that answer have in hand, the oldest first. Raises BrokerAway."""
    told = _asked(lambda workers: workers.active())
    found = [_active(name, task) for name, tasks in told.items() for task in tasks]
    return sorted(found, key=lambda task: (task.started_at is None, task.started_at))


def answering_workers() -> list[str]:
    """The names of the workers that answer within a second. Raises BrokerAway."""
    return sorted(_asked(lambda workers: workers.ping()))


def _asked(question: Callable[[Any], Any]) -> dict[str, Any]:
    try:
        patience = {"socket_timeout": CONNECT_SECONDS, "socket_connect_timeout": CONNECT_SECONDS}
        with current_app.connection_for_write(
            connect_timeout=CONNECT_SECONDS, transport_options=patience
        ) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=CONNECT_SECONDS)
            return question(current_app.control.inspect(timeout=PATIENCE_SECONDS, connection=connection)) or {}
    except (OperationalError, RedisError, OSError) as error:
        raise BrokerAway(str(error)) from error


def _active(worker: str, task: dict[str, Any]) -> ActiveTask:
    started = task.get("time_start")
    return ActiveTask(
        task_id=str(task["id"]),
        task=str(task["name"]),
        worker=worker,
        args=redacted(task.get("args") or []),
        kwargs=redacted(task.get("kwargs") or {}),
        started_at=datetime.fromtimestamp(started, UTC) if started else None,
    )

"""What waits in the broker, and since when."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, cast

from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

# Seconds; it is tried twice, and `doctor` waits for 2.5 s in all. A worker's own connection has more.
PATIENCE = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0}
MOST_UNACKED = 10_000  # more are counted, but not by queue
SENT_AT = "sent_at"  # the header with the moment a message was sent, in seconds since 1970


class Waiting(NamedTuple):
    """Messages of one queue; the age of the oldest in seconds, None when there is none or it does not tell."""

    depth: int
    oldest_seconds: float | None


def waiting_messages() -> dict[str, Waiting] | None:
    """By queue; None when the broker does not answer."""
    try:
        with _broker() as client:
            pipe = client.pipeline(transaction=False)
            for name in settings.CELERY_TASK_QUEUES:
                pipe.llen(name)
                pipe.lindex(name, -1)  # who comes last is taken first
            answers = pipe.execute()
    except (OperationalError, RedisError, OSError):
        return None
    told = zip(settings.CELERY_TASK_QUEUES, answers[::2], answers[1::2], strict=True)
    return {name: Waiting(depth, _age(oldest)) for name, depth, oldest in told}


def queue_depths() -> dict[str, int] | None:
    """Messages that wait in each queue; None when the broker does not answer."""
    found = waiting_messages()
    return None if found is None else {name: waiting.depth for name, waiting in found.items()}


def unacked_messages() -> tuple[int, dict[str, int]] | None:
    """Messages that workers have taken and not settled: all of them, and by queue; None when the broker is away."""
    try:
        with _connected() as connection:
            channel = cast(Any, connection.default_channel)
            total = channel.client.hlen(channel.unacked_key)
            lines = channel.client.hvals(channel.unacked_key) if total <= MOST_UNACKED else []
    except (OperationalError, RedisError, OSError):
        return None
    # kombu keeps each with the exchange and the key by which it came, and the key is the queue's name.
    return total, dict(Counter(str(json.loads(line)[2]) for line in lines))


def broker_memory() -> int:
    """Bytes that the broker uses for its data. Raises OSError when it does not answer."""
    try:
        with _broker() as client:
            return int(client.info("memory")["used_memory"])
    except (OperationalError, RedisError) as error:
        raise ConnectionError(f"the broker does not answer: {error}") from error


@contextmanager
def _broker() -> Iterator[Any]:
    """The broker's Redis."""
    with _connected() as connection:
        yield cast(Any, connection.default_channel).client  # kombu's Redis channel


@contextmanager
def _connected() -> Iterator[Any]:
    """A connection to the broker which is given up in seconds, also by a server that hangs."""
    with current_app.connection_for_read(transport_options=PATIENCE) as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, timeout=3)
        yield connection


def _age(message: bytes | None) -> float | None:
    with suppress(ValueError, KeyError, TypeError):
        return max(time.time() - float(json.loads(message or b"")["headers"][SENT_AT]), 0.0)
    return None

"""What waits in the broker, and since when."""

import json
import time
from contextlib import suppress
from typing import Any, NamedTuple, cast

from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

SENT_AT = "sent_at"  # the header with the moment a message was sent, in seconds since 1970


class Waiting(NamedTuple):
    """Messages of one queue; the age of the oldest in seconds, None when there is none or it does not tell."""

    depth: int
    oldest_seconds: float | None


def waiting_messages() -> dict[str, Waiting] | None:
    """By queue; None when the broker does not answer."""
    try:
        with current_app.connection_for_read(connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=3)
            client = cast(Any, connection.default_channel).client  # kombu's Redis channel
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


def _age(message: bytes | None) -> float | None:
    with suppress(ValueError, KeyError, TypeError):
        return max(time.time() - float(json.loads(message or b"")["headers"][SENT_AT]), 0.0)
    return None

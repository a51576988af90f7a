"""The broker as those see it who send tasks."""

from __future__ import annotations

from typing import Any

from celery import Celery
from redis import Redis

EXPIRES_SECONDS = 5
HASTY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.1}  # the first failure is that of an old connection


class Broker:
    """Sends tasks as beat does, and looks at the queue."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._app = Celery(set_as_current=False)
        # Its name in our own environment, which may be that of other servers, would win against `broker_url`.
        self._app.conf.update(broker_write_url=environment["CELERY_BROKER_URL"])
        self._app.conf.broker_transport_options = {"socket_timeout": 2, "socket_connect_timeout": 1}
        socket = environment["REDIS_URL"].removeprefix("unix://").partition("?")[0]
        self.redis = Redis(unix_socket_path=socket, socket_timeout=2)

    def send(
        self, task: str, *args: Any, queue: str = "high_priority", expires: float = EXPIRES_SECONDS, **headers: Any
    ) -> None:
        """Send one task, perhaps with headers of our own. Raises what kombu and redis raise."""
        options: dict[str, Any] = {"queue": queue, "expires": expires, "headers": headers}
        # As `apply_async` of our tasks tells the worker: results would be written down for us as for a stranger.
        self._app.send_task(task, args=args, ignore_result=True, retry=True, retry_policy=HASTY, **options)

    def waiting(self) -> int:
        """How many tasks wait."""
        return int(self.redis.llen("high_priority"))

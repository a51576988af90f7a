"""Beat, with a heartbeat for its container, and undisturbed by a schedule that can't be."""

import logging
from typing import Any

from celery import schedules
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from ops.health import heartbeat

logger = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 60.0


class Entry(ModelEntry):
    """A crontab of the 31st of February ends Celery's own beat, and with it all others' schedules."""

    def is_due(self) -> Any:
        try:
            return super().is_due()
        except Exception:
            logger.exception("schedule %s: it is not run, as nobody can tell when it is due", self.name)
            return schedules.schedstate(False, LOOK_AGAIN_SECONDS)


class Scheduler(DatabaseScheduler):
    """Touches the file with each round, and with each try to reach a broker that is away."""

    Entry = Entry

    def tick(self, *args: Any, **kwargs: Any) -> float:
        heartbeat.touch()
        seconds: float = super().tick(*args, **kwargs)
        return seconds

    def _ensure_connected(self) -> Any:
        def wait(error: Exception, seconds: float) -> None:
            heartbeat.touch()
            logger.error("beat: the broker does not answer: %s; again in %s s", error, seconds)

        return self.connection.ensure_connection(wait, self.app.conf.broker_connection_max_retries)

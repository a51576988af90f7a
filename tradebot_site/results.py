"""Where Celery writes down what has failed: into the database, while that is there."""

import logging
from typing import Any

from django.db import Error, close_old_connections
from django_celery_results.backends import DatabaseBackend

logger = logging.getLogger(__name__)


class Results(DatabaseBackend):
    """A worker outlives a database that was away.

    Its main process writes here too (that a task has expired, that a child was lost). No task begins there that would
    drop a broken connection, and what is raised there is the worker's end.
    """

    def store_result(self, task_id: str, *args: Any, **kwargs: Any) -> Any:
        """Write the result down, or to the log that it can't be."""
        close_old_connections()
        try:
            return super().store_result(task_id, *args, **kwargs)
        except Error as error:
            logger.warning("task %s: its result is not stored: %s", task_id, error)
            return None

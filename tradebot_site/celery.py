"""The Celery app `tradebot`. Every setting is in settings.py under CELERY_."""

import gc
import os

from celery import Celery, Task
from celery.signals import task_prerun, worker_process_init
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradebot_site.settings")

app = Celery("tradebot")
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

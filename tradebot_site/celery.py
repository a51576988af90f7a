"""The Celery app `tradebot`, and the lives of its processes. Every setting is in settings.py under CELERY_.

What happens with each task is in task_signals.py.
"""

import gc
import os
from datetime import UTC, datetime
from typing import Any

from celery import Celery, Task
from celery.signals import (
    beat_init,
    heartbeat_sent,
    setup_logging,
    worker_before_create_process,
    worker_init,
    worker_process_init,
    worker_shutting_down,
)

from market.logs.setup import hear_celery
from tradebot_site import task_signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradebot_site.settings")


class OurTask(Task):
    Request = "tradebot_site.worker:Request"  # only a worker imports it


class OurCelery(Celery):
    def gen_task_name(self, name: str, module: str) -> str:
        """`ops.tasks.x` also where `tasks` is a package: who routes a task or asks for it need not know its file."""
        before, inside, _ = module.partition(".tasks.")
        return str(super().gen_task_name(name, f"{before}.tasks" if inside else before))


app = OurCelery("tradebot", task_cls=OurTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
task_signals.connect()


@setup_logging.connect
def keep_our_logging(loglevel: int, **_: object) -> None:
    """Celery sets up nothing of its own beside settings.LOGGING; its -l says how much of it is heard."""
    hear_celery(loglevel)


@worker_init.connect
@beat_init.connect
def begin_to_count(**_: object) -> None:
    """In the main process, before it has children."""
    from ops.metrics.service import begin_service

    begin_service()


@worker_before_create_process.connect
def spare_what_stays(**_: object) -> None:
    """Never again look through what is there before a child: it stays, and to look is to copy it, which takes long.

    Here, not in the child: one on a busy machine is killed when it is not ready within 4 s. What the main process has
    spared once it does not look through for the next one.
    """
    gc.collect()
    gc.freeze()


@worker_process_init.connect
def look_during_long_tasks(**_: object) -> None:
    """Whether more, or less, is to be logged; short tasks look as they begin."""
    from ops import verbosity

    verbosity.keep_looking(only_when=verbosity.works_for_long)


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

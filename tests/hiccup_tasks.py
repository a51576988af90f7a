"""A task whose end a test decides; `celery worker --include tests.hiccup_tasks` loads it."""

import os
from pathlib import Path

from celery import shared_task

from ops.stack.testing import wait_until
from tradebot_site.celery import app

# What a worker held when Redis died comes back after the visibility timeout. Ten minutes are too long for a test.
if "HICCUP_VISIBILITY_TIMEOUT" in os.environ:
    app.conf.broker_transport_options["visibility_timeout"] = int(os.environ["HICCUP_VISIBILITY_TIMEOUT"])


@shared_task
def hold(directory: str, name: str) -> None:
    """Write down that a run began, wait until the test opens the gate, write down that it is done."""
    diary = Path(directory)
    with (diary / f"{name}.began").open("a") as began:
        began.write("run\n")
    wait_until((diary / "gate").exists, timeout=60, message="the test opens the gate")
    (diary / f"{name}.done").touch()

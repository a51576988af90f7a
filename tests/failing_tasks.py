"""Tasks that fail; `celery worker --include tests.failing_tasks` loads them."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from celery import Task, shared_task
from celery.exceptions import SoftTimeLimitExceeded

from ops.stack.testing import wait_until


@shared_task
def fail(text: str, api_secret: str = "") -> None:
    """Fail for good."""
    raise RuntimeError(f"no luck with {text}, password=hunter2")


@shared_task(bind=True, max_retries=2)
def fail_each_time(self: Task, diary: str) -> None:
    """Fail three times, of which the first two aren't for good."""
    _note(diary)
    raise self.retry(countdown=0, exc=RuntimeError(f"try {self.request.retries}"))


@shared_task
def be_killed(diary: str, times: int) -> None:
    """Kill the process that runs it, as often as was asked for."""
    if _note(diary) <= times:
        os.kill(os.getpid(), signal.SIGKILL)


@shared_task(soft_time_limit=1, time_limit=2)
def overrun() -> None:
    """Not end in time, nor when it is asked to."""
    while True:
        with suppress(SoftTimeLimitExceeded):
            wait_until(lambda: False, timeout=60)


def _note(diary: str) -> int:
    """Write down that a run began; how many have."""
    path = Path(diary)
    with path.open("a") as lines:
        lines.write("run\n")
    return len(path.read_text().splitlines())

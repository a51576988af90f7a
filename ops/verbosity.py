"""Verbose logging for a while: switched on by operators in a row, which each process looks for by itself.

The row is in the database, so it needs no Redis and reaches processes that start later. Who works looks as it begins
(a request, a task), every few seconds at most; who serves without either, or works for long, has a thread that looks.
Between two looks, and when nobody can be asked, `market.logs.verbose` keeps the time.
"""

import logging
import math
import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

from django.contrib.auth.models import User
from django.db import Error as DatabaseTrouble
from django.db import connection

from market.history import change
from market.logs import verbose
from market.logs.setup import APPS
from ops.models import LogVerbosity

LOOK_SECONDS, PAUSE_SECONDS = 5.0, 30.0  # the pause is for a database that does not answer
LEAST, MOST = timedelta(minutes=5), verbose.LONGEST

logger = logging.getLogger(__name__)
_next_at = 0.0
_at_work_since: float | None = None


def switch_on(apps: Collection[str], *, length: timedelta, reason: str, by: User, now: datetime) -> LogVerbosity:
    """Let all processes say everything of these apps. Asserts what the form has checked."""
    assert apps, "no app"
    assert set(apps) <= set(APPS), f"apps: {apps}"
    assert LEAST <= length <= MOST, f"length: {length}"
    row = LogVerbosity.objects.create(apps=sorted(apps), reason=reason, started_at=now, until=now + length, by=by)
    logger.warning("verbose logging of %s until %s: %s", ", ".join(row.apps), f"{row.until:%H:%M:%S} UTC", reason)
    _look_soon()
    return row


def switch_off(row: LogVerbosity, *, now: datetime) -> bool:
    """End it early. False: it had ended."""
    if not row.is_on(now):
        return False
    change(row, until=now)
    logger.warning("verbose logging of %s: switched off", ", ".join(row.apps))
    _look_soon()
    return True


def wanted(*, now: datetime) -> dict[str, datetime]:
    """Which apps are to say everything, and until when. One statement."""
    found: dict[str, datetime] = {}
    for apps, until in LogVerbosity.objects.filter(until__gt=now).order_by("until").values_list("apps", "until"):
        found |= dict.fromkeys(apps, until)
    return found


def look() -> None:
    """Do as is wanted now, unless that was looked for just now. Never raises: whoever looks has something to do."""
    global _next_at
    if monotonic() < _next_at:
        return
    _next_at = monotonic() + LOOK_SECONDS
    try:
        now = datetime.now(UTC)
        verbose.speak(wanted(now=now), now=now)
    except DatabaseTrouble as error:
        _next_at = monotonic() + PAUSE_SECONDS
        logger.debug("verbose logging: nobody can be asked: %s", error)


def begin_work() -> None:
    """A task begins."""
    global _at_work_since
    look()
    _at_work_since = monotonic()


def end_work() -> None:
    global _at_work_since
    _at_work_since = None


def works_for_long() -> bool:
    """Whether a task began so long ago that it would miss what is wanted meanwhile."""
    return _at_work_since is not None and monotonic() - _at_work_since > LOOK_SECONDS


def keep_looking(only_when: Callable[[], bool] = lambda: True) -> None:
    """Look every few seconds in a thread, which keeps no connection and ends with the process."""

    def run() -> None:
        while True:
            sleep(LOOK_SECONDS)
            if only_when():
                try:
                    look()
                finally:
                    connection.close()

    threading.Thread(target=run, name="verbosity", daemon=True).start()


def pause() -> None:
    """Do not look in this process, unless it is told to. For tests."""
    global _next_at
    _next_at = math.inf


def _look_soon() -> None:
    global _next_at
    if _next_at != math.inf:
        _next_at = 0.0

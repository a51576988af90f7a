"""DEBUG for some of our apps, for a while, in this process. It goes back by itself, whoever else is away by then.

Only apps can be named: what libraries say in detail has secrets in it (`market.logs.setup.HUSHED`).
"""

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from market.logs.setup import APPS

LONGEST = timedelta(hours=2)

_lock = threading.Lock()
_before: dict[str, int] = {}  # app → its level when nothing is asked for
_wanted: dict[str, datetime] = {}
_timer: threading.Timer | None = None


def speak(until: Mapping[str, datetime], *, now: datetime) -> None:
    """Let these apps say everything until then, and no others from now on. A moment that is too far is none."""
    global _wanted, _timer
    wanted = {app: at for app, at in until.items() if app in APPS and now < at <= now + LONGEST}
    with _lock:
        if wanted == _wanted and (_timer or not wanted):
            return
        _wanted = wanted
        for app in APPS:
            _set(logging.getLogger(app), is_wanted=app in wanted)
        if _timer:
            _timer.cancel()
            _timer = None
        if wanted:
            _timer = threading.Timer((min(wanted.values()) - now).total_seconds(), _go_back)
            _timer.daemon = True
            _timer.start()


def spoken() -> dict[str, datetime]:
    """The apps of which this process says everything now, and until when."""
    return dict(_wanted)


def _set(logger: logging.Logger, *, is_wanted: bool) -> None:
    if is_wanted:
        _before.setdefault(logger.name, logger.level)
        logger.setLevel(logging.DEBUG)
    elif logger.name in _before:
        logger.setLevel(_before.pop(logger.name))


def _go_back() -> None:
    """Again, with a timer for what is left: clocks are set back, too."""
    global _timer
    with _lock:
        _timer = None
    speak(spoken(), now=datetime.now(UTC))

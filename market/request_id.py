"""The id under which a request is found again: in its answer, in the logs, and in the tasks that it made."""

import logging
import re
from contextvars import ContextVar
from uuid import uuid4

HEADER = "X-Request-ID"
_TAKEN = re.compile(r"[A-Za-z0-9_.-]{8,64}")
_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """The id of the request, or of the task that a request made, that is worked on; empty outside of any."""
    return _current.get()


def begin(told: str = "") -> str:
    """Work under the id that a caller has told, if it is one, else under a new one; return it."""
    request_id = told if _TAKEN.fullmatch(told) else uuid4().hex
    _current.set(request_id)
    return request_id


def end() -> None:
    """What follows belongs to no request."""
    _current.set("")


class RequestIdFilter(logging.Filter):
    """Gives each log record the id of the request, with a blank after it, or nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = f"[{current()}] " if current() else ""
        return True

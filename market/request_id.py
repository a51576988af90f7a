"""The id under which a request is found again: in its answer, in the logs, and in the tasks that it made."""

import re
from uuid import uuid4

from market.logs import context

HEADER = "X-Request-ID"
_TAKEN = re.compile(r"[A-Za-z0-9_.-]{8,64}")


def current() -> str:
    """The id of the request, or of the task that a request made, that is worked on; empty outside of any."""
    return context.current("request_id") or ""


def begin(told: str = "") -> str:
    """Work under the id that a caller has told, if it is one, else under a new one; return it."""
    request_id = told if _TAKEN.fullmatch(told) else uuid4().hex
    context.bind(request_id=request_id)
    return request_id


def end() -> None:
    """What follows belongs to no request, and to nobody."""
    context.unbind("request_id", "user")

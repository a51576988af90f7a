"""The ids of what is worked on. They stand in every line that is written meanwhile, in this thread or coroutine.

request_id (market/request_id.py), user, task, task_id, bot, account, order. Bound where work begins, and only there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from market.logs.library import contextvars


@contextmanager
def bound(**ids: Any) -> Iterator[None]:
    """In this block all lines have these ids; afterwards what was there before."""
    with contextvars.bound_contextvars(**ids):
        yield


def bind(**ids: Any) -> None:
    """The same until ``unbind``, where a beginning and an end are told apart."""
    contextvars.bind_contextvars(**ids)


def unbind(*names: str) -> None:
    contextvars.unbind_contextvars(*names)


def forget() -> None:
    """What follows is about nothing that was bound."""
    contextvars.clear_contextvars()


def current(name: str) -> Any:
    """The id of this name; None outside of such work."""
    return contextvars.get_contextvars().get(name)

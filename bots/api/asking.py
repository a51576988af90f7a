"""Views that may ask the exchange say so here: they wait for it for a bounded time."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def asking() -> Iterator[None]:
    """Whatever this block asks of the exchange."""
    yield

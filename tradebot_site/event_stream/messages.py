"""Messages that are no rows."""

import random
from typing import Any

import orjson

# Those who were all cut off at once do not all come back at once.
RETRY_MS = (1_000, 5_000)


def event(kind: str, data: Any, *, mark: object = None) -> bytes:
    """One message; with a mark the client remembers that it has got so far."""
    told = b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps(data))
    return told if mark is None else f"id: {mark}\n".encode() + told


def retry() -> bytes:
    """After how many milliseconds a client that was cut off tries again."""
    return f"retry: {random.randint(*RETRY_MS)}\n\n".encode()  # noqa: S311


def heartbeat(mark: object) -> bytes:
    """Says that we are there, and that nothing has happened up to the mark."""
    return f": still here\nid: {mark}\n\n".encode()

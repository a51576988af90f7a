"""Servers that misbehave, in threads of the test."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def silent_socket() -> Iterator[Path]:
    """A unix socket that takes connections and never says a word."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory, socket.socket(socket.AF_UNIX) as listener:
        path = Path(directory) / "silent.sock"
        listener.bind(str(path))
        listener.listen(64)
        yield path

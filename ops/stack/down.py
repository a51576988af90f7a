"""`make down`, `make reset`, `make status`."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from ops.stack import lock
from ops.stack.errors import StackError
from ops.stack.places import Places

# The supervisor takes 10 seconds at most, the guard of a killed one less.
PATIENCE_SECONDS = 15.0


def down(places: Places) -> int:
    """Stop whatever has the servers of this work tree, and wait until nothing of it is left."""
    found = lock.owner(places)
    if found is None:
        write("nothing runs here")
        return 0
    pid, role = found
    if pid and lock.lives(pid):
        write(f"stopping {role} (pid {pid})")
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while lock.owner(places) is not None:
        if time.monotonic() > deadline:
            raise StackError(f"{role} (pid {pid}) does not end: kill -9 {pid}, its children end with it")
        time.sleep(0.1)
    write("stopped")
    return 0


def reset(places: Places, *, confirmed: bool, ask: Callable[[str], str] = input) -> int:
    """Stop, and remove all data of the embedded servers; servers that the environment names are not touched."""
    if not places.local.exists():
        write(f"{places.local} does not exist: nothing to reset")
        return 0
    question = f"This deletes {places.local}: database, queues, paper exchange, secrets. Type yes to go on: "
    if not confirmed and not _agreed(question, ask):
        write("nothing was deleted")
        return 1
    down(places)
    with lock.owning(places, "make reset") as descriptor:
        if descriptor is None:
            raise StackError("something started again in the meantime: make reset once more")
        for directory in (places.temporary("postgres"), places.temporary("run"), places.local):
            shutil.rmtree(directory, ignore_errors=directory != places.local)
    write(f"deleted {places.local}")
    return 0


def status(places: Places) -> int:
    """Say who has the servers, and which children live."""
    found = lock.owner(places)
    if found is None:
        write("nothing runs here")
        return 0
    published = lock.published(places)
    write(f"{found[1]} runs (pid {found[0]})" + ("" if published else " and is starting or stopping"))
    for name, pid in (published["children"] if published else {}).items():
        write(f"  {name:<18} pid {pid:<8} {'runs' if lock.lives(pid) else 'is being started again'}")
    return 0


def _agreed(question: str, ask: Callable[[str], str]) -> bool:
    try:
        return ask(question).strip().lower() == "yes"
    except EOFError:  # no terminal
        return False


def write(text: str) -> None:
    sys.stdout.write(f"tradebot: {text}\n")
    sys.stdout.flush()

"""One owner for the servers of a work tree, and any number of processes that use them.

`run/lock` is held by the owner and, through an inherited descriptor, by every process it started: it is free when
nothing of a stack is left, not merely when its supervisor is gone. `run/users` is held shared by every command that
uses servers which another command started; that one waits for them before it stops the servers.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from ops.stack.places import Places


class Published(TypedDict):
    """What the owner tells other processes."""

    owner: int
    addresses: dict[str, str]
    children: dict[str, int]


def take(path: Path, kind: int) -> int | None:
    """The descriptor that holds the lock, or None where others hold it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def owning(places: Places, role: str) -> Iterator[int | None]:
    """Own the servers until the block ends. Yields the descriptor for the children, None if another owns them."""
    descriptor = take(places.run / "lock", fcntl.LOCK_EX)
    if descriptor is None:
        yield None
        return
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {role}\n".encode(), 0)
        yield descriptor
    finally:
        withdraw(places)
        os.close(descriptor)


def owner(places: Places) -> tuple[int, str] | None:
    """Process id and role of whoever owns the servers now; pid 0 where it has not written it yet."""
    if not (places.run / "lock").exists():
        return None
    descriptor = take(places.run / "lock", fcntl.LOCK_SH)
    if descriptor is not None:
        os.close(descriptor)
        return None
    pid, _, role = (places.run / "lock").read_text().strip().partition(" ")
    return int(pid or 0), role


def lives(pid: int) -> bool:
    """True while the process exists and is more than a zombie."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except PermissionError:
        return True
    except ProcessLookupError:
        return False
    except OSError:  # ended just now, or there is no /proc (macOS)
        return not Path("/proc/self/stat").exists()
    return state != "Z"


def publish(places: Places, addresses: Mapping[str, str], children: Mapping[str, int]) -> None:
    """Tell other processes where the servers are, now that they are ready and migrated."""
    path = places.run / "servers.json"
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    content = Published(owner=os.getpid(), addresses=dict(addresses), children=dict(children))
    with open(os.open(new, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:  # an address may hold a password
        json.dump(content, file)
    new.replace(path)


def withdraw(places: Places) -> None:
    (places.run / "servers.json").unlink(missing_ok=True)


def published(places: Places) -> Published | None:
    """What the present owner has published; None while it starts or stops, or when nobody owns the servers."""
    holder = owner(places)
    try:
        found: Published = json.loads((places.run / "servers.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    return found if holder and holder[0] == found["owner"] else None


@contextmanager
def using(places: Places) -> Iterator[bool]:
    """Keep another command's servers from stopping until the block ends; False when it is about to stop them."""
    descriptor = take(places.run / "users", fcntl.LOCK_SH)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def closed_to_users(places: Places, *, on_wait: Callable[[], None]) -> Iterator[None]:
    """Wait until no other command uses the servers, and let none begin to."""
    descriptor = take(places.run / "users", fcntl.LOCK_EX)
    if descriptor is None:
        on_wait()
        descriptor = os.open(places.run / "users", os.O_RDWR)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def describe_owner(places: Places) -> str:
    """Who owns the servers, for a message."""
    pid, role = owner(places) or (0, "nobody")
    return f"{role}, pid {pid}"

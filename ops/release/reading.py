"""Plain files below a directory, read without ever following a link, waiting for a pipe or asking a device."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.release.errors import ReleaseError
from ops.release.ignoring import LONGEST_TELLTALE, telltale
from ops.release.manifest import Entry

CHUNK = 2**18
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def opened(root: Path, path: str) -> Iterator[int]:
    """The descriptor of a plain file. Raises FileNotFoundError, and ReleaseError for anything that is no plain file."""
    *above, name = path.split("/")
    try:
        here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in above:
                deeper = os.open(part, DIRECTORY, dir_fd=here)
                os.close(here)
                here = deeper
            descriptor = os.open(name, FILE, dir_fd=here)
        finally:
            os.close(here)
    except FileNotFoundError:
        raise
    except OSError as error:
        is_link = error.errno in (errno.ELOOP, errno.ENOTDIR)
        why = "is, or lies behind, a symbolic link or a file" if is_link else error.strerror
        raise ReleaseError(f"{path}: {why}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ReleaseError(f"{path}: is no plain file")
        yield descriptor
    finally:
        os.close(descriptor)


def chunks(descriptor: int) -> Iterator[bytes]:
    while chunk := os.read(descriptor, CHUNK):
        yield chunk


def entry_of(root: Path, path: str) -> Entry:
    """What a manifest says of a file as it is now. Raises as `opened` does."""
    size, digest = 0, hashlib.sha256()
    with opened(root, path) as descriptor:
        mode = mode_of(os.fstat(descriptor).st_mode)
        for chunk in chunks(descriptor):
            if not size and (what := telltale(chunk[:LONGEST_TELLTALE])):
                raise ReleaseError(f"{path}: is {what}, which belongs to no release")
            digest.update(chunk)
            size += len(chunk)
    return Entry(path, mode, size, digest.hexdigest())


def mode_of(mode: int) -> str:
    """0755 if its owner may execute it, else 0644, whatever the umask was; as it is where that would hide a danger."""
    if mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX | stat.S_IWOTH):
        return f"{stat.S_IMODE(mode):04o}"
    return "0755" if mode & stat.S_IXUSR else "0644"

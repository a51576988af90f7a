"""Old files of LOG_DIR, `web.log.<nanoseconds>`: compressed, and dropped beyond their number."""

import gzip
import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

# Who has just renamed a file may still have a last line for it.
QUIET_SECONDS = 60.0
_OLD = re.compile(r"(?P<log>[\w-]+\.log)\.(?P<moment>\d{10,20})(?P<packed>\.gz)?")
_LEFT_BEHIND = re.compile(r"[\w-]+\.log\.\d{10,20}\.gz\.part")


class Tidied(NamedTuple):
    """How many files were compressed and dropped; what is left afterwards, the logs themselves among it, in bytes."""

    compressed: int
    dropped: int
    bytes: int


def tidy(directory: Path, *, files: int) -> Tidied:
    """Compress the old files of a directory, keep of each log the youngest, so that with it there are ``files``.

    Looks at nothing but plain files of ours in the directory itself: no link is followed. OSError when it can't.
    """
    by_log: dict[str, list[tuple[int, str]]] = {}
    for name in _plain_files(directory):
        if _LEFT_BEHIND.fullmatch(name):
            (directory / name).unlink(missing_ok=True)
        elif found := _OLD.fullmatch(name):
            by_log.setdefault(found["log"], []).append((int(found["moment"]), name))
    kept, dropped = list[str](), 0
    for old in by_log.values():
        names, number = [name for _, name in sorted(old)], max(files - 1, 1)
        kept += names[-number:]
        for name in names[:-number]:
            (directory / name).unlink(missing_ok=True)
            dropped += 1
    # Afterwards: it takes room, of which a disk may have none left.
    compressed = sum(_compress(directory / name) for name in kept)
    return Tidied(compressed, dropped, sum(_plain_files(directory).values()))


def _plain_files(directory: Path) -> dict[str, int]:
    """Names and sizes."""
    with os.scandir(directory) as entries:
        return {
            entry.name: entry.stat(follow_symlinks=False).st_size
            for entry in entries
            if entry.is_file(follow_symlinks=False)
        }


def _compress(path: Path) -> bool:
    """Whether it was: not one that is compressed, young, or gone meanwhile."""
    if path.suffix == ".gz":
        return False
    packed, part = path.with_name(f"{path.name}.gz"), path.with_name(f"{path.name}.gz.part")
    with suppress(FileNotFoundError):
        source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with open(source, "rb") as lines:
            if time.time() - os.fstat(source).st_mtime < QUIET_SECONDS:
                return False
            target = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with open(target, "wb") as raw, gzip.open(raw, "wb", compresslevel=6) as packing:
                shutil.copyfileobj(lines, packing, 1_048_576)
        part.rename(packed)
        path.unlink()
        return True
    return False

"""Where lines go. Whatever happens to them there, who has something to say goes on with its work."""

import fcntl
import logging
import os
import select
import stat
import time
from contextlib import suppress
from pathlib import Path

# With who reads our stdout slowly, or not at all: a second, and then a hundredth of the time. Other lines are lost.
PATIENCE, PATIENCE_SHARE = 1.0, 0.01
TRIES = 10


class _LineHandler(logging.Handler):
    """Writes each record at once as one line, and says with a later one how many it could not write."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(f"{self.format(record)}\n".encode(errors="backslashreplace"))
            if self.lost:
                lost, self.lost = self.lost, 0
                self._write(f"{self.format(_about_lost(lost))}\n".encode())
        except Exception:  # whatever it is, there is nobody to tell
            self.lost += 1

    def _write(self, line: bytes) -> None:
        """Raises OSError when it can't be written."""
        raise NotImplementedError


def _about_lost(lost: int) -> logging.LogRecord:
    told = {"name": "market.logs", "levelno": logging.WARNING, "levelname": "WARNING", "lost": lost}
    return logging.makeLogRecord({**told, "msg": "%s lines before this one could not be written", "args": (lost,)})


class Stream(_LineHandler):
    """Stdout or stderr, without a buffer: what a killed process has said is there.

    Several processes may share it, so room that was there a moment ago may be gone: a write must never wait.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._shared, self._descriptor = descriptor, _opened_anew(descriptor)
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLOUT)
        self._patience, self._waited_at = PATIENCE, time.monotonic()

    def close(self) -> None:
        if self._descriptor != self._shared:
            self._poll.unregister(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = self._shared
            self._poll.register(self._descriptor, select.POLLOUT)
        super().close()

    def _write(self, line: bytes) -> None:
        for _ in range(TRIES):
            if not self._has_room():
                break
            with suppress(BlockingIOError):  # another process was faster
                line = line[os.write(self._descriptor, line) :]
            if not line:
                return
        raise BlockingIOError("nobody reads")

    def _has_room(self) -> bool:
        """Whether something can be written, now or as long as our patience lasts."""
        if self._poll.poll(0):
            return True
        began = time.monotonic()
        self._patience = min(PATIENCE, self._patience + (began - self._waited_at) * PATIENCE_SHARE)
        has_room = bool(self._poll.poll(max(self._patience, 0) * 1_000))
        self._waited_at = time.monotonic()
        self._patience -= self._waited_at - began
        return has_room


def _opened_anew(descriptor: int) -> int:
    """A pipe, opened once more for us alone, so that our writes may be refused and nobody else's; all else as it is."""
    with suppress(OSError):  # there is no /proc, nobody reads any more, or it is not ours to open
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    return descriptor


class SharedFile(_LineHandler):
    """A file to which several processes append, and which each of them renames when it has become too large.

    A line is one `write` with O_APPEND, which the kernel neither mixes nor loses. Who still has the file open when
    another renames it writes one last line there, looks before the next, and goes on in the new one.
    """

    def __init__(self, path: str, most_bytes: int, files: int) -> None:
        super().__init__()
        self._path, self._most_bytes, self._files = Path(path), most_bytes, files
        self._descriptor, self._known = -1, (0, 0)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        super().close()

    def _write(self, line: bytes) -> None:
        if self._size() + len(line) > self._most_bytes:
            self._rotate()
            self._size()
        if self.lost:  # on a full disk perhaps half of one is there
            line = b"\n" + line
        if os.write(self._descriptor, line) < len(line):
            raise OSError("the disk is full")

    def _size(self) -> int:
        """Of the file that has the name now, which is open afterwards; bytes."""
        try:
            found = os.stat(self._path, follow_symlinks=False)
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            found = None
        if found is None or self._descriptor < 0 or (found.st_dev, found.st_ino) != self._known:
            found = self._open()
        return found.st_size

    def _open(self) -> os.stat_result:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        opened = os.open(self._path, flags, 0o600)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        found = os.fstat(opened)
        self._descriptor, self._known = opened, (found.st_dev, found.st_ino)
        return found

    def _rotate(self) -> None:
        """Rename the file, and drop the oldest beyond the bound; unless another process is at it, or has just done so.

        Nobody waits for that other one, which may hang; nor does a child that was forked meanwhile have its lock.
        """
        with open(f"{self._path}.lock", "a") as lock:
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                return
            try:
                found = os.stat(self._path, follow_symlinks=False)
            except FileNotFoundError:  # renamed, and nobody has opened the next one yet
                return
            if (found.st_dev, found.st_ino) != self._known or not found.st_size:
                return
            self._path.rename(f"{self._path}.{time.time_ns()}")
            for old in rotated(self._path)[: -max(self._files - 1, 1)]:
                old.unlink(missing_ok=True)


def rotated(path: Path) -> list[Path]:
    """The old files of a log, the oldest first, compressed ones among them: `web.log.<nanoseconds>[.gz]`."""
    found = [each for each in path.parent.glob(f"{path.name}.*") if _moment(path, each)]
    return sorted(found, key=lambda each: _moment(path, each))


def _moment(path: Path, old: Path) -> int:
    told = old.name.removeprefix(f"{path.name}.").removesuffix(".gz")
    return int(told) if told.isdecimal() else 0

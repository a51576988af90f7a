"""Which files are whose. A process claims the lowest free slot; the kernel frees it when the process dies, however.

A slot is a byte of one file, locked by POSIX: such a lock belongs to a process, is not inherited by its children, and
is gone with it. It would also be gone as soon as the process closed any other descriptor of that file, so nothing else
may ever open it.
"""

import fcntl
import os
from pathlib import Path

from market.telemetry.files import NumbersFile, Unreadable

LOCKS = "slots.lock"
MOST_SLOTS = 64  # processes of one service at once


class NoSlot(OSError):
    """More processes than there are slots."""


class Slot:
    """The files that are this process's own until it ends. Raises OSError when there are none to be had."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._locks = os.open(directory / LOCKS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self.number = _claim(self._locks)
        except BaseException:
            os.close(self._locks)
            raise
        self._files: dict[str, NumbersFile] = {}

    def file(self, kind: str) -> NumbersFile:
        """The file of one type of metrics, with what our predecessors in this slot have counted."""
        if kind not in self._files:
            self._files[kind] = self._open(self._directory / f"{kind}_{self.number}.db")
        return self._files[kind]

    def leave(self) -> None:
        """Close everything. In a child right after the fork: the slot stays the parent's."""
        for file in self._files.values():
            file.close()
        os.close(self._locks)

    @staticmethod
    def _open(path: Path) -> NumbersFile:
        try:
            return NumbersFile(path)
        except Unreadable:
            path.unlink()  # totals begin anew, as after a restart
            return NumbersFile(path)


def _claim(locks: int) -> int:
    for number in range(MOST_SLOTS):
        try:
            fcntl.lockf(locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except (BlockingIOError, PermissionError):  # POSIX allows both
            continue
        return number
    raise NoSlot(f"all {MOST_SLOTS} slots are taken")


def wipe(directory: Path) -> None:
    """Forget what an earlier run counted. The locks stay: somebody who is still ending may hold one."""
    for path in directory.glob("*.db"):
        path.unlink(missing_ok=True)

"""The switch from one release to the next: whoever is killed in it leaves the old or the new, never a mixture.

Everything is prepared in `.release/next`: the new files, a copy of each file that they replace, a copy of this module
(`complete.py`) and at last the journal, which appears in one rename. Before that nothing has happened. From then on the
switch goes forward, and each of its steps may be taken again: whoever finds a journal takes those that are left. If a
file is not what it should be in the end, all of what was there before is put back.

This module imports nothing of ours: after a kill our modules are of two releases. The copy that the journal lies
beside is of the one that wrote it.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 60.0
Change = dict[str, Any]  # path, number of its files, old and new: mode and sha256, or None where there is no such file


class SwitchError(Exception):
    """It could not be done; the text says what is there now."""


class Places:
    """Where the switch of one tree keeps its files."""

    def __init__(self, root: Path) -> None:
        self.state = root / ".release"
        self.next = self.state / "next"
        self.journal = self.next / "journal.json"
        self.new, self.old = self.next / "files", self.next / "before"

    def kept(self, kind: str) -> Path:
        """What was there before the last switch of this kind."""
        return self.state / f"before-{kind}"


@contextmanager
def locked(root: Path, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Be the only one who switches here. Raises SwitchError when another does for longer than we wait."""
    state = Places(root).state
    state.mkdir(exist_ok=True)
    deadline = time.monotonic() + patience_seconds
    with (state / "lock").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SwitchError(f"{root}: another update is under way") from None
                time.sleep(0.05)
        yield


def begin(root: Path, kind: str, changes: list[Change]) -> None:
    """What is prepared will happen from now on, whatever comes."""
    places = Places(root)
    new = places.next / "journal.new"
    write(new, json.dumps({"kind": kind, "changes": changes}))
    for directory in (places.new, places.old, places.next, places.state):
        sync(directory)
    new.rename(places.journal)
    sync(places.next)


def complete(root: Path) -> bool:
    """End a switch that was begun; False when there is none. The caller has the lock. Raises SwitchError."""
    places = Places(root)
    if not places.journal.exists():
        return False
    journal = json.loads(places.journal.read_text())
    changes = journal["changes"]
    try:
        _go_forward(root, places, changes)
        wrong = _wrong(root, changes, "new")
    except OSError as error:
        wrong = f"{error.filename}: {error.strerror}"
    if wrong:
        _put_back(root, places, changes)
    else:
        _keep(places, journal["kind"])
    places.journal.unlink()
    sync(places.next)
    shutil.rmtree(places.next)
    if wrong:
        raise SwitchError(f"{wrong}; all is as it was before")
    return True


def _go_forward(root: Path, places: Places, changes: list[Change]) -> None:
    touched = {root}
    for change in changes:
        if change["new"] is None:
            touched |= _remove(root, change["path"])
    for change in changes:
        staged = places.new / str(change["number"])
        if change["new"] is not None and staged.exists():
            target = root / change["path"]
            touched |= _make_directories(root, target.parent)
            os.replace(staged, target)
    for directory in touched:
        sync(directory)


def _put_back(root: Path, places: Places, changes: list[Change]) -> None:
    touched = {root}
    for change in changes:
        if change["old"] is None:
            touched |= _remove(root, change["path"])
    for change in changes:
        if change["old"] is not None:
            target, temporary = root / change["path"], places.next / "back"
            touched |= _make_directories(root, target.parent)
            copy(places.old / str(change["number"]), temporary)
            os.replace(temporary, target)
    for directory in touched:
        sync(directory)
    if wrong := _wrong(root, changes, "old"):
        raise SwitchError(f"{wrong}; what was there before lies in {places.old}, see docs/release.md")


def _wrong(root: Path, changes: list[Change], which: str) -> str:
    """The first file that is not what it should be, read again from the disk."""
    for change in changes:
        path, expected = root / change["path"], change[which]
        if expected is None:
            if path.is_file() or path.is_symlink():
                return f"{change['path']}: is still there"
        elif not path.is_file() or digest(path) != expected["sha256"]:
            return f"{change['path']}: is not what was copied"
    return ""


def _keep(places: Places, kind: str) -> None:
    """What was there before, for a rollback."""
    if places.old.exists():
        shutil.rmtree(places.kept(kind), ignore_errors=True)
        places.old.rename(places.kept(kind))
        sync(places.state)


def _remove(root: Path, path: str) -> set[Path]:
    """Remove a file, and the directories that are empty without it; return where that has to reach the disk."""
    target = root / path
    if target.is_file() or target.is_symlink():
        target.unlink()
    above = target.parent
    with suppress(OSError):  # of one that is not empty
        while above != root:
            with suppress(FileNotFoundError):  # removed by whoever was killed before us
                above.rmdir()
            above = above.parent
    return {above}


def _make_directories(root: Path, directory: Path) -> set[Path]:
    missing = [above for above in (directory, *directory.parents) if root in above.parents and not above.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    return {directory, *(above.parent for above in missing)}


def write(path: Path, text: str) -> None:
    """Write a file, so that it is on the disk."""
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def copy(source: Path, target: Path) -> None:
    """Copy a file, so that it is on the disk."""
    shutil.copyfile(source, target)
    shutil.copymode(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(directory: Path) -> None:
    """Names reach the disk with their directory."""
    if directory.is_dir():
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


if __name__ == "__main__":
    tree = Path(sys.argv[1]).resolve()
    try:
        with locked(tree):
            complete(tree)
    except (SwitchError, OSError) as problem:
        sys.exit(f"release: an update was cut short, and cannot be ended: {problem}")

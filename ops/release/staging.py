"""What a switch needs, made beside the tree: each new file, and a copy of each that it replaces."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.release import reading, switching
from ops.release.errors import ReleaseError
from ops.release.manifest import MODES
from ops.release.switching import Change, Places

SPARE_BYTES = 16 * 2**20
RECORD = "record.json"


class Staging:
    """Collects the changes of one switch."""

    def __init__(self, root: Path) -> None:
        self._root, self._places = root, Places(root)
        self.changes: list[Change] = []

    def replace(self, path: str, mode: str, sha256: str, content: Iterable[bytes]) -> None:
        """The file gets this content. Raises ReleaseError if what reached the disk is something else."""
        target = self._places.new / str(len(self.changes))
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODES[mode])
        with open(descriptor, "wb") as file:
            for chunk in content:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if switching.digest(target) != sha256:
            raise ReleaseError(f"{path}: its copy is not what was copied; is the disk well?")
        self._add(path, {"mode": mode, "sha256": sha256})

    def remove(self, path: str) -> None:
        self._add(path, None)

    def _add(self, path: str, new: dict[str, str] | None) -> None:
        number, old = len(self.changes), None
        if (self._root / path).is_file():
            kept = self._places.old / str(number)
            with reading.opened(self._root, path) as descriptor, kept.open("xb") as file:
                mode, digest = os.fstat(descriptor).st_mode & 0o777, hashlib.sha256()
                for chunk in reading.chunks(descriptor):
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            old = {"mode": reading.mode_of(mode), "sha256": digest.hexdigest()}
        self.changes.append({"path": path, "number": number, "new": new, "old": old})


@contextmanager
def stage(root: Path, kind: str) -> Iterator[Staging]:
    """Prepare a switch, and begin it when the block ends well; else leave nothing behind. The caller has the lock."""
    places = Places(root)
    assert not places.journal.exists()
    shutil.rmtree(places.next, ignore_errors=True)  # of somebody who was killed before it began
    for directory in (places.next, places.new, places.old):
        directory.mkdir()
    staging = Staging(root)
    try:
        yield staging
        switching.write(places.old / RECORD, json.dumps(staging.changes))
        switching.copy(Path(switching.__file__), places.next / "complete.py")
        switching.begin(root, kind, staging.changes)
    except BaseException:
        if not places.journal.exists():
            shutil.rmtree(places.next, ignore_errors=True)
        raise


def require_space(root: Path, needed: int) -> None:
    """Raises ReleaseError unless so many bytes, and some to spare, are free."""
    free = shutil.disk_usage(root).free
    if free < needed + SPARE_BYTES:
        raise ReleaseError(f"{root}: {free >> 20} MB are free there, and {(needed + SPARE_BYTES) >> 20} are needed")

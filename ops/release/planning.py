"""What has to be copied and removed so that a tree becomes a release; and what stands in the way of that."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ops.release import comparing
from ops.release.errors import ReleaseError
from ops.release.ignoring import MANIFEST_NAME
from ops.release.manifest import Manifest


@dataclass(frozen=True)
class Plan:
    """Sorted paths. ``edited``: those of them that somebody has changed here since their release was installed."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    edited: list[str]

    @property
    def copied(self) -> list[str]:
        return sorted([*self.added, *self.changed])

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.changed or self.removed)


def plan(root: Path, old: Manifest | None, new: Manifest) -> Plan:
    """Compare the tree with the new release; what the old one had, and the new one has not, goes."""
    found = comparing.compare(root, new)
    gone = [entry.path for entry in old.files if entry.path not in new.by_path] if old else []
    removed = [path for path in gone if os.path.lexists(root / path)]
    changed = sorted(found.changed)
    edited: list[str] = []
    if old:
        here = comparing.compare(root, old)
        edited = [path for path in (*changed, *removed) if path in here.changed]
    planned = Plan(found.missing, changed, removed, sorted(edited))
    _require_way(root, planned)
    return planned


def _require_way(root: Path, planned: Plan) -> None:
    """Raises ReleaseError where something that is not ours, or no plain file, stands in the way."""
    going, device = set(planned.removed), root.stat().st_dev
    for path in (*planned.copied, *planned.removed, MANIFEST_NAME):
        for above in reversed(Path(path).parents[:-1]):
            status = _status(root / above)
            if status is None:
                break
            if stat.S_ISDIR(status.st_mode):
                if status.st_dev != device:
                    raise ReleaseError(f"{above}: lies on another file system, so nothing there changes at once")
            elif above.as_posix() not in going:
                raise ReleaseError(f"{above}: is no directory here: move it away first")
            else:
                break
        _require_plain(root, path, going)


def _require_plain(root: Path, path: str, going: set[str]) -> None:
    try:
        status = _status(root / path)
    except NotADirectoryError:
        return
    if status is None or stat.S_ISREG(status.st_mode):
        return
    if not stat.S_ISDIR(status.st_mode):
        raise ReleaseError(f"{path}: is a link, or no plain file, here: move it away first")
    for above, directories, files in os.walk(root / path):
        here = Path(above).relative_to(root)
        names = {(here / name).as_posix() for name in files}
        links = [name for name in directories if (root / here / name).is_symlink()]
        if not names <= going or links:
            raise ReleaseError(f"{path}: is a directory here, with files that are not ours: move it away first")


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None

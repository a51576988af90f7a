"""One release follows another: looked at, staged, switched to; and the way back."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ops.release import listing, planning, reading, switching
from ops.release.errors import ReleaseError
from ops.release.ignoring import MANIFEST_NAME
from ops.release.manifest import Manifest
from ops.release.planning import Plan
from ops.release.sources import Source
from ops.release.staging import RECORD, require_space, stage
from ops.release.switching import Change, Places
from ops.stack import lock, places

UPDATE, REPAIR = "update", "repair"
PATIENCE_SECONDS = 2.0  # with another update here


@dataclass(frozen=True)
class Prepared:
    """What would happen."""

    kind: str
    old: Manifest | None
    new: Manifest
    plan: Plan

    @property
    def is_needed(self) -> bool:
        return not self.plan.is_empty or self.old != self.new


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Nothing runs here, and nobody else changes the tree, until the block ends. Raises ReleaseError."""
    stack = places.Places(root / ".local")
    with ExitStack() as held:
        places.make_directory(stack.local, mode=0o755)
        places.make_directory(stack.run, mode=0o711)
        if held.enter_context(lock.owning(stack, "release")) is None:
            raise ReleaseError(f"{lock.describe_owner(stack)}, runs here, and would be of two releases: make down")
        held.enter_context(switching.locked(root, PATIENCE_SECONDS))
        switching.complete(root)
        yield


def prepare(root: Path, source: Source, kind: str, *, may_be_older: bool = False) -> Prepared:
    """Look at both, and write nothing. Raises ReleaseError."""
    new, old = source.manifest, _here(root, kind)
    if kind == REPAIR and old and old.identity != new.identity:
        raise ReleaseError(f"{new} does not repair {old}, which is installed here; `release update` would change it")
    if kind == UPDATE and old and new.made_at < old.made_at and not may_be_older:
        raise ReleaseError(f"{new} is older than {old}, which is installed here: --older, if that is meant")
    return Prepared(kind, old, new, planning.plan(root, old if kind == UPDATE else None, new))


def carry_out(root: Path, source: Source, prepared: Prepared) -> None:
    """Stage it, and switch. Raises ReleaseError or SwitchError; then all is as it was."""
    new, plan, text = prepared.new, prepared.plan, prepared.new.to_json()
    there = sum((root / path).stat().st_size for path in (*plan.changed, *plan.removed) if (root / path).is_file())
    require_space(root, there + sum(new.by_path[path].size for path in plan.copied) + 2 * len(text))
    with stage(root, prepared.kind) as staged:
        for path in plan.removed:
            staged.remove(path)
        for entry, content in source.files(set(plan.copied)):
            staged.replace(entry.path, entry.mode, entry.sha256, content)
        if _told(root) != new:
            staged.replace(MANIFEST_NAME, "0644", hashlib.sha256(text).hexdigest(), [text])
    switching.complete(root)


def undone(root: Path) -> list[Change]:
    """What a rollback of the last update would change back. Raises ReleaseError."""
    record = Places(root).kept(UPDATE) / RECORD
    try:
        changes: list[Change] = json.loads(record.read_text())
    except FileNotFoundError:
        raise ReleaseError(f"{root}: no update was made here that could be rolled back") from None
    return changes


def roll_back(root: Path, changes: list[Change]) -> None:
    """Put back what was there before the last update. To do it again is to undo it. Raises as `carry_out`."""
    kept = Places(root).kept(UPDATE)
    restored = [change for change in changes if change["old"]]
    sizes = [(kept / str(change["number"])).stat().st_size for change in restored]
    require_space(root, 2 * sum(sizes))
    with stage(root, UPDATE) as staged:
        for change in changes:
            if not change["old"] and os.path.lexists(root / change["path"]):
                staged.remove(change["path"])
        for change in restored:
            with reading.opened(kept, str(change["number"])) as descriptor:
                staged.replace(change["path"], **change["old"], content=reading.chunks(descriptor))
    switching.complete(root)


def _here(root: Path, kind: str) -> Manifest | None:
    """What is installed, as `release.json` says, or git tracks. None where nothing tells, or that is to be repaired."""
    try:
        return listing.installed(root) or (listing.manifest_of(root) if listing.is_work_tree(root) else None)
    except ReleaseError:
        if kind == REPAIR:
            return None
        raise


def _told(root: Path) -> Manifest | None:
    with suppress(ReleaseError):
        return listing.installed(root)
    return None

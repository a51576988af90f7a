"""Small releases, and trees to install them in."""

import os
from pathlib import Path

from ops.release import packing, reading, sources, updating
from ops.release.manifest import Manifest

NOON = 1_770_000_000


def write_tree(root: Path, files: dict[str, str]) -> Path:
    """Files with these contents; those that begin with ``#!`` are executable."""
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o755 if text.startswith("#!") else 0o644)
    return root


def read_tree(root: Path) -> dict[str, str]:
    """All that is there, but for what the tool and the stack keep for themselves."""
    found = {}
    for above, directories, names in os.walk(root):
        directories[:] = [name for name in directories if name not in (".release", ".local")]
        for name in names:
            path = Path(above) / name
            mark = "x " if path.stat().st_mode & 0o100 else ""
            found[path.relative_to(root).as_posix()] = mark + path.read_text()
    return found


def manifest_of(root: Path, paths, made_at: int = NOON) -> Manifest:
    entries = tuple(reading.entry_of(root, path) for path in sorted(paths))
    return Manifest(f"1.{made_at - NOON}", "", made_at, entries)


def pack(folder: Path, files: dict[str, str], made_at: int = NOON) -> Path:
    """An archive of a release that holds these files."""
    root = write_tree(folder / f"of-{made_at}", files)
    archive = folder / f"{made_at}.tar.gz"
    with archive.open("wb") as file:
        packing.write(root, manifest_of(root, files, made_at), file)
    return archive


def install(root: Path, source: Path, kind: str = updating.UPDATE, **options) -> updating.Prepared:
    """What `release update SOURCE --yes` does in the tree."""
    root.mkdir(exist_ok=True)
    with sources.opened(source) as opened, updating.alone(root):
        prepared = updating.prepare(root, opened, kind, **options)
        updating.carry_out(root, opened, prepared)
    return prepared

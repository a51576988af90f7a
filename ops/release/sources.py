"""Where new files come from: an archive, or a directory that holds a release."""

import hashlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.release import comparing, listing, reading, unpacking
from ops.release.errors import ReleaseError
from ops.release.manifest import Entry, Manifest

Files = Iterator[tuple[Entry, Iterator[bytes]]]


@dataclass(frozen=True)
class Source:
    """A release, all of which has been looked at. ``files(wanted)`` reads those again, checked again."""

    manifest: Manifest
    files: Callable[[Collection[str]], Files]


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Look at all of it. Raises ReleaseError, also while files are read, if they are not what they were."""
    if path.is_dir():
        yield _directory(path)
        return
    with unpacking.opened(path) as file:
        manifest = unpacking.examine(file, name=path.name)

        def files(wanted: Collection[str]) -> Files:
            again, all_of_them = unpacking.read(file, name=path.name)
            if again != manifest:
                raise ReleaseError(f"{path}: was changed while it was read")
            for entry, content in all_of_them:
                if entry.path in wanted:
                    yield entry, content
                else:
                    for _ in content:
                        pass

        yield Source(manifest, files)


def _directory(root: Path) -> Source:
    listing.require_committed(root)
    told = None if listing.is_work_tree(root) else listing.installed(root)
    manifest = told or listing.manifest_of(root)
    if told:
        found = comparing.compare(root, told)
        if wrong := [*found.missing, *found.changed]:
            raise ReleaseError(f"{root / wrong[0]}: is not what the release there says")
    return Source(manifest, lambda wanted: _files(root, [entry for entry in manifest.files if entry.path in wanted]))


def _files(root: Path, entries: list[Entry]) -> Files:
    for entry in entries:
        with reading.opened(root, entry.path) as descriptor:
            yield entry, _checked(descriptor, entry, root)


def _checked(descriptor: int, entry: Entry, root: Path) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for chunk in reading.chunks(descriptor):
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != entry.sha256:
        raise ReleaseError(f"{root / entry.path}: was changed while it was read")

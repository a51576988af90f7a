"""An archive of anybody. All of it is looked through before anything is written.

Only `release package` makes archives, and it writes each header in one way. So there is nothing to weigh: the headers
that the manifest asks for are written again here, and every block of the archive has to be equal to its own. A link, a
device, a second name, a path out of the tree, a sparse file or an extension has no such header.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ops.release import unzipping
from ops.release.errors import ReleaseError
from ops.release.ignoring import LONGEST_TELLTALE, telltale
from ops.release.manifest import MOST_MANIFEST_BYTES, Entry, Manifest
from ops.release.packing import BLOCK, END, MANIFEST_NAME, header, padding
from ops.release.unzipping import Unzipped

OCTAL = re.compile(rb"[0-7]{11}\0")
KINDS = {  # of what is no plain file
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"5": "a directory",
    b"6": "a pipe",
    b"S": "a sparse file",
    b"x": "an extended header",
    b"g": "a global extended header",
    b"L": "a long name",
    b"K": "a long link",
}


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The archive as a plain file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ReleaseError(f"{path}: {error.strerror}") from None
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ReleaseError(f"{path}: is no plain file")
        yield file


def examine(file: BinaryIO, *, name: str) -> Manifest:
    """Look through all of it, and write nothing. Raises ReleaseError."""
    manifest, files = read(file, name=name)
    for _, content in files:
        for _ in content:
            pass
    return manifest


def read(file: BinaryIO, *, name: str) -> tuple[Manifest, Iterator[tuple[Entry, Iterator[bytes]]]]:
    """The manifest and each file, whose content has to be read to its end before the next. Raises ReleaseError."""
    file.seek(0)
    stream = Unzipped(file, name=name)
    manifest = _manifest(stream, name)
    return manifest, _files(stream, manifest, name)


def _manifest(stream: Unzipped, name: str) -> Manifest:
    block = stream.read(BLOCK)
    size, made_at = block[124:136], block[136:148]
    if _name(block) != MANIFEST_NAME or not (OCTAL.fullmatch(size) and OCTAL.fullmatch(made_at)):
        raise ReleaseError(f"{name}: does not begin with {MANIFEST_NAME}")
    entry = Entry(MANIFEST_NAME, "0644", int(size[:11], 8), "")
    if entry.size > MOST_MANIFEST_BYTES:
        raise ReleaseError(f"{name}: {MANIFEST_NAME} is too large")
    _require(block, entry, int(made_at[:11], 8), name)
    text = b"".join(_pieces(stream, entry.size))
    _require_padding(stream, entry, name)
    manifest = Manifest.from_json(text, name=f"{name}: {MANIFEST_NAME}")
    if manifest.made_at != int(made_at[:11], 8):
        raise ReleaseError(f"{name}: {MANIFEST_NAME} is of another time than its header")
    return manifest


def _files(stream: Unzipped, manifest: Manifest, name: str) -> Iterator[tuple[Entry, Iterator[bytes]]]:
    for entry in manifest.files:
        _require(stream.read(BLOCK), entry, manifest.made_at, name)
        yield entry, _content(stream, entry, name)
    if stream.read(len(END)) != END:
        raise ReleaseError(f"{name}: holds more than its manifest names")
    stream.end()


def _content(stream: Unzipped, entry: Entry, name: str) -> Iterator[bytes]:
    digest, beginning = hashlib.sha256(), b""
    for piece in _pieces(stream, entry.size):
        digest.update(piece)
        beginning = beginning or piece[:LONGEST_TELLTALE]
        yield piece
    if digest.hexdigest() != entry.sha256:
        raise ReleaseError(f"{name}: {entry.path} is not what the manifest says")
    if what := telltale(beginning):
        raise ReleaseError(f"{name}: {entry.path} is {what}, which belongs to no release")
    _require_padding(stream, entry, name)


def _pieces(stream: Unzipped, size: int) -> Iterator[bytes]:
    for begin in range(0, size, unzipping.CHUNK):
        yield stream.read(min(unzipping.CHUNK, size - begin))


def _require_padding(stream: Unzipped, entry: Entry, name: str) -> None:
    if any(stream.read(len(padding(entry.size)))):
        raise ReleaseError(f"{name}: something is hidden behind {entry.path}")


def _require(block: bytes, entry: Entry, made_at: int, name: str) -> None:
    """The block has to be this entry's header, and no other. Raises ReleaseError that says what it is instead."""
    expected = header(entry, made_at)
    if block == expected:
        return
    found, kind = _name(block), block[156:157]
    if not any(block):
        raise ReleaseError(f"{name}: ends before {entry.path}, which its manifest names")
    if kind in KINDS:
        raise ReleaseError(f"{name}: {found!r} is {KINDS[kind]}; a release holds plain files only")
    if found != entry.path:
        raise ReleaseError(f"{name}: holds {found!r} where its manifest names {entry.path}")
    if block[100:108] != expected[100:108]:
        mode = block[100:107].decode("ascii", "replace")
        raise ReleaseError(f"{name}: {found} has the mode {mode!r}, not {entry.mode}")
    raise ReleaseError(f"{name}: the header of {found} is not as `release package` writes it (size, owner, time …)")


def _name(block: bytes) -> str:
    """What a header calls its file, however hostile: for a text, and to be compared."""
    name, prefix = (part.partition(b"\0")[0] for part in (block[:100], block[345:500]))
    return (prefix + b"/" + name if prefix else name).decode("ascii", "backslashreplace")

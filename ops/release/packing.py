"""The archive: the same bytes from the same files, whoever makes it, where and when (with the same zlib)."""

import gzip
import hashlib
import os
import tarfile
from pathlib import Path
from typing import BinaryIO

from ops.release import listing, reading
from ops.release.errors import ReleaseError
from ops.release.ignoring import MANIFEST_NAME
from ops.release.manifest import MODES, Entry, Manifest

LEVEL = 9
BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)


def package(root: Path, target: Path) -> tuple[Manifest, str]:
    """Write the archive of what the directory holds; return its manifest and the archive's sha256."""
    listing.require_committed(root)
    manifest = listing.manifest_of(root)
    part = target.with_name(target.name + ".part")
    try:
        with part.open("wb") as file:
            write(root, manifest, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise ReleaseError(f"{target}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    with target.open("rb") as file:
        return manifest, hashlib.file_digest(file, "sha256").hexdigest()


def write(root: Path, manifest: Manifest, file: BinaryIO) -> None:
    """The manifest, then each file in its order."""
    text = manifest.to_json()
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=LEVEL, mtime=0) as stream:
        stream.write(header(manifest_entry(text), manifest.made_at) + text + padding(len(text)))
        for entry in manifest.files:
            stream.write(header(entry, manifest.made_at))
            digest = hashlib.sha256()
            with reading.opened(root, entry.path) as descriptor:
                for chunk in reading.chunks(descriptor):
                    digest.update(chunk)
                    stream.write(chunk)
            if digest.hexdigest() != entry.sha256:
                raise ReleaseError(f"{entry.path}: was changed while it was packed")
            stream.write(padding(entry.size))
        stream.write(END)


def manifest_entry(text: bytes) -> Entry:
    """The archive's first file."""
    return Entry(MANIFEST_NAME, "0644", len(text), hashlib.sha256(text).hexdigest())


def header(entry: Entry, made_at: int) -> bytes:
    """The one block that says all that an archive may say of a file: nobody's, a plain file, no extension."""
    info = tarfile.TarInfo(entry.path)
    info.size, info.mode, info.mtime = entry.size, MODES[entry.mode], made_at
    try:
        return info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
    except ValueError as error:
        raise ReleaseError(f"{entry.path}: {error}") from None


def padding(size: int) -> bytes:
    return bytes(-size % BLOCK)

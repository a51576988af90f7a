"""The list of all files of a release, always written in the same way, so that equal means the same bytes."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from ops.release import naming
from ops.release.errors import ReleaseError
from ops.release.ignoring import is_ignored

FORMAT, PRODUCT = 1, "tradebot"
MODES = {"0644": 0o644, "0755": 0o755}
MOST_FILES, MOST_BYTES, MOST_BYTES_IN_ALL = 20_000, 256 * 2**20, 2**30
MOST_MANIFEST_BYTES = 8 * 2**20
LATEST = 8**11 - 1  # what a tar header holds, seconds of the epoch
SHA256, COMMIT, VERSION = re.compile("[0-9a-f]{64}"), re.compile("([0-9a-f]{40})?"), re.compile(r"[0-9A-Za-z.+-]{1,40}")


@dataclass(frozen=True)
class Entry:
    """One file. ``mode`` is 0644 or 0755: whether it is executable is all that a release says."""

    path: str
    mode: str
    size: int  # bytes
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """A release. ``made_at``: seconds of the epoch, of its commit; ``commit`` is empty where it is not known."""

    version: str
    commit: str
    made_at: int
    files: tuple[Entry, ...]

    @cached_property
    def by_path(self) -> dict[str, Entry]:
        return {entry.path: entry for entry in self.files}

    @property
    def identity(self) -> tuple[str, str, int]:
        """Equal of two manifests when they are of the same release."""
        return self.version, self.commit, self.made_at

    def __str__(self) -> str:
        return f"{self.version} ({self.commit[:12] or 'no commit'})"

    def to_json(self) -> bytes:
        head = {"format": FORMAT, "product": PRODUCT, "version": self.version, "commit": self.commit}
        about = {**head, "made_at": self.made_at, "files": [asdict(entry) for entry in self.files]}
        return json.dumps(about, indent=1, ensure_ascii=True).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes, *, name: str) -> Manifest:
        """Read one that anybody may have written. Raises ReleaseError; ``name`` is of the file, for its text."""
        if len(text) > MOST_MANIFEST_BYTES:
            raise ReleaseError(f"{name}: is larger than a manifest of {MOST_FILES} files can be")
        try:
            manifest = cls._of(json.loads(text))
            is_canonical = manifest.to_json() == text
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
            raise ReleaseError(f"{name}: is no manifest ({type(error).__name__}: {str(error)[:80]})") from None
        if reason := manifest.why_wrong():
            raise ReleaseError(f"{name}: {reason}")
        if not is_canonical:
            raise ReleaseError(f"{name}: is not written as `release manifest` writes it")
        return manifest

    @classmethod
    def _of(cls, found: dict[str, Any]) -> Manifest:
        if (found["format"], found["product"]) != (FORMAT, PRODUCT):
            raise ValueError(f"not of {PRODUCT} in format {FORMAT}")
        files = tuple(Entry(**entry) for entry in found["files"][: MOST_FILES + 1])
        return cls(found["version"], found["commit"], found["made_at"], files)

    def why_wrong(self) -> str:
        """What no release may say; empty when it may all be."""
        if not (_is_text(self.version, VERSION) and _is_text(self.commit, COMMIT)):
            return "version or commit are not as they should be"
        if not _is_number(self.made_at, LATEST):
            return "made_at is no time"
        if not 0 < len(self.files) <= MOST_FILES:
            return f"names no file, or more than {MOST_FILES}"
        reasons = (f"{str(entry.path)[:200]!r} {why}" for entry in self.files if (why := why_refused(entry)))
        return next(reasons, "") or self._why_wrong_together()

    def _why_wrong_together(self) -> str:
        paths = [entry.path for entry in self.files]
        if sum(entry.size for entry in self.files) > MOST_BYTES_IN_ALL:
            return f"is of more than {MOST_BYTES_IN_ALL} bytes in all"
        if two := naming.clash(paths):
            return f"names that clash: {two}"
        return "" if paths == sorted(paths) else "its files are not sorted"


def why_refused(entry: Entry) -> str:
    """Why no release may hold such a file; empty when it may."""
    if not isinstance(entry.path, str):
        return "is no name"
    if reason := naming.why_unsafe(entry.path):
        return reason
    if is_ignored(entry.path):
        return "belongs to no release (see `release print-ignore`)"
    if not isinstance(entry.mode, str) or entry.mode not in MODES:
        return f"has the mode {str(entry.mode)[:20]}, not one of {', '.join(MODES)}"
    if not _is_number(entry.size, MOST_BYTES):
        return f"is larger than {MOST_BYTES} bytes, or its size is no number"
    return "" if _is_text(entry.sha256, SHA256) else "has no check sum"


def _is_number(value: object, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


def _is_text(value: object, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None

"""A directory beside a manifest."""

from dataclasses import dataclass, field
from pathlib import Path

from ops.release import listing, reading
from ops.release.errors import ReleaseError
from ops.release.ignoring import is_ignored
from ops.release.manifest import Manifest


@dataclass
class Comparison:
    """Paths, and of changed ones what is different."""

    missing: list[str] = field(default_factory=list)
    changed: dict[str, str] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not (self.missing or self.changed)


def compare(root: Path, manifest: Manifest) -> Comparison:
    """What differs. What is ignored is nobody's business, and is not looked at."""
    found = Comparison()
    for entry in manifest.files:
        try:
            now = reading.entry_of(root, entry.path)
        except FileNotFoundError:
            found.missing.append(entry.path)
        except ReleaseError as error:
            found.changed[entry.path] = str(error).partition(": ")[2]
        else:
            if now.sha256 != entry.sha256:
                found.changed[entry.path] = "content"
            elif now.mode != entry.mode:
                found.changed[entry.path] = f"mode {now.mode} instead of {entry.mode}"
    found.extra = [path for path in listing.walk(root) if path not in manifest.by_path and not is_ignored(path)]
    return found

"""The manifest of a directory: of what git tracks there, or, where there is no git, of what is not ignored."""

import os
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

from ops.release import reading
from ops.release.errors import ReleaseError
from ops.release.ignoring import MANIFEST_NAME, environments, is_ignored
from ops.release.manifest import MOST_MANIFEST_BYTES, Manifest

GIT_SECONDS = 60


def manifest_of(root: Path) -> Manifest:
    """What the directory holds now. Raises ReleaseError for a file that no release may hold."""
    try:
        files = tuple(reading.entry_of(root, path) for path in paths_of(root))
    except FileNotFoundError as error:
        raise ReleaseError(f"{error.filename}: git tracks it, and it is not there") from None
    manifest = Manifest(_version(root), _commit(root), _made_at(root), files)
    if reason := manifest.why_wrong():
        raise ReleaseError(reason)
    return manifest


def paths_of(root: Path) -> list[str]:
    """All files of a release, sorted."""
    found = _tracked(root) if is_work_tree(root) else list(walk(root))
    inside = tuple(environments(found))
    return sorted(path for path in found if not is_ignored(path) and not (inside and path.startswith(inside)))


def left_out(root: Path) -> list[str]:
    """What git tracks, and what no release holds all the same."""
    return sorted(set(_tracked(root)) - set(paths_of(root))) if is_work_tree(root) else []


def walk(root: Path) -> Iterator[str]:
    """Every path below the directory that is not ignored and is no directory itself: files, links, pipes …"""
    for above, directories, files in os.walk(root, onerror=_cannot_look):
        here = Path(above).relative_to(root).as_posix()
        prefix = "" if here == "." else f"{here}/"
        if prefix and "pyvenv.cfg" in map(str.casefold, files):
            directories.clear()
            continue
        links = [name for name in directories if (Path(above) / name).is_symlink()]
        directories[:] = sorted(name for name in directories if not is_ignored(prefix + name) and name not in links)
        yield from (prefix + name for name in sorted([*files, *links]) if not is_ignored(prefix + name))


def installed(root: Path) -> Manifest | None:
    """What `release.json` of the directory says; None where there is none. Raises ReleaseError."""
    try:
        with reading.opened(root, MANIFEST_NAME) as descriptor:
            text = b""
            for chunk in reading.chunks(descriptor):
                text += chunk
                if len(text) > MOST_MANIFEST_BYTES:
                    break
    except FileNotFoundError:
        return None
    return Manifest.from_json(text, name=str(root / MANIFEST_NAME))


def is_work_tree(root: Path) -> bool:
    """Whether git keeps this very directory, and not one above it."""
    return (root / ".git").exists()


def require_committed(root: Path) -> None:
    """Raises ReleaseError where tracked files differ from the commit by which the release would be called."""
    if is_work_tree(root) and (changed := git(root, "status", "--porcelain", "-uno", "-z")):
        path = changed.partition("\0")[0][3:]
        raise ReleaseError(f"{path}: differs from the commit; a release is named after one, so commit it first")


def git(root: Path, *arguments: str) -> str:
    """What git says. Raises ReleaseError."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(root), "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(
            command,
            env=environment | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReleaseError(f"git {arguments[0]}: {error}") from None
    if done.returncode:
        raise ReleaseError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="surrogateescape")


def _tracked(root: Path) -> list[str]:
    return sorted({path for path in git(root, "ls-files", "-z").split("\0") if path})


def _cannot_look(error: OSError) -> None:
    raise ReleaseError(f"{error.filename}: {error.strerror}")


def _version(root: Path) -> str:
    try:
        with (root / "pyproject.toml").open("rb") as file:
            return str(tomllib.load(file)["project"]["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return "0"


def _commit(root: Path) -> str:
    if is_work_tree(root):
        return git(root, "rev-parse", "HEAD").strip()
    known = installed(root)
    return known.commit if known else ""


def _made_at(root: Path) -> int:
    """SOURCE_DATE_EPOCH (reproducible-builds.org), the time of the commit, or of the release that was installed."""
    if told := os.environ.get("SOURCE_DATE_EPOCH"):
        if not told.isdecimal():
            raise ReleaseError(f"SOURCE_DATE_EPOCH={told}: is not a number of seconds")
        return int(told)
    if is_work_tree(root):
        return int(git(root, "log", "-1", "--format=%ct"))
    if known := installed(root):
        return known.made_at
    raise ReleaseError(f"{root}: neither git nor {MANIFEST_NAME} tells of when it is: set SOURCE_DATE_EPOCH")

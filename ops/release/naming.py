"""Which names files of a release may have: plain ones, that mean the same on every file system."""

import re
from collections.abc import Iterable

# Nothing that a shell, a terminal or a file system could take for something else; no dot or blank at the end.
PART = re.compile(r"[A-Za-z0-9._+@=,]([A-Za-z0-9._+@=, -]*[A-Za-z0-9_+@=,-])?")
LONGEST_PATH, LONGEST_PART = 240, 100  # what a tar header of 1988 holds


def why_unsafe(path: str) -> str:
    """Why a release may not hold a file of this name; empty when it may."""
    if path.startswith("/"):
        return "is an absolute path"
    parts = path.split("/")
    if ".." in parts:
        return "leads out of the directory"
    if any(part == "." or not PART.fullmatch(part) for part in parts):
        return "is not a plain name (letters, digits and . _ + @ = , - of ASCII)"
    if len(path) > LONGEST_PATH or max(map(len, parts)) > LONGEST_PART:
        return f"is longer than {LONGEST_PATH}, or a part of it than {LONGEST_PART}"
    return ""


def clash(paths: Iterable[str]) -> str:
    """Say which two names are one on some file system, or a file and a directory at once; empty when none are."""
    seen: dict[str, str] = {}
    for path in paths:
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            is_file = depth == len(parts)
            name = "/".join(parts[:depth]) + ("" if is_file else "/")
            key = name.rstrip("/").casefold()
            if key in seen and (is_file or seen[key] != name):
                return f"{name} and {seen[key]}"
            seen[key] = name
    return ""

"""Keys and JSON types of messages, ours and the recorded ones that the contract tests use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[1] / "contract" / "examples"


def recorded(market: str, name: str) -> list[dict[str, Any]]:
    """The recorded messages of one kind without their envelopes: those known to be the newest form, if any are."""
    rows = [json.loads(line) for line in (EXAMPLES / f"{market}_streams.jsonl").read_text().splitlines()]
    found = [row for row in rows if row["of"] == f"{market} {name}"]
    assert found, f"nothing recorded of {market} {name}"
    newest = [row for row in found if row["newest"]] or found
    return [row["body"].get("data") or row["body"].get("event") or row["body"] for row in newest]


def shape(value: Any) -> Any:
    """What a message looks like without its values: numbers are one type, a list is its first element."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "bool" if isinstance(value, bool) else "number" if isinstance(value, int | float) else type(value).__name__


def difference(ours: Any, theirs: Any) -> tuple[set[str], set[str]]:
    """Paths that only ours has, and paths that only theirs has; another type counts as both."""
    mine, yours = dict(_paths(shape(ours))), dict(_paths(shape(theirs)))
    only_mine = {path for path, kind in mine.items() if yours.get(path) != kind}
    only_yours = {path for path, kind in yours.items() if mine.get(path) != kind}
    return only_mine, only_yours


def _paths(value: Any, path: str = "") -> Any:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list) and value:
        yield from _paths(value[0], f"{path}[]")
    else:
        yield path, value if isinstance(value, str) else "empty list"

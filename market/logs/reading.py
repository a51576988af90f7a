"""A line is read again: by the supervisor, by tests."""

import json
from typing import Any


def read(line: str) -> dict[str, Any] | None:
    """The fields of a line that one of our processes wrote; None: it is of somebody else, such as a server of ours."""
    if not line.startswith("{"):
        return None
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) and "event" in told and "logger" in told else None


def read_all(text: str) -> list[dict[str, Any]]:
    """The lines of ours in a text."""
    return [told for line in text.split("\n") if (told := read(line))]


def said(line: str) -> str:
    """What a line says, whoever wrote it: of one of ours its event."""
    told = read(line)
    return str(told["event"]) if told else line

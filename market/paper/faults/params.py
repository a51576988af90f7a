"""Parameters of faults: within which bounds, with which default, and what is said of a value that does not fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any


class BadStep(Exception):
    """A step makes no sense. The text names the field, its value and the bound."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number from ``least`` to ``most``."""

    least: float
    most: float
    whole: bool = False

    @property
    def legal(self) -> str:
        """What may be given, for people."""
        return f"{'whole number' if self.whole else 'number'} from {self.least:g} to {self.most:g}"

    def read(self, name: str, value: object) -> Any:
        """The value, if it is one. Raises BadStep."""
        kinds = (int,) if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not self.least <= value <= self.most:
            raise BadStep(f"{name}: {value!r} is no {self.legal}")
        return value

    def from_text(self, text: str) -> Any:
        """What a word of a command line stands for; the word itself when it is no number."""
        if re.fullmatch(r"[+-]?[0-9]{1,18}", text):
            return int(text)
        return float(text) if re.fullmatch(r"[+-]?[0-9]{1,18}\.[0-9]{1,18}", text) else text


@dataclass(frozen=True, slots=True)
class Text:
    """Any text, or one of a few words."""

    most: int = 500
    among: tuple[str, ...] = ()

    @property
    def legal(self) -> str:
        """What may be given, for people."""
        return " | ".join(filter(None, self.among)) if self.among else f"text of at most {self.most} characters"

    def read(self, name: str, value: object) -> Any:
        """The value, if it is one. Raises BadStep."""
        if not isinstance(value, str) or len(value) > self.most or (self.among and value not in self.among):
            raise BadStep(f"{name}: {value!r} is not one of {self.legal}" if self.among else f"{name}: no {self.legal}")
        return value

    def from_text(self, text: str) -> Any:
        """What a word of a command line stands for."""
        return text


Kind = Number | Text
REQUIRED = "required"


def number(least: float, most: float, default: Any = MISSING) -> Any:
    """A dataclass field for a number."""
    return field(default=default, metadata={"kind": Number(least, most)})


def whole(least: int, most: int, default: Any = MISSING) -> Any:
    """A dataclass field for a whole number."""
    return field(default=default, metadata={"kind": Number(least, most, whole=True)})


def text(default: str, *among: str) -> Any:
    """A dataclass field for text, free or one of ``among``."""
    return field(default=default, metadata={"kind": Text(among=among)})


def kinds_of(cls: type[Any]) -> dict[str, Kind]:
    """The parameters of a dataclass made of such fields."""
    return {part.name: part.metadata["kind"] for part in fields(cls) if part.metadata}


def defaults_of(cls: type[Any]) -> dict[str, Any]:
    """The default of each parameter, REQUIRED where there is none."""
    parts = [part for part in fields(cls) if part.metadata]
    return {part.name: REQUIRED if part.default is MISSING else part.default for part in parts}


def read_params(cls: type[Any], given: Mapping[str, object], place: str) -> dict[str, Any]:
    """Keyword arguments for ``cls`` out of JSON. Raises BadStep; ``place`` is how it names the surroundings."""
    kinds, defaults = kinds_of(cls), defaults_of(cls)
    for name in given:
        if name not in kinds:
            raise BadStep(f"{place}{name}: unknown; known are {', '.join(kinds) or 'no parameters'}")
    for name, default in defaults.items():
        if default == REQUIRED and name not in given:
            raise BadStep(f"{place}{name}: missing, a {kinds[name].legal}")
    return {name: kinds[name].read(f"{place}{name}", value) for name, value in given.items()}

"""What was asked for: one step is a fault, what it happens to, how often and for how long. Pure: JSON in, steps out.

{"fault": "error_after", "match": {"path": "/api/v3/order", "method": "POST"}, "times": 2, "status": 504}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from market.paper.faults.kinds import Fault
from market.paper.faults.menu import FAULTS, happens_to
from market.paper.faults.params import BadStep, Number, read_params, text

MOST_STEPS = 1000
METHODS = ("GET", "POST", "PUT", "DELETE")
MARKETS = ("spot", "futures")
MATCHES = {
    "calls": ("account", "method", "path", "symbol", "market"),
    "events": ("account", "symbol", "event"),
    "the market": ("symbol", "market"),
}
# How often and for how long. What happens to the market just lasts.
WHEN: dict[str, Number] = {
    "times": Number(1, 10**9, whole=True),
    "for_seconds": Number(0.001, 30 * 86_400),
    "after_requests": Number(0, 10**9, whole=True),
    "probability": Number(0, 1),
    "seed": Number(-(2**63), 2**63 - 1, whole=True),
}


@dataclass(frozen=True)
class Match:
    """What a fault happens to; what is empty is not asked. ``path`` and ``event`` may have ``*`` in them."""

    account: str = text("")
    method: str = text("", "", *METHODS)
    path: str = text("")
    symbol: str = text("")
    market: str = text("", "", *MARKETS)
    event: str = text("")

    def likes_path(self, path: str) -> bool:
        """True when the path is meant."""
        return not self.path or fnmatchcase(path, self.path)

    def likes_event(self, kind: str) -> bool:
        """True when this kind of event is meant."""
        return not self.event or fnmatchcase(kind, self.event)

    def as_json(self) -> dict[str, str]:
        """What is asked."""
        return {part.name: value for part in fields(self) if (value := getattr(self, part.name))}


@dataclass(frozen=True, slots=True)
class Step:
    """A fault with everything that decides when it happens. None: no bound."""

    name: str
    fault: Fault
    match: Match
    times: int | None = None
    for_seconds: float | None = None
    after_requests: int = 0
    probability: float = 1
    seed: int | None = None

    @property
    def ends(self) -> bool:
        """True when it ends by itself."""
        return self.times is not None or self.for_seconds is not None


def read_step(given: object, place: str = "") -> Step:
    """Read one step. Raises BadStep; ``place`` is how it names the surroundings."""
    if not isinstance(given, dict):
        raise BadStep(f"{place or 'step'}: {given!r} is no JSON object")
    name = given.get("fault")
    if not isinstance(name, str) or name not in FAULTS:
        raise BadStep(f"{place}fault: {name!r} is not one of {', '.join(FAULTS)}")
    fault = FAULTS[name]
    to = happens_to(fault)
    params = {key: value for key, value in given.items() if key not in ("fault", "match", *WHEN)}
    when = {key: kind.read(f"{place}{key}", given[key]) for key, kind in WHEN.items() if key in given}
    if to == "the market" and (wrong := when.keys() - {"for_seconds"}):
        raise BadStep(f"{place}{min(wrong)}: not of a fault of the market, which lasts for_seconds or until cleared")
    return Step(
        name, fault(**read_params(fault, params, place)), _match(given.get("match", {}), to, f"{place}match."), **when
    )


def read_script(given: object, *, in_order: bool) -> list[Step]:
    """Read a list of steps. Those that run in order must end by themselves, but for the last. Raises BadStep."""
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_STEPS:
        raise BadStep(f"steps: not a list of 1 to {MOST_STEPS} steps")
    steps = [read_step(step, f"steps[{number}].") for number, step in enumerate(given)]
    for number, step in enumerate(steps[:-1]):
        if in_order and not step.ends:
            raise BadStep(f"steps[{number}]: has neither times nor for_seconds, so the next one would never begin")
    return steps


def _match(given: object, to: str, place: str) -> Match:
    if not isinstance(given, Mapping):
        raise BadStep(f"{place[:-1]}: {given!r} is no JSON object")
    for key in given:
        if key not in MATCHES[to]:
            raise BadStep(f"{place}{key}: not of a fault of {to}; known are {', '.join(MATCHES[to])}")
    return Match(**_texts(given, place))


def _texts(given: Mapping[str, object], place: str) -> dict[str, Any]:
    read = read_params(Match, given, place)
    for key, value in read.items():
        if not value:
            raise BadStep(f"{place}{key}: empty; leave it out to mean any")
    return read

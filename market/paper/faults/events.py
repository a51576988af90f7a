"""Faults of the streams: events that come twice, late, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from market.paper.faults.calls import LONGEST_SECONDS
from market.paper.faults.kinds import Delivery, EventFault
from market.paper.faults.params import number, whole


@dataclass(frozen=True)
class DuplicateEvents(EventFault):
    """An event is sent more than once."""

    copies: int = whole(2, 10, 2)

    def deliveries(self, payload: Any) -> list[Delivery]:
        """What is sent."""
        return [(0, payload)] * self.copies


@dataclass(frozen=True)
class LateEvents(EventFault):
    """An event is sent late; those after it may overtake it."""

    delay_seconds: float = number(0, LONGEST_SECONDS)

    def deliveries(self, payload: Any) -> list[Delivery]:
        """What is sent."""
        return [(self.delay_seconds, payload)]


@dataclass(frozen=True)
class MissingEvents(EventFault):
    """An event is not sent; the connection stays open."""

    def deliveries(self, payload: Any) -> list[Delivery]:
        """What is sent."""
        return []


@dataclass(frozen=True)
class GarbageEvents(EventFault):
    """Half of an event is sent: no JSON. Of what another fault has left, half again."""

    def deliveries(self, payload: Any) -> list[Delivery]:
        """What is sent."""
        body = payload if isinstance(payload, bytes) else orjson.dumps(payload)
        return [(0, body[: len(body) // 2])]

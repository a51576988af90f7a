"""Who listens: to a market stream, and to an account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from market.paper.engine.types import Market
from market.paper.streams.frames import combined, text_frame
from market.paper.streams.sources import Channel

if TYPE_CHECKING:
    from market.paper.streams.market_connection import MarketConnection


@dataclass(slots=True)
class Audience:
    """A channel and its listeners."""

    channel: Channel
    members: dict[MarketConnection, None] = field(default_factory=dict)


class Listener(Protocol):
    """One subscription to the events of an account."""

    account_id: int
    market: Market
    key: str  # its listen key, if it has one

    def hear(self, kind: str, body: bytes) -> None:
        """Pass an event on, if this kind is wanted."""


@dataclass(eq=False, slots=True)
class KeyListener:
    """A futures subscription by listen key; ``name`` is what the client called it, ``event`` the only kind it wants."""

    connection: MarketConnection
    account_id: int
    key: str
    name: str
    event: str = ""
    market: Market = "futures"

    def hear(self, kind: str, body: bytes) -> None:
        """Pass an event on, if this kind is wanted."""
        if not self.event or self.event == kind:
            self.connection.send(frame_for(self.connection, self.name, body))


def frame_for(connection: MarketConnection, name: str, body: bytes) -> bytes:
    """A message as one connection gets it."""
    return text_frame(combined(name, body) if connection.combined else body)

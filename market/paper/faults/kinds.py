"""What a fault is: something that happens to calls, to events of the streams, or to the market itself.

A fault is a frozen dataclass: its fields are its parameters, its docstring is its line in the menu.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from market.paper.web.call import Call, Handler, Reply

if TYPE_CHECKING:
    from market.paper.venue import Venue

Next = Callable[[Call], Awaitable[Reply]]
Delivery = tuple[float, Any]  # after how many seconds which payload
Thing = Literal["price", "book", "status"]


@dataclass(frozen=True)
class Fault:
    """Any fault."""

    def begun(self, now_ms: int) -> Fault:
        """The fault as it is from the moment on at which it begins."""
        return self


@dataclass(frozen=True)
class CallFault(Fault):
    """Happens to a call, as a middleware around it."""

    # True: nothing behind this fault is reached, so faults behind it do not happen.
    ends_call: ClassVar[bool] = False

    def concerns(self, call: Call) -> bool:
        """True for the kinds of calls that it can happen to."""
        return True

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call, by way of ``proceed`` or not. May raise DropConnection."""
        raise NotImplementedError


@dataclass(frozen=True)
class HandlerFault(CallFault):
    """Happens to what an endpoint does, in the same moment: after the signature is checked, before the disk."""

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Stand around the endpoint's handler."""
        call.wrapped = partial(self.handle, handler=call.handler)
        return await proceed(call)

    def handle(self, call: Call, *, handler: Handler) -> Any:
        """Do what the handler does, differently."""
        raise NotImplementedError


@dataclass(frozen=True)
class EventFault(Fault):
    """Happens to an event of a stream on its way to one listener, or to all of them."""

    def deliveries(self, payload: Any) -> list[Delivery]:
        """What is sent instead of sending the payload now."""
        raise NotImplementedError


@dataclass(frozen=True)
class MarketFault(Fault):
    """Holds something of a symbol for as long as it is active; the last one that began wins."""

    thing: ClassVar[Thing]

    def value(self, venue: Venue[Any], symbol: str, now_ms: int) -> Any:
        """What the price, book or status shall be from now on."""
        raise NotImplementedError

"""What a connection to spot's WebSocket API remembers from one request to the next: its user data subscriptions.

Its methods stand for no REST endpoint. They are endpoints of the connection, so that they are authenticated and metered
like all others, and faults happen to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from market.paper.engine.types import Market
from market.paper.streams.connection import Connection
from market.paper.streams.frames import text_frame
from market.paper.web.call import Call, DropConnection, Endpoint
from market.paper.web.errors import ApiError

if TYPE_CHECKING:
    from market.paper.exchange import Exchange

MAX_SUBSCRIPTIONS = 1000
WEIGHT = 2
PATH = "/ws-api/v3/"
SIGNED = "userDataStream.subscribe.signature"

# What is to be done when the answer has been sent.
Later = list[Callable[[], None]]


@dataclass(eq=False, slots=True)
class AccountListener:
    """A spot subscription; ``number`` is its subscriptionId."""

    connection: Connection
    account_id: int
    number: int
    market: Market = "spot"
    key: str = ""
    # What has happened since, until the client has been told the number.
    _held: list[bytes] | None = field(default_factory=list)

    def hear(self, kind: str, body: bytes) -> None:
        """Pass an event on."""
        frame = text_frame(b'{"subscriptionId":%d,"event":' % self.number + body + b"}")
        if self._held is None:
            self.connection.send(frame)
        else:
            self._held.append(frame)

    def begin(self) -> None:
        """Speak: the client has been told the number."""
        frames, self._held = self._held or [], None
        for frame in frames:
            self.connection.send(frame)


class Session:
    """The subscriptions of one connection, and the methods that are about them."""

    def __init__(self, connection: Connection, exchange: Exchange, *, rate_limits: bool) -> None:
        self._connection = connection
        self._exchange = exchange
        self._rate_limits = rate_limits
        self._connected_ms = exchange.now_ms()
        self._listeners: dict[int, AccountListener] = {}
        self._subscribed = 0
        self._is_over = False

    def endpoint_of(self, method: str, later: Later) -> Endpoint | None:
        """The endpoint of a method, None when it is not about the session. It may put something off till ``later``."""
        handler = METHODS.get(method)
        if handler is None:
            return None

        def answer(call: Call) -> Any:
            return handler(self, call, later)

        return Endpoint("WS", PATH + method, answer, "spot", WEIGHT, "signed" if method == SIGNED else "none")

    def end(self) -> None:
        """Listen no more: the connection has ended."""
        self._is_over = True
        for listener in self._listeners.values():
            self._exchange.hub.deafen(listener)
        self._listeners.clear()

    def subscribe(self, call: Call, later: Later) -> dict[str, int]:
        """Listen to the account whose signature it is."""
        if self._is_over:  # it was closed while the request was on its way, and nobody would ever end this
            raise DropConnection
        account_id = call.account.account_id
        if any(listener.account_id == account_id for listener in self._listeners.values()):
            raise ApiError(-2035, "User Data Stream subscription already active.")
        if len(self._listeners) >= MAX_SUBSCRIPTIONS:
            text = f"Too many subscriptions. Connection may create up to '{MAX_SUBSCRIPTIONS}' subscriptions at a time."
            raise ApiError(-1191, text)
        listener = AccountListener(self._connection, account_id, self._subscribed)
        self._subscribed += 1
        self._listeners[listener.number] = listener
        self._exchange.hub.listen(listener)
        later.append(listener.begin)
        return {"subscriptionId": listener.number}

    def unsubscribe(self, call: Call, later: Later) -> dict[str, Any]:
        """End the subscription that is named, all of them when none is; the last event comes after the answer."""
        number = call.params.integer("subscriptionId")
        if number is not None and number not in self._listeners:
            raise ApiError(-2036, "User Data Stream subscription not active.")
        event = orjson.dumps({"e": "eventStreamTerminated", "E": self._exchange.now_ms()})
        for each in list(self._listeners) if number is None else [number]:
            listener = self._listeners.pop(each)
            self._exchange.hub.deafen(listener)
            later.append(partial(listener.hear, "eventStreamTerminated", event))
        return {}

    def status(self, call: Call, later: Later) -> dict[str, Any]:
        """Nobody is ever logged on."""
        return {
            "apiKey": None,
            "authorizedSince": None,
            "connectedSince": self._connected_ms,
            "returnRateLimits": self._rate_limits,
            "serverTime": call.server_ms,
            "userDataStream": bool(self._listeners),
        }

    def subscriptions(self, call: Call, later: Later) -> list[dict[str, int]]:
        """The numbers of all subscriptions."""
        return [{"subscriptionId": number} for number in self._listeners]

    def refuse_logon(self, call: Call, later: Later) -> None:
        """Only Ed25519 keys may log on, and here all keys are HMAC."""
        raise ApiError(-2028, "HMAC-SHA-256 API key is not supported")

    def refuse_subscription(self, call: Call, later: Later) -> None:
        """Without a signature it needs a logon."""
        raise ApiError(-1193, "WebSocket session not authenticated")


Method = Callable[[Session, Call, Later], Any]
METHODS: dict[str, Method] = {
    "session.status": Session.status,
    "session.logout": Session.status,
    "session.logon": Session.refuse_logon,
    "session.subscriptions": Session.subscriptions,
    "userDataStream.subscribe": Session.refuse_subscription,
    SIGNED: Session.subscribe,
    "userDataStream.unsubscribe": Session.unsubscribe,
}
# What faults may name.
PATHS = {PATH + method for method in METHODS}

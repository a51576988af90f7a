"""A connection to streams: /ws and /stream, spot and futures."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from market.paper.streams import control
from market.paper.streams.addresses import Address
from market.paper.streams.audience import KeyListener, frame_for
from market.paper.streams.connection import FUTURES, POLICY_VIOLATION, SPOT, Connection
from market.paper.streams.control import MAX_NAME, MAX_STREAMS, BadRequest, Request
from market.paper.streams.frames import text_frame

if TYPE_CHECKING:
    from market.paper.streams.hub import Hub


class MarketConnection(Connection):
    """Subscriptions of one client."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        hub: Hub,
        address: Address,
    ) -> None:
        super().__init__(socket, transport, SPOT if address.market == "spot" else FUTURES)
        self.market = address.market
        self.route = address.route
        self.combined = address.combined
        self._hub = hub
        self._wanted = address.names
        # What the client has subscribed to. Names that mean nothing are among them, for Binance lists them too, unless
        # they are so long that only somebody who wants our memory would send them.
        self._names: dict[str, KeyListener | None] = {}

    async def run(self) -> None:
        """Subscribe to what the address names, then listen to the client."""
        try:
            self.subscribe(self._wanted)
        except BadRequest as error:
            await self.close(POLICY_VIOLATION, error.msg)
        else:
            await super().run()

    def subscribe(self, names: list[str]) -> None:
        """Listen to streams from now on. Raises BadRequest."""
        names = [name for name in names if len(name) <= MAX_NAME]
        if len(self._names.keys() | set(names)) > MAX_STREAMS:
            raise BadRequest(2, f"Invalid request: a connection can listen to at most {MAX_STREAMS} streams")
        for name in names:
            if name not in self._names:
                self._names[name] = self._start(name)

    def unsubscribe(self, names: list[str]) -> None:
        """Listen no more."""
        for name in names:
            if name in self._names:
                listener = self._names.pop(name)
                if listener is not None:
                    self._hub.deafen(listener)
                else:
                    self._hub.leave(self, name)

    def farewell(self, now_ms: int) -> bytes | None:
        """serverShutdown, which only spot announces."""
        if self.market != "spot":
            return None
        return frame_for(self, "!serverShutdown", orjson.dumps({"e": "serverShutdown", "E": now_ms}))

    async def on_text(self, text: str) -> None:
        """Carry out a control message."""
        try:
            request = control.request_of(text)
            reply = control.answer(request, self._carry_out(request))
        except BadRequest as error:
            reply = error.answer()
        self.send(text_frame(reply))

    def forget(self) -> None:
        """Let go of everything: the connection has ended."""
        self.unsubscribe(list(self._names))

    def _carry_out(self, request: Request) -> Any:
        params = request.params
        if request.method == "SUBSCRIBE":
            try:
                self.subscribe(params)
            except BadRequest as error:
                raise BadRequest(error.code, error.msg, request.request_id) from error
        elif request.method == "UNSUBSCRIBE":
            self.unsubscribe(params)
        elif request.method == "LIST_SUBSCRIPTIONS":
            return list(self._names)
        elif request.method == "SET_PROPERTY":
            self.combined = params[1]
        else:
            return self.combined
        return None

    def _start(self, name: str) -> KeyListener | None:
        """Listen to one stream: <listenKey>, <listenKey>@<event>, or a market stream that this address carries."""
        key, _, event = name.partition("@")
        account_id = self._hub.listen_keys.account_of(key)
        if account_id is None:
            self._hub.join(self, name)
            return None
        if self.market != "futures" or self.route not in (None, "private"):
            return None
        listener = KeyListener(self, account_id, key, name, event)
        self._hub.listen(listener)
        return listener

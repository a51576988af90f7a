"""Somebody who listens to an account's events on both markets: what they are told must be as safe as an answer."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import aiohttp

from market.paper.tests.server import PaperServer
from market.paper.tests.streams.sockets import signed
from tests.chaos.claims import FINAL

OF_ORDER = "SELECT status FROM orders WHERE market = ? AND symbol = ? AND order_id = ?"
OF_FILL = "SELECT qty FROM fills WHERE market = ? AND symbol = ? AND trade_id = ?"


class Listener:
    """Two websockets of one account. ``heard`` are the market and body of every event about an order."""

    def __init__(self, paper: PaperServer, key: dict[str, str]) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._paper = paper
        self._key = key

    def run(self) -> None:
        """Listen until the exchange is gone."""
        asyncio.run(self._listen())

    def contradictions(self, ledger: sqlite3.Connection) -> Iterator[str]:
        """Events of what the ledger does not know."""
        for market, event in self.heard:
            order = ledger.execute(OF_ORDER, [market, event["s"], event["i"]]).fetchone()
            if order is None or (event["X"] in FINAL and order[0] != event["X"]):
                yield f"told by the {market} stream, but in the ledger it is {order}: {event}"
            if event["x"] == "TRADE":
                fill = ledger.execute(OF_FILL, [market, event["s"], event["t"]]).fetchone()
                if fill is None or Decimal(fill[0]) != Decimal(event["l"]):
                    yield f"told by the {market} stream, but in the ledger the fill is {fill}: {event}"

    async def _listen(self) -> None:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(self._spot(session), self._futures(session), return_exceptions=True)

    async def _spot(self, session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(f"{self._paper.url}/ws-api/v3") as socket:
            subscribe = {"id": 1, "method": "userDataStream.subscribe.signature", "params": signed(self._key)}
            await socket.send_json(subscribe)
            async for message in socket:
                event = json.loads(message.data).get("event", {})
                if event.get("e") == "executionReport":
                    self.heard.append(("spot", event))

    async def _futures(self, session: aiohttp.ClientSession) -> None:
        headers = {"X-MBX-APIKEY": self._key["api_key"]}
        async with session.post(f"{self._paper.url}/fapi/v1/listenKey", headers=headers) as reply:
            listen_key = (await reply.json(content_type=None))["listenKey"]
        async with session.ws_connect(f"{self._paper.url}/private/ws?listenKey={listen_key}") as socket:
            async for message in socket:
                event = json.loads(message.data)
                if event.get("e") == "ORDER_TRADE_UPDATE":
                    self.heard.append(("futures", event["o"]))

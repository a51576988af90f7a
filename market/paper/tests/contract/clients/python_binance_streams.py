"""python-binance's BinanceSocketManager: a subclass that names other addresses, otherwise as it is."""

from __future__ import annotations

import importlib
from contextlib import AsyncExitStack
from typing import Any

from market.paper.tests.contract.clients.python_binance import addresses
from market.paper.tests.contract.inbox import Inbox
from market.paper.tests.contract.parsed import (
    STATUSES,
    Balance,
    Best,
    Candle,
    LastPrice,
    MarkPrice,
    Order,
    Position,
    PublicTrade,
    SpotBalance,
    Wallet,
    amount,
    moment,
    price,
)

library = importlib.import_module("binance")


class _PythonBinanceStreams:
    def __init__(self, base: str, key: dict[str, Any], inbox: Inbox) -> None:
        self.base, self.key, self.inbox = base, key, inbox
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        kind = type("PaperAsyncClient", (library.AsyncClient,), addresses(self.base))
        self.client = await kind.create(self.key["api_key"], self.key["api_secret"])
        url = self.base.replace("http", "ws", 1) + "/"
        urls = {"STREAM_URL": url, "FSTREAM_URL": url}
        self.sockets = type("PaperSockets", (library.BinanceSocketManager,), urls)(self.client)

    async def close(self) -> None:
        await self._stack.aclose()
        await self.client.close_connection()

    async def listen(self, socket: Any) -> None:
        # How long it waits for a message before it looks whether it shall end: ten seconds, else.
        socket.TIMEOUT = self.client.ws_api.TIMEOUT = 0.3
        await self._stack.enter_async_context(socket)
        self.inbox.read(socket.recv, self.parse)

    def parse(self, event: dict[str, Any]) -> None:
        event = event.get("data", event)  # a combined stream
        assert event.get("e") != "error", event
        parse = getattr(self, "_" + event.get("e", "bookTicker"), None)
        if parse:
            parse(event)

    def _kline(self, event: dict[str, Any]) -> None:
        row = event["k"]
        self.inbox.put(Candle(moment(row["t"]), *(amount(row[name]) for name in "ohlcv")))

    _continuous_kline = _kline

    def _bookTicker(self, event: dict[str, Any]) -> None:  # noqa: N802 - Binance's name of the event
        self.inbox.put(Best(amount(event["b"]), amount(event["a"])))

    def _aggTrade(self, event: dict[str, Any]) -> None:  # noqa: N802
        self.inbox.put(PublicTrade(amount(event["p"]), amount(event["q"])))

    def _24hrMiniTicker(self, event: dict[str, Any]) -> None:  # noqa: N802
        self.inbox.put(LastPrice(amount(event["c"])))

    def _markPriceUpdate(self, event: dict[str, Any]) -> None:  # noqa: N802
        self.inbox.put(MarkPrice(amount(event["p"])))


class PythonBinanceSpotStreams(_PythonBinanceStreams):
    name = "python-binance"

    async def market(self, symbol: str) -> None:
        lower = symbol.lower()
        await self.listen(self.sockets.kline_socket(symbol, "1m"))
        await self.listen(self.sockets.symbol_book_ticker_socket(symbol))
        await self.listen(self.sockets.multiplex_socket([f"{lower}@aggTrade", f"{lower}@miniTicker"]))

    async def user(self) -> None:
        await self.listen(self.sockets.user_socket())

    def _executionReport(self, event: dict[str, Any]) -> None:  # noqa: N802
        filled, quote = amount(event["z"]), amount(event["Z"])
        self.inbox.put(
            Order(
                order_id=str(event["i"]),
                client_order_id=event["C"] or event["c"],
                side=event["S"].lower(),
                status=STATUSES[event["X"]],
                quantity=amount(event["q"]),
                filled_quantity=filled,
                average_price=quote / filled if filled else None,
                limit_price=price(event["p"]),
                trigger_price=price(event["P"]),
            )
        )

    def _outboundAccountPosition(self, event: dict[str, Any]) -> None:  # noqa: N802
        for row in event["B"]:
            self.inbox.put(SpotBalance(row["a"], Balance(amount(row["f"]), amount(row["l"]))))


class PythonBinanceFuturesStreams(_PythonBinanceStreams):
    name = "python-binance"

    async def market(self, symbol: str) -> None:
        lower = symbol.lower()
        await self.listen(self.sockets.kline_futures_socket(symbol, "1m"))
        await self.listen(self.sockets.futures_multiplex_socket([f"{lower}@bookTicker"], category="public"))
        await self.listen(self.sockets.symbol_mark_price_socket(symbol))
        await self.listen(self.sockets.futures_multiplex_socket([f"{lower}@aggTrade", f"{lower}@miniTicker"]))

    async def user(self) -> None:
        await self.listen(self.sockets.futures_user_socket())

    def _ORDER_TRADE_UPDATE(self, event: dict[str, Any]) -> None:  # noqa: N802
        row = event["o"]
        self.inbox.put(
            Order(
                order_id=str(row["i"]),
                client_order_id=row["c"],
                side=row["S"].lower(),
                status=STATUSES[row["X"]],
                quantity=amount(row["q"]),
                filled_quantity=amount(row["z"]),
                average_price=price(row["ap"]),
                limit_price=price(row["p"]),
                trigger_price=price(row["sp"]),
            )
        )

    def _ACCOUNT_UPDATE(self, event: dict[str, Any]) -> None:  # noqa: N802
        for row in event["a"]["B"]:
            self.inbox.put(Wallet(row["a"], amount(row["wb"])))
        for row in event["a"]["P"]:
            self.inbox.put(Position(amount(row["pa"]), amount(row["ep"]), amount(row["up"]), row["ps"]))

    def _ALGO_UPDATE(self, event: dict[str, Any]) -> None:  # noqa: N802
        row = event["o"]
        status = STATUSES.get(row["X"])
        if status:
            self.inbox.put(
                Order(
                    order_id=str(row["aid"]),
                    client_order_id=row["caid"],
                    side=row["S"].lower(),
                    status=status,
                    quantity=amount(row["q"]),
                    filled_quantity=amount(row.get("aq") or 0),
                    limit_price=price(row["p"]),
                    trigger_price=price(row["tp"]),
                )
            )

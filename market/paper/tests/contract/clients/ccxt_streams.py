"""ccxt.pro's watch methods: other addresses in ``urls``, otherwise as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import ccxt.pro

from market.paper.tests.contract.clients.ccxt_client import settings
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


class _CcxtStreams:
    kind: type
    suffix: str

    def __init__(self, base: str, key: dict[str, Any], inbox: Inbox) -> None:
        self.client: Any = self.kind(settings(base, key, self.kind))
        # ccxt.pro takes a message for one of spot when the address has /stream in it, as in wss://stream.binance.com.
        spot = self.client.urls["api"]["ws"]["spot"]
        self.client.urls["api"]["ws"]["spot"] = spot.replace("://", "://stream@")
        self.inbox = inbox

    async def open(self) -> None:
        await self.client.load_markets()

    async def close(self) -> None:
        await self.client.close()

    async def market(self, symbol: str) -> None:
        name = self.client.safe_symbol(symbol, None, None, self.suffix)
        watch, read = self.client, self.inbox.read
        read(lambda: watch.watch_ohlcv(name, "1m"), self._candles)
        read(lambda: watch.watch_bids_asks([name]), self._best)
        read(lambda: watch.watch_trades(name, params={"name": "aggTrade"}), self._trades)
        read(lambda: watch.watch_ticker(name, {"name": "miniTicker"}), self._last)

    async def subscribed(self, ready: Callable[[], bool]) -> None:
        """Wait until ccxt has subscribed in the background."""
        async with asyncio.timeout(10):
            while not ready():
                await asyncio.sleep(0.01)

    def _candles(self, rows: list[list[Any]]) -> None:
        for row in rows:
            self.inbox.put(Candle(moment(row[0]), *(amount(value) for value in row[1:6])))

    def _best(self, tickers: dict[str, Any]) -> None:
        for ticker in tickers.values():
            self.inbox.put(Best(amount(ticker["bid"]), amount(ticker["ask"])))

    def _trades(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            self.inbox.put(PublicTrade(amount(row["price"]), amount(row["amount"])))

    def _last(self, ticker: dict[str, Any]) -> None:
        self.inbox.put(LastPrice(amount(ticker["last"])))

    def _orders(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            self.inbox.put(
                Order(
                    order_id=row["id"],
                    client_order_id=row["clientOrderId"],
                    side=row["side"],
                    status=STATUSES[row["status"]],
                    quantity=amount(row["amount"]),
                    filled_quantity=amount(row["filled"] or 0),
                    average_price=price(row["average"]),
                    limit_price=price(row["price"]),
                    trigger_price=price(row["triggerPrice"]),
                )
            )


class CcxtSpotStreams(_CcxtStreams):
    name = "ccxt"
    kind = ccxt.pro.binance
    suffix = "spot"

    async def user(self) -> None:
        await self.client.authenticate()
        self.inbox.read(self.client.watch_orders, self._orders)
        self.inbox.read(self.client.watch_balance, self._balances)
        connection = self.client.client(self.client.urls["api"]["ws"]["ws-api"]["spot"])
        await self.subscribed(lambda: {"orders", "spot:balance"} <= set(connection.futures))

    def _balances(self, found: dict[str, Any]) -> None:
        for asset, row in found.items():
            if isinstance(row, dict) and row.get("free") is not None and row.get("used") is not None:
                self.inbox.put(SpotBalance(asset, Balance(amount(row["free"]), amount(row["used"]))))


class CcxtFuturesStreams(_CcxtStreams):
    name = "ccxt"
    kind = ccxt.pro.binanceusdm
    suffix = "contract"

    async def market(self, symbol: str) -> None:
        await super().market(symbol)
        name = self.client.safe_symbol(symbol, None, None, self.suffix)
        self.inbox.read(lambda: self.client.watch_mark_price(name), self._mark)

    async def user(self) -> None:
        self.inbox.read(self.client.watch_orders, self._orders)
        self.inbox.read(self.client.watch_balance, self._balances)
        self.inbox.read(self.client.watch_positions, self._positions)
        await self.subscribed(self._listening)

    def _listening(self) -> bool:
        private = [found for url, found in self.client.clients.items() if "listenKey" in url]
        wanted = {"orders", "linear:balance", "linear:positions"}
        return any(found.connected.done() and wanted <= set(found.futures) for found in private)

    def _mark(self, ticker: dict[str, Any]) -> None:
        self.inbox.put(MarkPrice(amount(ticker["markPrice"])))

    def _balances(self, found: dict[str, Any]) -> None:
        for asset, row in found.items():
            if isinstance(row, dict) and row.get("total") is not None:
                self.inbox.put(Wallet(asset, amount(row["total"])))

    def _positions(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            size = amount(row["contracts"]) * (-1 if row["side"] == "short" else 1)
            side = row["side"].upper() if row["hedged"] else "BOTH"
            pnl = amount(row["unrealizedPnl"] or Decimal(0))
            self.inbox.put(Position(size, amount(row["entryPrice"] or 0), pnl, side))

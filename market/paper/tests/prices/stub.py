"""A followed exchange whose answers can be spoiled: the public endpoints of both markets, told from our own feeds."""

from __future__ import annotations

import json
import time
from typing import Any, Self

from aiohttp import web

from market.paper.engine.amounts import text
from market.paper.prices.feed import Feed
from market.paper.prices.recording import Recording
from market.paper.tests.prices.feeds import FEED, FUTURES, FUTURES_FEED, SPOT


def real_ms() -> int:
    return time.time_ns() // 1_000_000


class Stub:
    """An HTTP server in this event loop. ``spoil`` maps the end of a path to what is answered instead."""

    def __init__(self) -> None:
        self.spoil: dict[str, Any] = {}
        self.asked: list[str] = []

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        name = request.path.split("/", 3)[3]
        spoiled = self.spoil.get(name)
        if callable(spoiled):
            return await spoiled(request)
        if spoiled is not None:
            return web.json_response(spoiled)
        feed, recording = (FEED, SPOT) if request.path.startswith("/api/") else (FUTURES_FEED, FUTURES)
        return web.Response(body=answer(name, dict(request.query), feed, recording), content_type="application/json")


def answer(name: str, params: dict[str, str], feed: Feed, recording: Recording) -> bytes:
    now_ms = real_ms()
    if name == "klines":
        start = int(params["startTime"]) if "startTime" in params else None
        bounds = {"limit": int(params["limit"]), "start_ms": start, "end_ms": None}
        return feed.klines(params["symbol"], params["interval"], now_ms, **bounds)
    symbols = json.loads(params["symbols"]) if "symbols" in params else feed.symbols
    return json.dumps(rows(name, params, symbols, now_ms, feed, recording)).encode()


def rows(name: str, params: dict[str, str], symbols: list[str], now_ms: int, feed: Feed, recording: Recording) -> Any:
    if name == "exchangeInfo":
        entries = [entry for entry in recording.exchange_info["symbols"] if entry["symbol"] in symbols]
        return recording.exchange_info | {"symbols": entries}
    if name == "aggTrades":
        asked = {"limit": int(params["limit"]), "from_id": int(params["fromId"]) if "fromId" in params else None}
        return [
            {"a": number, "p": text(price), "q": text(quantity), "T": time_ms, "m": maker}
            for number, price, quantity, _, time_ms, maker in feed.trades(params["symbol"], now_ms, **asked)
        ]
    if name == "fundingRate":
        return [
            {"symbol": symbol, "fundingRate": text(rate), "fundingTime": at_ms + 3, "markPrice": text(mark)}
            for symbol, rate, at_ms, mark in feed.funding_history(params["symbol"], now_ms, limit=100)
        ]
    return [row(name, symbol, now_ms, feed) for symbol in symbols]


def row(name: str, symbol: str, now_ms: int, feed: Feed) -> dict[str, Any]:
    quote = feed.quote(symbol, now_ms)
    if name == "ticker/price":
        return {"symbol": symbol, "price": text(quote.last)}
    if name == "ticker/bookTicker":
        return {"symbol": symbol, "bidPrice": text(quote.bid), "askPrice": text(quote.ask)}
    due = feed.next_funding_ms(now_ms)
    prices = {"markPrice": text(quote.mark), "indexPrice": text(quote.index)}
    rate = text(feed.funding_rate(symbol, due))
    return {"symbol": symbol, **prices, "lastFundingRate": rate, "nextFundingTime": due}

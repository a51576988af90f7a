"""Public REST of a Binance-compatible exchange, asked politely: time-outs, few retries, waiting when told to."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from market.paper.engine.types import Market

PREFIXES: dict[Market, str] = {"spot": "/api/v3", "futures": "/fapi/v1"}
TIMEOUT = aiohttp.ClientTimeout(total=10, connect=3)
FIRST_WAIT = 0.5
LONGEST_WAIT = 60.0


class UpstreamFailed(Exception):
    """The followed exchange gave no usable answer; ask again no sooner than in ``wait_seconds``."""

    def __init__(self, what: str, wait_seconds: float = 0.0) -> None:
        super().__init__(what)
        self.wait_seconds = wait_seconds


class Upstream:
    """One market of the followed exchange. Created inside the running event loop."""

    def __init__(self, base_url: str, market: Market) -> None:
        self.url = base_url.rstrip("/") + PREFIXES[market]
        self._session = aiohttp.ClientSession(timeout=TIMEOUT)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._session.close()

    async def get(self, path: str, params: dict[str, str | int], *, tries: int) -> Any:
        """The decoded answer of one public endpoint. Raises UpstreamFailed after so many tries."""
        wait = FIRST_WAIT
        for left in range(tries - 1, -1, -1):
            try:
                return await self._get(path, params)
            except UpstreamFailed as error:
                if not left:
                    raise
                await asyncio.sleep(max(wait, error.wait_seconds))
                wait *= 2
        raise AssertionError("tries must be 1 or more")

    async def _get(self, path: str, params: dict[str, str | int]) -> Any:
        try:
            async with self._session.get(self.url + path, params=params) as reply:
                if reply.status in (418, 429):
                    raise UpstreamFailed(f"{self.url}{path} answers {reply.status}", _told_wait(reply))
                if reply.status != 200:
                    raise UpstreamFailed(f"{self.url}{path} answers {reply.status}: {(await reply.text())[:200]}")
                return await reply.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise UpstreamFailed(f"{self.url}{path}: {error!r}") from error


def _told_wait(reply: aiohttp.ClientResponse) -> float:
    """How long the exchange wants to be left alone."""
    text = reply.headers.get("Retry-After", "")
    return min(LONGEST_WAIT, float(text)) if text.isdecimal() else LONGEST_WAIT

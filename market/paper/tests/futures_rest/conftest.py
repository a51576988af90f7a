"""One futures account per test, and Bitcoin at 50,000: bid 49,997.50, ask 50,002.50.

What takers take stays taken until the next step, whoever they are: levels of 100 BTC are enough for many tests a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from market.paper.tests.server import PaperServer


@pytest.fixture
def key(paper: PaperServer) -> dict[str, Any]:
    """A fresh account with 10,000 USDT in futures."""
    return paper.open_account(futures={"USDT": "10000"})


@pytest.fixture
def client(paper: PaperServer, key: dict[str, Any]) -> Iterator[Any]:
    """python-binance for that account."""
    client = paper.client(key)
    yield client
    client.close_connection()


@pytest.fixture
def btc(paper: PaperServer) -> Iterator[Callable[[str], None]]:
    """Bitcoin's price stands at 50,000 until ``btc(price)`` sets another."""
    paper.set_book("BTCUSDT", market="futures", level_quote="5000000")

    def move(price: str) -> None:
        paper.set_price("BTCUSDT", price, market="futures")

    move("50000")
    yield move
    paper.set_price("BTCUSDT", None, market="futures")
    paper.set_book("BTCUSDT", market="futures")


@pytest.fixture
def signed(paper: PaperServer, key: dict[str, Any]) -> Callable[..., tuple[int, Any]]:
    """Status and JSON of a signed call: ``signed("GET", "/fapi/v1/order", symbol=...)``."""

    def call(method: str, path: str, **params: Any) -> tuple[int, Any]:
        return paper.signed(method, path, key, **params)

    return call

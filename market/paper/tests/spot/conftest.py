"""What spot's REST tests share: an account, python-binance for it, a price that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from market.paper.tests.server import PaperServer


@pytest.fixture
def key(paper: PaperServer) -> dict[str, Any]:
    return paper.open_account(USDT="10000")


@pytest.fixture
def client(paper: PaperServer, key: dict[str, Any]) -> Iterator[Any]:
    client = paper.client(key)
    yield client
    client.close_connection()


@pytest.fixture
def btc(paper: PaperServer) -> Iterator[Callable[[str], None]]:
    """`btc("49000")` moves the price, which stands at 50000 until then."""

    def move(price: str) -> None:
        paper.set_price("BTCUSDT", price)

    move("50000")
    yield move
    paper.set_book("BTCUSDT")
    paper.set_price("BTCUSDT", None)


@pytest.fixture
def btc_at_50000(btc: Callable[[str], None]) -> None:
    """The price stands at 50000."""


@pytest.fixture
def signed(paper: PaperServer, key: dict[str, Any]) -> Callable[..., tuple[int, Any]]:
    """`signed("GET", "/api/v3/order", symbol=...)`: status and answer of the account's own call."""

    def call(method: str, path: str, **params: Any) -> tuple[int, Any]:
        return paper.signed(method, path, key, **params)

    return call

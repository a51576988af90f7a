"""What the exchange refuses on spot, and how each client tells it: its exception, and Binance's code in it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from market.paper.tests.contract.clients import SPOT, SpotClient
from market.paper.tests.contract.parsed import Balance, Order, Refusal, refusal
from market.paper.tests.server import PaperServer

Call = Callable[[SpotClient], object]

# The same exception of python-binance for all; of the SDK one by HTTP status; of ccxt one by meaning.
REFUSED: dict[str, tuple[Call, int, str]] = {
    "too little money": (lambda spot: spot.market_order("BTCUSDT", "BUY", "0.3"), -2010, "InsufficientFunds"),
    "too few coins": (lambda spot: spot.market_order("BTCUSDT", "SELL", "1.5"), -2010, "InsufficientFunds"),
    "too many coins": (lambda spot: spot.limit_order("BTCUSDT", "BUY", "9001", "50000"), -1013, "InvalidOrder"),
    "too small a notional": (
        lambda spot: spot.limit_order("BTCUSDT", "BUY", "0.0003", "15000"),
        -1013,
        "BadRequest",
    ),
    "too small a market order": (lambda spot: spot.market_order("XRPUSDT", "BUY", "1"), -1013, "BadRequest"),
    "a price over the highest": (
        lambda spot: spot.limit_order("BTCUSDT", "SELL", "0.1", "1000001"),
        -1013,
        "InvalidOrder",
    ),
    "a price far off the market": (
        lambda spot: spot.limit_order("BTCUSDT", "BUY", "0.1", "5000"),
        -1013,
        "InvalidOrder",
    ),
    "a post-only order that would take": (
        lambda spot: spot.post_only_order("BTCUSDT", "BUY", "0.1", "50100"),
        -2010,
        "OrderImmediatelyFillable",
    ),
    "a query for no order": (lambda spot: spot.order("BTCUSDT", "999"), -2013, "OrderNotFound"),
    "a query for no client id": (lambda spot: spot.order_by_client_id("BTCUSDT", "none"), -2013, "OrderNotFound"),
    "a cancellation of no order": (lambda spot: spot.cancel("BTCUSDT", "999"), -2011, "OrderNotFound"),
    "too long a client id": (
        lambda spot: spot.limit_order("BTCUSDT", "BUY", "0.1", "49000", client_id="a" * 37),
        -1100,
        "BadRequest",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refusal_tells_its_code(spot: SpotClient, what: str):
    call, code, ccxt_error = REFUSED[what]

    assert refusal(spot, lambda: call(spot)) == told(spot, code, ccxt_error)
    assert spot.balances() == {"USDT": Balance(Decimal(10_000), Decimal(0)), "BTC": Balance(Decimal(1), Decimal(0))}
    assert spot.open_orders("BTCUSDT") == []


def test_client_order_id_cannot_be_open_twice(spot: SpotClient):
    first = spot.limit_order("BTCUSDT", "BUY", "0.1", "49000", client_id="same")

    again = refusal(spot, lambda: spot.limit_order("BTCUSDT", "BUY", "0.1", "48000", client_id="same"))

    assert again == told(spot, -2010, "InvalidOrder")
    assert spot.open_orders("BTCUSDT") == [first]


def test_order_that_is_cancelled_cannot_be_cancelled_again(spot: SpotClient):
    order: Order = spot.limit_order("BTCUSDT", "BUY", "0.1", "49000")
    spot.cancel("BTCUSDT", order.order_id)

    assert refusal(spot, lambda: spot.cancel("BTCUSDT", order.order_id)) == told(spot, -2011, "OrderNotFound")


@pytest.mark.parametrize("kind", SPOT, ids=lambda kind: kind.name)
def test_wrong_secret_is_a_bad_signature(paper: PaperServer, kind: type[SpotClient]):
    key = paper.open_account(USDT="1") | {"api_secret": "another"}

    client = kind(paper.url, key)

    assert refusal(client, client.balances) == told(client, -1022, "AuthenticationError")


@pytest.mark.parametrize("kind", SPOT, ids=lambda kind: kind.name)
def test_unknown_key_is_unauthorized(paper: PaperServer, kind: type[SpotClient]):
    key = paper.open_account(USDT="1") | {"api_key": "a" * 64}

    client = kind(paper.url, key)

    answer = refusal(client, client.balances)

    assert answer == told(client, -2015, "AuthenticationError", sdk_error="UnauthorizedError")


def told(client: SpotClient, code: int, ccxt_error: str, sdk_error: str = "BadRequestError") -> Refusal:
    errors = {"python-binance": "BinanceAPIException", "ccxt": ccxt_error, "sdk": sdk_error}
    return Refusal(errors[client.name], code)

"""What the exchange refuses on futures, and how each client tells it: its exception, and Binance's code in it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from market.paper.tests.contract.clients import FuturesClient
from market.paper.tests.contract.parsed import Refusal, refusal

Call = Callable[[FuturesClient], object]

# python-binance and the SDK go by the HTTP status: one exception for all. ccxt goes by the code, but tells futures'
# codes from spot's by Binance's own addresses; at any other address it knows only those that mean the same on both.
REFUSED: dict[str, tuple[Call, int, str]] = {
    "more than the margin allows": (lambda it: it.market_order("BTCUSDT", "BUY", "50"), -2019, "ExchangeError"),
    "too small a notional": (lambda it: it.limit_order("BTCUSDT", "BUY", "0.001", "45000"), -4164, "ExchangeError"),
    "too large a quantity": (lambda it: it.limit_order("BTCUSDT", "BUY", "1001", "50000"), -4005, "BadRequest"),
    "too high a bid": (lambda it: it.limit_order("BTCUSDT", "BUY", "0.1", "60000"), -4016, "BadRequest"),
    "too low an offer": (lambda it: it.limit_order("BTCUSDT", "SELL", "0.1", "40000"), -4024, "BadRequest"),
    "reducing what is not held": (
        lambda it: it.market_order("BTCUSDT", "SELL", "0.1", reduce_only=True),
        -2022,
        "ExchangeError",
    ),
    "a post-only order that would take": (
        lambda it: it.post_only_order("BTCUSDT", "BUY", "0.1", "50100"),
        -5022,
        "InvalidOrder",
    ),
    "a query for no order": (lambda it: it.order("BTCUSDT", "999"), -2013, "OrderNotFound"),
    "a cancellation of no order": (lambda it: it.cancel("BTCUSDT", "999"), -2011, "OrderNotFound"),
    "a stop on the wrong side": (
        lambda it: it.stop_order("BTCUSDT", "SELL", "0.1", trigger="51000"),
        -2021,
        "ExchangeError",
    ),
    "a side while not hedging": (
        lambda it: it.hedge_order("BTCUSDT", "BUY", "0.1", "LONG"),
        -4061,
        "OperationRejected",
    ),
    "the mode it has already": (lambda it: it.set_hedge_mode(False), -4059, "OperationRejected"),
    "more leverage than there is": (lambda it: it.set_leverage("XRPUSDT", 125), -4028, "BadRequest"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refusal_tells_its_code(futures: FuturesClient, what: str):
    call, code, ccxt_error = REFUSED[what]

    assert refusal(futures, lambda: call(futures)) == told(futures, code, ccxt_error)
    assert futures.available() == Decimal(10_000)
    assert futures.open_orders("BTCUSDT") == []


def test_client_order_id_cannot_be_open_twice(futures: FuturesClient):
    first = futures.limit_order("BTCUSDT", "BUY", "0.1", "49000", client_id="same")

    again = refusal(futures, lambda: futures.limit_order("BTCUSDT", "BUY", "0.1", "48000", client_id="same"))

    assert again == told(futures, -4116, "ExchangeError")
    assert futures.open_orders("BTCUSDT") == [first]


def test_margin_type_cannot_change_while_a_position_is_held(futures: FuturesClient):
    futures.market_order("BTCUSDT", "BUY", "0.1")

    answer = refusal(futures, lambda: futures.set_margin_type("BTCUSDT", "ISOLATED"))

    assert answer == told(futures, -4048, "OperationRejected")


def test_position_mode_cannot_change_while_an_order_is_open(futures: FuturesClient):
    futures.limit_order("BTCUSDT", "BUY", "0.1", "49000")

    assert refusal(futures, lambda: futures.set_hedge_mode(True)) == told(futures, -4067, "OperationRejected")


def told(client: FuturesClient, code: int, ccxt_error: str) -> Refusal:
    errors = {"python-binance": "BinanceAPIException", "ccxt": ccxt_error, "sdk": "BadRequestError"}
    return Refusal(errors[client.name], code)

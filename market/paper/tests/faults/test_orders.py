"""Faults of trading: partial fills, and cancels that lose the race."""

import time
from decimal import Decimal

import pytest

from market.paper.tests.faults.conftest import wait_until

pytestmark = pytest.mark.usefixtures("btc_at_50000")

BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
LIMIT = BUY | {"type": "LIMIT", "timeInForce": "GTC", "price": "51000"}
REST = LIMIT | {"price": "49000"}
BTC = {"symbol": "BTCUSDT"}


def free(client, asset: str) -> Decimal:
    """What the account can dispose of."""
    return Decimal(client.get_asset_balance(asset)["free"])


def code_of(call, **params) -> int:
    """The code that python-binance raises."""
    with pytest.raises(Exception, match="APIError") as error:
        call(**params)
    return error.value.code


def test_market_order_fills_in_part_and_the_rest_expires(client, board):
    board.add("partial_fill", fill_percent=30)

    order = client.create_order(**BUY)

    assert (order["status"], order["executedQty"], order["origQty"]) == ("EXPIRED", "0.00300000", "0.01000000")
    assert client.get_order(**BTC, orderId=order["orderId"])["status"] == "EXPIRED"
    assert sum(Decimal(fill["qty"]) for fill in client.get_my_trades(**BTC)) == Decimal("0.003")
    assert free(client, "BTC") == Decimal("0.003") * Decimal("0.999")


def test_market_order_for_an_amount_of_money_fills_in_part_of_what_it_would_have_bought(client, board):
    board.add("partial_fill", fill_percent=50)

    order = client.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="1000")

    assert order["status"] == "EXPIRED"
    assert abs(Decimal(order["executedQty"]) / Decimal(order["origQty"]) - Decimal("0.5")) < Decimal("0.01")


def test_limit_order_fills_in_part_and_the_rest_when_the_market_comes_again(client, board):
    board.add("partial_fill", times=1, fill_percent=30)

    order = client.create_order(**LIMIT)

    assert (order["status"], order["executedQty"]) == ("PARTIALLY_FILLED", "0.00300000")
    wait_until(lambda: client.get_order(**BTC, orderId=order["orderId"])["status"] == "FILLED")


def test_rest_of_a_limit_order_can_be_kept_from_filling_until_it_is_cancelled(client, board):
    board.add("partial_fill", times=1, fill_percent=30, rest_seconds=3600)

    order = client.create_order(**LIMIT)
    begun = time.monotonic()
    while time.monotonic() < begun + 0.3:
        assert client.get_order(**BTC, orderId=order["orderId"])["status"] == "PARTIALLY_FILLED"
    cancelled = client.cancel_order(**BTC, orderId=order["orderId"])

    assert (cancelled["status"], cancelled["executedQty"]) == ("CANCELED", "0.00300000")
    assert Decimal(client.get_asset_balance("USDT")["locked"]) == 0


def test_rest_that_was_kept_fills_when_its_time_has_come(client, board):
    board.add("partial_fill", times=1, fill_percent=30, rest_seconds=0.3)

    order = client.create_order(**LIMIT)

    wait_until(lambda: client.get_order(**BTC, orderId=order["orderId"])["status"] == "FILLED")


def test_rest_that_was_kept_fills_when_the_board_is_cleared(client, board):
    board.add("partial_fill", fill_percent=30, rest_seconds=3600)
    order = client.create_order(**LIMIT)

    board.clear()

    wait_until(lambda: client.get_order(**BTC, orderId=order["orderId"])["status"] == "FILLED")


def test_order_that_waits_for_its_stop_price_goes_on_waiting(client, board):
    client.create_order(**BUY)
    board.add("partial_fill", rest_seconds=3600)
    order = client.create_order(symbol="BTCUSDT", side="SELL", type="STOP_LOSS", quantity="0.009", stopPrice="40000")

    board.clear()

    begun = time.monotonic()
    while time.monotonic() < begun + 0.3:
        assert client.get_order(**BTC, orderId=order["orderId"])["status"] == "NEW"


def test_order_that_may_only_fill_whole_does_not_fill_in_part(client, board):
    board.add("partial_fill", fill_percent=30)

    order = client.create_order(**(LIMIT | {"timeInForce": "FOK"}))

    assert (order["status"], order["executedQty"]) == ("EXPIRED", "0.00000000")


def test_next_order_gets_all_it_wants_again(client, board):
    board.add("partial_fill", times=1)

    assert [client.create_order(**BUY)["status"] for _ in range(2)] == ["EXPIRED", "FILLED"]


def test_refused_order_stays_refused_while_fills_are_partial(client, board):
    board.add("partial_fill")

    assert code_of(client.create_order, **(BUY | {"quantity": "0.0000001"})) < -1000
    assert client.get_all_orders(**BTC) == []


@pytest.mark.parametrize("by_client_id", [True, False])
def test_cancel_that_loses_the_race_finds_a_filled_order(client, board, by_client_id):
    board.add("cancel_loses")
    order = client.create_order(**REST)
    named = {"origClientOrderId": order["clientOrderId"]} if by_client_id else {"orderId": order["orderId"]}

    assert code_of(client.cancel_order, **BTC, **named) == -2011

    assert client.get_order(**BTC, orderId=order["orderId"])["status"] == "FILLED"
    (trade,) = client.get_my_trades(**BTC)
    assert (trade["price"], trade["qty"]) == ("49000.00000000", "0.01000000")


def test_cancel_of_all_orders_may_lose_the_race_too(client, board):
    board.add("cancel_loses")
    for _ in range(2):
        client.create_order(**REST)

    assert code_of(client.cancel_all_open_orders, **BTC) == -2011

    assert {order["status"] for order in client.get_all_orders(**BTC)} == {"FILLED"}


def test_orders_of_others_do_not_fill_because_a_cancel_lost(paper, client, board):
    other = paper.client(paper.open_account(USDT="10000"))
    theirs = other.create_order(**(REST | {"price": "49500"}))
    mine = client.create_order(**REST)
    board.add("cancel_loses")

    code_of(client.cancel_order, **BTC, orderId=mine["orderId"])

    assert other.get_order(**BTC, orderId=theirs["orderId"])["status"] == "NEW"
    board.clear()
    other.cancel_order(**BTC, orderId=theirs["orderId"])


def test_cancel_with_a_bad_signature_fills_nothing(paper, key, client, board):
    board.add("cancel_loses")
    order = client.create_order(**REST)

    status, _ = paper.signed(
        "DELETE", "/api/v3/order", key | {"api_secret": "wrong"}, symbol="BTCUSDT", orderId=order["orderId"]
    )

    assert status == 400
    assert client.get_order(**BTC, orderId=order["orderId"])["status"] == "NEW"


def test_unknown_order_is_unknown_whether_or_not_cancels_lose(client, board):
    board.add("cancel_loses")

    assert code_of(client.cancel_order, **BTC, orderId=1) == -2011

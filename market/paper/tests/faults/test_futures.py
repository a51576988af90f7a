"""The same faults on futures."""

import pytest

BTC = {"symbol": "BTCUSDT"}
BUY = BTC | {"side": "BUY", "type": "MARKET", "quantity": "0.01"}
REST = BUY | {"type": "LIMIT", "timeInForce": "GTC", "price": "49000"}


@pytest.fixture
def client(paper):
    paper.set_price("BTCUSDT", "50000", "futures")
    client = paper.client(paper.open_account(futures={"USDT": "10000"}))
    yield client
    client.close_connection()
    paper.set_price("BTCUSDT", None, "futures")


def refusal(call, **params) -> tuple[int, int]:
    """HTTP status and code of the error that python-binance raises."""
    with pytest.raises(Exception, match="APIError") as error:
        call(**params)
    return error.value.status_code, error.value.code


def test_order_of_unknown_fate_was_carried_out(client, board):
    board.add("error_after", match={"method": "POST", "path": "/fapi/v1/order"}, times=1, like="unknown")

    assert refusal(client.futures_create_order, **BUY, newClientOrderId="done") == (503, None)

    assert client.futures_get_order(**BTC, origClientOrderId="done")["status"] == "FILLED"
    assert client.futures_position_information(**BTC)[0]["positionAmt"] == "0.010"


def test_market_order_fills_in_part_and_the_rest_expires(client, board):
    board.add("partial_fill", match={"market": "futures"}, fill_percent=30)

    order = client.futures_create_order(**BUY, newOrderRespType="RESULT")

    assert (order["status"], order["executedQty"]) == ("EXPIRED", "0.003")
    assert client.futures_position_information(**BTC)[0]["positionAmt"] == "0.003"


def test_rest_of_a_limit_order_can_be_kept_from_filling(client, board):
    board.add("partial_fill", fill_percent=30, rest_seconds=3600)

    order = client.futures_create_order(**(REST | {"price": "50500"}))
    status = client.futures_get_order(**BTC, orderId=order["orderId"])["status"]
    cancelled = client.futures_cancel_order(**BTC, orderId=order["orderId"])

    assert (status, cancelled["status"], cancelled["executedQty"]) == ("PARTIALLY_FILLED", "CANCELED", "0.003")


def test_cancel_that_loses_the_race_finds_a_filled_order(client, board):
    board.add("cancel_loses")
    order = client.futures_create_order(**REST)

    assert refusal(client.futures_cancel_order, **BTC, orderId=order["orderId"]) == (400, -2011)

    assert client.futures_get_order(**BTC, orderId=order["orderId"])["status"] == "FILLED"
    assert client.futures_position_information(**BTC)[0]["positionAmt"] == "0.010"


def test_cancel_of_all_orders_finds_those_gone_that_the_first_fill_expired(client, board):
    client.futures_create_order(**(BUY | {"quantity": "0.02"}))
    for price in ("51000", "52000"):
        closing = {"side": "SELL", "price": price, "quantity": "0.02", "reduceOnly": "true"}
        client.futures_create_order(**(REST | closing))
    board.add("cancel_loses")

    assert client.futures_cancel_all_open_orders(**BTC)["code"] == 200

    assert [order["status"] for order in client.futures_get_all_orders(**BTC)] == ["FILLED", "FILLED", "EXPIRED"]


def test_young_orders_and_fills_are_not_shown(client, board):
    board.add("late_visibility", delay_seconds=3600)
    client.futures_create_order(**BUY, newClientOrderId="done")
    client.futures_create_order(**REST)

    assert refusal(client.futures_get_order, **BTC, origClientOrderId="done") == (400, -2013)
    assert client.futures_get_open_orders(**BTC) == []
    assert client.futures_get_all_orders(**BTC) == []
    assert client.futures_account_trades(**BTC) == []


def test_price_jump_is_of_one_market(client, board):
    spot = client.get_symbol_ticker(**BTC)["price"]
    board.add("price_jump", match=BTC | {"market": "futures"}, percent=-50)

    assert client.futures_mark_price(**BTC)["markPrice"].startswith("25000.")
    assert client.futures_symbol_ticker(**BTC)["price"].startswith("25000.")
    assert abs(float(client.get_symbol_ticker(**BTC)["price"]) / float(spot) - 1) < 0.1


def test_price_jump_liquidates(client, board):
    client.futures_change_leverage(**BTC, leverage=100)
    client.futures_change_margin_type(**BTC, marginType="ISOLATED")
    client.futures_create_order(**BUY)

    board.add("price_jump", match=BTC | {"market": "futures"}, percent=-5)

    assert client.futures_position_information(**BTC) == []


def test_halted_futures_symbol_refuses_orders(client, board):
    board.add("halted", match=BTC | {"market": "futures"})

    assert refusal(client.futures_create_order, **BUY)[0] == 400

    board.clear()
    assert client.futures_create_order(**BUY)["status"] in ("NEW", "FILLED")


def test_skewed_clock_is_told_and_held_against_timestamps(client, board):
    board.add("clock_skew", skew_ms=60_000, match={"market": "futures"})

    assert client.futures_time()["serverTime"] - client.get_server_time()["serverTime"] > 50_000
    assert refusal(client.futures_account_balance)[1] == -1021

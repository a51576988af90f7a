"""Futures orders over HTTP: placed, filled, modified, cancelled, asked for."""

import json
from urllib.parse import urlencode

import pytest

from market.paper.tests.futures_rest.calls import BTC, LIMIT_BUY, MARKET_BUY, MARKET_SELL, picked, refusal
from market.paper.web.security import signature_of

LOST = {"avgPrice", "cumQuote"}


def test_acknowledgement_says_new_whatever_has_become_of_the_order(client, btc):
    order = client.futures_create_order(**MARKET_BUY)

    assert picked(order, "status", "executedQty", "cumQty", "origQty") == ("NEW", "0.000", "0.000", "0.100")
    assert client.futures_get_order(**BTC, orderId=order["orderId"])["status"] == "FILLED"


def test_result_of_a_market_order_is_final_but_tells_no_price(client, btc):
    order = client.futures_create_order(**MARKET_BUY, newOrderRespType="RESULT", newClientOrderId="tb-1")
    asked = client.futures_get_order(**BTC, origClientOrderId="tb-1")

    assert picked(order, "status", "executedQty", "price") == ("FILLED", "0.100", "0.00")
    assert not order.keys() & LOST
    assert picked(asked, "avgPrice", "cumQuote", "executedQty") == ("50002.50000", "5000.25000", "0.100")
    assert {name: asked[name] for name in order if name in asked} == {n: order[n] for n in order if n in asked}


def test_result_waits_only_for_what_cannot_rest(client, btc):
    crossing = {**LIMIT_BUY, "price": "50100", "newOrderRespType": "RESULT"}

    assert client.futures_create_order(**crossing)["status"] == "NEW"
    assert client.futures_create_order(**{**crossing, "timeInForce": "IOC"})["status"] == "FILLED"


def test_rest_of_an_order_that_may_not_rest_expires(paper, client, btc):
    paper.set_book("BTCUSDT", market="futures", level_quote="50000", levels=1)
    try:
        order = client.futures_create_order(
            **{**LIMIT_BUY, "quantity": "1.5", "price": "50100", "timeInForce": "IOC"}, newOrderRespType="RESULT"
        )
    finally:
        paper.set_book("BTCUSDT", market="futures", level_quote="5000000")

    assert order["status"] == "EXPIRED"
    assert 0 < float(order["executedQty"]) <= 1


def test_limit_order_rests_and_fills_as_maker_when_the_price_comes(client, btc):
    order = client.futures_create_order(**LIMIT_BUY, price="49000")
    (resting,) = client.futures_get_open_orders(**BTC)

    btc("48999")

    assert picked(resting, "orderId", "status", "price", "avgPrice") == (order["orderId"], "NEW", "49000.00", "0.00")
    assert client.futures_get_open_orders() == []
    (trade,) = client.futures_account_trades(**BTC)
    assert picked(trade, "price", "qty", "maker", "commission") == ("49000.00", "0.100", True, "0.98000000")


def test_open_order_is_told_only_while_it_is_open(client, signed, btc):
    order = client.futures_create_order(**LIMIT_BUY, price="49000")
    asked = {**BTC, "orderId": order["orderId"]}

    assert signed("GET", "/fapi/v1/openOrder", **asked)[1]["status"] == "NEW"
    client.futures_cancel_order(**asked)

    assert signed("GET", "/fapi/v1/openOrder", **asked) == (400, {"code": -2013, "msg": "Order does not exist."})
    assert client.futures_get_order(**asked)["status"] == "CANCELED"


def test_cancel_frees_the_margin_and_a_second_one_finds_nothing(client, btc):
    client.futures_create_order(**LIMIT_BUY, price="49000", newClientOrderId="mine")
    client.futures_change_leverage(**BTC, leverage=10)
    assert client.futures_account()["availableBalance"] == "9510.00000000"

    canceled = client.futures_cancel_order(**BTC, origClientOrderId="mine")

    assert picked(canceled, "status", "clientOrderId", "cumQty") == ("CANCELED", "mine", "0.000")
    assert not canceled.keys() & {*LOST, "origClientOrderId"}
    assert client.futures_account()["availableBalance"] == "10000.00000000"
    assert refusal(client.futures_cancel_order, **BTC, origClientOrderId="mine") == (400, -2011, "Unknown order sent.")


def test_cancel_of_all_orders_takes_one_symbol_and_does_not_mind_none(client, btc):
    for price in ("48000", "49000"):
        client.futures_create_order(**LIMIT_BUY, price=price)
    done = {"code": 200, "msg": "The operation of cancel all open order is done."}

    assert client.futures_cancel_all_open_orders(**BTC) == done
    assert client.futures_get_open_orders(**BTC) == []
    assert client.futures_cancel_all_open_orders(**BTC) == done


def test_order_can_be_modified_while_it_is_open(client, btc):
    order = client.futures_create_order(**LIMIT_BUY, price="49000", newClientOrderId="mine")
    change = {**BTC, "side": "BUY", "quantity": "0.2"}

    modified = client.futures_modify_order(**change, price="48000", origClientOrderId="mine")

    assert picked(modified, "orderId", "price", "origQty", "pair") == (order["orderId"], "48000.00", "0.200", "BTCUSDT")
    assert not modified.keys() & LOST
    (resting,) = client.futures_get_open_orders(**BTC)
    assert picked(resting, "price", "origQty") == ("48000.00", "0.200")
    wrong = {**change, "price": "48000", "orderId": order["orderId"]}
    assert refusal(client.futures_modify_order, **wrong)[1] == -5027
    assert refusal(client.futures_modify_order, **wrong, reduceOnly="true")[1] == -5047
    assert refusal(client.futures_modify_order, **change, price="48000", orderId=1)[:2] == (400, -2013)
    assert refusal(client.futures_modify_order, **change, orderId=order["orderId"])[1] == -1102


def test_duplicate_client_id_is_refused_while_open_and_accepted_after(client, btc):
    client.futures_create_order(**LIMIT_BUY, price="40000", newClientOrderId="one")
    again = {**LIMIT_BUY, "price": "50100", "newClientOrderId": "one"}

    assert refusal(client.futures_create_order, **again) == (400, -4116, "ClientOrderId is duplicated.")
    client.futures_cancel_order(**BTC, origClientOrderId="one")
    order = client.futures_create_order(**again)

    asked = client.futures_get_order(**BTC, origClientOrderId="one")
    assert picked(asked, "orderId", "status") == (order["orderId"], "FILLED")


def test_ids_that_disagree_are_refused(client, btc):
    order = client.futures_create_order(**LIMIT_BUY, price="40000", newClientOrderId="one")
    both = {**BTC, "orderId": order["orderId"], "origClientOrderId": "two"}

    assert refusal(client.futures_get_order, **both)[1] == -2039
    assert refusal(client.futures_cancel_order, **both)[1] == -2039
    client.futures_cancel_order(**BTC, orderId=order["orderId"])
    assert refusal(client.futures_get_order, **both)[1] == -2039
    assert refusal(client.futures_get_order, **BTC)[1] == -1102


def test_test_order_checks_everything_and_places_nothing(client, btc):
    tested = client.futures_create_test_order(**LIMIT_BUY, price="49000", newClientOrderId="mine")

    assert picked(tested, "clientOrderId", "price", "status", "avgPrice") == ("mine", "49000.00", "NEW", "0.00")
    assert refusal(client.futures_create_test_order, **{**LIMIT_BUY, "quantity": "50"}, price="49000")[1] == -2019
    assert client.futures_get_all_orders(**BTC) == []


def test_histories_page_by_id_and_time_oldest_first(client, btc):
    placed = [client.futures_create_order(**MARKET_BUY) for _ in range(4)]
    ids = [order["orderId"] for order in placed]

    def orders(**bounds):
        return [row["orderId"] for row in client.futures_get_all_orders(**BTC, **bounds)]

    assert orders() == ids
    assert orders(limit=2) == ids[2:]
    assert orders(orderId=ids[1], limit=2) == ids[1:3]
    assert orders(startTime=placed[0]["updateTime"], limit=1) == ids[:1]
    assert orders(endTime=placed[0]["updateTime"] - 1) == []
    assert [row["orderId"] for row in client.futures_get_all_orders()] == ids
    row = client.futures_get_all_orders(**BTC)[0]
    assert picked(row, "pair", "cumBase", "avgPrice") == ("BTCUSDT", "0.100", "50002.50000")
    assert refusal(client.futures_get_all_orders, **BTC, startTime=0, endTime=604_800_001)[1] == -4165
    assert refusal(client.futures_get_all_orders, **BTC, startTime=2, endTime=1)[1] == -1023


def test_another_account_sees_nothing_of_mine(paper, client, btc):
    order = client.futures_create_order(**LIMIT_BUY, price="40000")
    stranger = paper.client(paper.open_account(futures={"USDT": "5"}))
    mine = {**BTC, "orderId": order["orderId"]}

    assert stranger.futures_get_open_orders() == stranger.futures_get_all_orders(**BTC) == []
    assert refusal(stranger.futures_get_order, **mine)[1] == -2013
    assert refusal(stranger.futures_cancel_order, **mine)[1] == -2011


def test_headers_count_orders_that_were_accepted(client, btc, early_in):
    early_in(10)
    client.futures_create_order(**MARKET_BUY)
    assert refusal(client.futures_create_order, **{**MARKET_BUY, "quantity": "0"})[1] == -4003
    client.futures_create_order(**MARKET_SELL)
    headers = client.response.headers

    assert picked(headers, "X-MBX-ORDER-COUNT-10S", "X-MBX-ORDER-COUNT-1M") == ("2", "2")
    assert headers["Content-Type"] == "application/json;charset=UTF-8"


def test_filled_order_counts_as_much_as_one_that_rests(client, btc, early_in):
    early_in(10)
    client.futures_create_order(**LIMIT_BUY, price="49000")
    btc("48999")
    client.futures_create_order(**LIMIT_BUY, price="45000")

    assert picked(client.response.headers, "X-MBX-ORDER-COUNT-10S", "X-MBX-ORDER-COUNT-1M") == ("2", "2")


def test_too_many_orders_in_ten_seconds_are_refused(signed, btc):
    five = json.dumps([{**MARKET_BUY, "quantity": "0.002"}, {**MARKET_SELL, "quantity": "0.002"}] * 2 + [MARKET_BUY])
    for _ in range(120):
        signed("POST", "/fapi/v1/batchOrders", batchOrders=five)
        status, answer = signed("POST", "/fapi/v1/order", **MARKET_SELL)
        if status != 200:
            break

    assert (status, answer["code"]) == (429, -1015)
    assert answer["msg"] == "Too many new orders; current limit is 300 orders per 10 SECOND."


def test_parameters_count_wherever_they_are(signed, paper, key, btc):
    body = urlencode({**MARKET_BUY, "timestamp": paper.get("/fapi/v1/time")["serverTime"]})
    signature = signature_of(key["api_secret"], body)
    headers = {"X-MBX-APIKEY": key["api_key"]}

    assert paper.request("POST", "/fapi/v1/order", f"{body}&signature={signature}".encode(), headers)[0] == 200
    assert signed("POST", "/fapi/v1/order", **MARKET_BUY)[0] == 200


@pytest.mark.parametrize(("quantity", "price"), [("0.003", "49000"), ("0.2", "48999.9")])
def test_answers_write_numbers_with_the_decimals_of_the_symbol(client, btc, quantity, price):
    order = client.futures_create_order(**{**LIMIT_BUY, "quantity": quantity}, price=price)

    assert (len(order["price"].partition(".")[2]), len(order["origQty"].partition(".")[2])) == (2, 3)
    assert (float(order["price"]), float(order["origQty"])) == (float(price), float(quantity))

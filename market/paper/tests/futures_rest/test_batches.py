"""Several orders in one call: each answers for itself."""

import json

import pytest

from market.paper.tests.futures_rest.calls import BTC, LIMIT_BUY, MARKET_BUY, MARKET_SELL, picked

BATCH = "/fapi/v1/batchOrders"


def bids(*prices: str) -> list[dict[str, str]]:
    return [{**LIMIT_BUY, "price": price, "newClientOrderId": f"at-{price}"} for price in prices]


def test_batch_mixes_orders_and_refusals(client, btc):
    placed, refused, conditional = client.futures_place_batch_order(
        batchOrders=[*bids("49000"), {**LIMIT_BUY, "price": "49000.05"}, {**LIMIT_BUY, "type": "STOP"}]
    )

    assert picked(placed, "clientOrderId", "status", "price") == ("at-49000", "NEW", "49000.00")
    assert not placed.keys() & {"avgPrice", "cumQuote"}
    assert refused == {"code": -4014, "msg": "Price not increased by tick size."}
    assert conditional["code"] == -4120
    assert [row["clientOrderId"] for row in client.futures_get_open_orders(**BTC)] == ["at-49000"]
    assert client.response.headers.get("X-MBX-ORDER-COUNT-10S") is None


def test_batch_counts_every_order_it_places(client, btc):
    client.futures_place_batch_order(batchOrders=bids("47000", "48000", "49000"))

    assert client.response.headers["X-MBX-ORDER-COUNT-10S"] == "3"


def test_batch_takes_numbers_as_they_are_written(signed, btc):
    orders = '[{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":0.1,"price":49000.10}]'

    ((order,),) = (signed("POST", BATCH, batchOrders=orders)[1],)

    assert picked(order, "price", "origQty") == ("49000.10", "0.100")


def test_batch_takes_flags_of_json(signed, btc):
    orders = json.dumps([{**MARKET_BUY, "reduceOnly": True}, {**MARKET_BUY, "reduceOnly": False, "price": None}])

    reducing, order = signed("POST", BATCH, batchOrders=orders)[1]

    assert reducing["code"] == -2022
    assert order["status"] == "NEW"


def test_batch_can_be_modified(signed, client, btc):
    client.futures_place_batch_order(batchOrders=bids("47000", "48000"))
    change = {**BTC, "side": "BUY", "quantity": "0.2"}
    changes = [
        {**change, "price": "46000", "origClientOrderId": "at-47000"},
        {**change, "price": "46000", "orderId": 1},
    ]

    modified, missing = signed("PUT", BATCH, batchOrders=json.dumps(changes))[1]

    assert picked(modified, "price", "origQty") == ("46000.00", "0.200")
    assert missing == {"code": -2013, "msg": "Order does not exist."}


def test_batch_can_be_cancelled_by_ids_or_by_client_ids(client, signed, btc):
    placed = client.futures_place_batch_order(batchOrders=bids("46000", "47000", "48000", "49000"))
    ids = [row["orderId"] for row in placed]

    by_library = client.futures_cancel_orders(**BTC, orderidlist=[str(ids[0]), "1"])
    by_id = signed("DELETE", BATCH, **BTC, orderIdList=json.dumps(ids[1:2]))[1]
    by_client_id = signed("DELETE", BATCH, **BTC, origClientOrderIdList='["at-48000","at-48000"]')[1]

    assert [row.get("status") for row in by_library] == ["CANCELED", None]
    assert by_library[1] == by_client_id[1] == {"code": -2011, "msg": "Unknown order sent."}
    assert [by_id[0]["orderId"], by_client_id[0]["orderId"]] == ids[1:3]
    assert [row["orderId"] for row in client.futures_get_open_orders()] == ids[3:]


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("POST", {}, -1102),
        ("POST", {"batchOrders": "[]"}, -4082),
        ("POST", {"batchOrders": json.dumps([MARKET_BUY] * 6)}, -4082),
        ("POST", {"batchOrders": "[1]"}, -1130),
        ("POST", {"batchOrders": '{"a":1}'}, -1130),
        ("POST", {"batchOrders": '[{"symbol":["BTCUSDT"]}]'}, -1130),
        ("POST", {"batchOrders": "[{"}, -1100),
        ("POST", {"batchOrders": "[" * 5000}, -1100),
        ("PUT", {"batchOrders": "[]"}, -4082),
        ("DELETE", {"symbol": "BTCUSDT"}, -1102),
        ("DELETE", {"symbol": "BTCUSDT", "orderIdList": "[]"}, -1102),
        ("DELETE", {"symbol": "BTCUSDT", "orderIdList": json.dumps(list(range(11)))}, -4032),
        ("DELETE", {"symbol": "BTCUSDT", "orderIdList": "7"}, -1130),
        ("DELETE", {"orderIdList": "[7]"}, -1102),
    ],
)
def test_batch_that_is_wrong_gets_the_code_of_its_fault(signed, method, params, code):
    status, answer = signed(method, BATCH, **params)

    assert (status, answer["code"]) == (400, code)


def test_full_meter_refuses_the_batch_as_a_whole(signed, btc):
    orders = json.dumps([{**MARKET_BUY, "quantity": "0.002"}, {**MARKET_SELL, "quantity": "0.002"}])
    status = 200
    for _ in range(301):
        if status == 200:
            status, answer = signed("POST", BATCH, batchOrders=orders)

    assert (status, answer["code"]) == (429, -1015)

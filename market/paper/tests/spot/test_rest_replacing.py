from market.paper.tests.spot.calls import balances, picked, refusal

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
REPLACE = ("POST", "/api/v3/order/cancelReplace")


def test_order_is_replaced(client, btc_at_50000):
    old = client.create_order(**LIMIT, price="40000")

    done = client.cancel_replace_order(
        **LIMIT,
        price="41000",
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=old["orderId"],
        newClientOrderId="new",
    )

    assert picked(done, "cancelResult", "newOrderResult") == ("SUCCESS", "SUCCESS")
    assert picked(done["cancelResponse"], "orderId", "status") == (old["orderId"], "CANCELED")
    assert picked(done["newOrderResponse"], "clientOrderId", "status", "fills") == ("new", "NEW", [])
    assert [row["clientOrderId"] for row in client.get_open_orders()] == ["new"]


def test_money_of_the_old_order_pays_for_the_new_one(client, btc_at_50000):
    old = client.create_order(**LIMIT | {"quantity": "0.2"}, price="49000")

    client.cancel_replace_order(
        **LIMIT | {"quantity": "0.2"}, price="49500", cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=old["orderId"]
    )

    assert balances(client)["USDT"] == ("100.00000000", "9900.00000000")


def test_failed_cancel_stops_the_rest_or_not_as_asked(signed, client, btc_at_50000):
    new = LIMIT | {"price": "41000", "cancelOrderId": 1}

    stopped = signed(*REPLACE, **new, cancelReplaceMode="STOP_ON_FAILURE")
    allowed = signed(*REPLACE, **new, cancelReplaceMode="ALLOW_FAILURE")
    twice = signed(*REPLACE, **new | {"quantity": "5"}, cancelReplaceMode="ALLOW_FAILURE")

    unknown = {"code": -2011, "msg": "Unknown order sent."}
    assert stopped[0] == 400
    assert stopped[1] == {
        "code": -2022,
        "msg": "Order cancel-replace failed.",
        "data": {
            "cancelResult": "FAILURE",
            "newOrderResult": "NOT_ATTEMPTED",
            "cancelResponse": unknown,
            "newOrderResponse": None,
        },
    }
    assert (allowed[0], allowed[1]["code"]) == (409, -2021)
    assert picked(allowed[1]["data"], "cancelResult", "newOrderResult", "cancelResponse") == (
        "FAILURE",
        "SUCCESS",
        unknown,
    )
    assert (twice[0], twice[1]["code"], twice[1]["data"]["newOrderResponse"]["code"]) == (400, -2022, -2010)
    assert len(client.get_open_orders()) == 1


def test_new_order_that_fails_leaves_the_old_one_cancelled(signed, client, btc_at_50000):
    old = client.create_order(**LIMIT, price="40000")
    taking = {**LIMIT, "type": "LIMIT_MAKER", "price": "51000"}
    del taking["timeInForce"]

    status, answer = signed(*REPLACE, **taking, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=old["orderId"])

    assert (status, answer["code"], answer["msg"]) == (409, -2021, "Order cancel-replace partially failed.")
    assert answer["data"]["newOrderResponse"] == {"code": -2010, "msg": "Order would immediately match and take."}
    assert client.get_open_orders() == []


def test_filters_are_judged_before_anything_is_done(signed, client, btc_at_50000):
    old = client.create_order(**LIMIT, price="40000")

    status, answer = signed(
        *REPLACE, **LIMIT, price="41000.001", cancelReplaceMode="ALLOW_FAILURE", cancelOrderId=old["orderId"]
    )

    assert (status, answer) == (400, {"code": -1013, "msg": "Filter failure: PRICE_FILTER"})
    assert len(client.get_open_orders()) == 1


def test_order_is_only_replaced_in_the_status_that_was_meant(signed, client, btc_at_50000):
    old = client.create_order(**LIMIT, price="40000")
    new = LIMIT | {"price": "41000", "cancelOrderId": old["orderId"], "cancelReplaceMode": "STOP_ON_FAILURE"}

    _, answer = signed(*REPLACE, **new, cancelRestrictions="ONLY_PARTIALLY_FILLED")

    assert answer["data"]["cancelResponse"]["msg"] == "Order was not canceled due to cancel restrictions."
    assert signed(*REPLACE, **new, cancelRestrictions="SOMETIMES")[1]["code"] == -1145
    assert signed(*REPLACE, **new, cancelRestrictions="ONLY_NEW")[0] == 200


def test_order_is_cut_down_in_its_place(client, btc_at_50000):
    placed = client.create_order(**LIMIT, price="40000", newClientOrderId="before")
    shorter = {"symbol": "BTCUSDT", "orderId": placed["orderId"], "newQty": "0.005"}

    done = client._put("order/amend/keepPriority", True, data=shorter | {"newClientOrderId": "after"})

    assert picked(done["amendedOrder"], "orderId", "origClientOrderId", "clientOrderId", "qty", "status") == (
        *(placed["orderId"], "before"),
        *("after", "0.00500000", "NEW"),
    )
    assert balances(client)["USDT"] == ("9800.00000000", "200.00000000")
    assert client.get_order(symbol="BTCUSDT", origClientOrderId="after")["origQty"] == "0.00500000"
    again = {"signed": True, "data": shorter}
    assert refusal(client._put, path="order/amend/keepPriority", **again)[1:] == (
        -2038,
        "The requested action would change no state; rejecting",
    )

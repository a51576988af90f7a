"""Conditional orders over HTTP: they wait apart from the ordinary ones, and leave one behind when they trigger."""

from market.paper.tests.futures_rest.calls import BTC, LIMIT_BUY, MARKET_BUY, MARKET_SELL, STOP_SELL, picked, refusal

STOP = {**STOP_SELL, "triggerPrice": "48000"}


def test_conditional_order_waits_where_only_conditional_orders_are(client, btc):
    client.futures_create_order(**MARKET_BUY)
    placed = client.futures_create_algo_order(**STOP, clientAlgoId="stop-1")

    (waiting,) = client.futures_get_open_algo_orders(**BTC)
    assert picked(placed, "clientAlgoId", "algoType", "orderType", "algoStatus") == (
        *("stop-1", "CONDITIONAL", "STOP_MARKET", "NEW"),
    )
    assert picked(placed, "triggerPrice", "price", "quantity") == ("48000.00", "0.00", "0.100")
    assert picked(placed, "activatePrice", "callbackRate", "icebergQuantity") == ("", "", None)
    assert picked(waiting, "algoId", "actualOrderId", "tpOrderType") == (placed["algoId"], "", "")
    assert client.futures_get_open_orders() == []
    assert [row["type"] for row in client.futures_get_all_orders(**BTC)] == ["MARKET"]


def test_triggered_order_is_an_ordinary_one_of_the_same_client_id(client, btc):
    client.futures_create_order(**MARKET_BUY)
    placed = client.futures_create_algo_order(**STOP, reduceOnly="true", clientAlgoId="stop-1")

    btc("47990")

    algo = client.futures_get_algo_order(algoId=placed["algoId"])
    order = client.futures_get_order(**BTC, origClientOrderId="stop-1")
    assert picked(algo, "algoStatus", "actualOrderId", "actualType") == ("FINISHED", str(order["orderId"]), "MARKET")
    assert picked(algo, "actualPrice", "actualQty") == (order["avgPrice"], "0.100")
    assert picked(order, "status", "type", "origType", "reduceOnly") == ("FILLED", "MARKET", "STOP_MARKET", True)
    assert client.futures_position_information(**BTC) == []
    assert client.futures_get_open_algo_orders() == []
    (past,) = client.futures_get_all_algo_orders(**BTC)
    assert picked(past, "algoStatus", "clientAlgoId") == ("FINISHED", "stop-1")


def test_stop_of_a_whole_position_needs_no_quantity(client, btc):
    client.futures_create_order(**MARKET_BUY)
    whole = {name: value for name, value in STOP.items() if name != "quantity"}
    placed = client.futures_create_algo_order(**whole, closePosition="true")

    btc("47000")

    assert picked(placed, "closePosition", "quantity") == (True, "0.000")
    assert client.futures_position_information(**BTC) == []


def test_order_may_wait_for_as_long_as_there_is_a_position(client, btc):
    client.futures_create_order(**MARKET_BUY)
    placed = client.futures_create_algo_order(**STOP, reduceOnly="true", timeInForce="GTE_GTC")

    client.futures_create_order(**MARKET_SELL)

    assert placed["timeInForce"] == "GTE_GTC"
    assert client.futures_get_algo_order(algoId=placed["algoId"])["algoStatus"] == "EXPIRED"


def test_trailing_stop_shows_what_it_follows(client, btc):
    client.futures_create_order(**MARKET_BUY)
    wanted = {**STOP_SELL, "type": "TRAILING_STOP_MARKET", "callbackRate": "1", "activatePrice": "50500"}
    placed = client.futures_create_algo_order(**wanted, reduceOnly="true")

    assert picked(placed, "activatePrice", "callbackRate", "triggerPrice") == ("50500.00", "1.0", "0.00")
    btc("51000")
    assert client.futures_get_open_algo_orders()[0]["algoStatus"] == "NEW"
    btc("50400")
    assert client.futures_get_algo_order(algoId=placed["algoId"])["algoStatus"] == "FINISHED"


def test_old_way_of_the_library_leads_to_the_same_place(client, btc):
    placed = client.futures_create_order(
        **BTC, side="SELL", type="STOP_MARKET", quantity="0.1", stopPrice="48000", clientAlgoId="mine"
    )

    assert picked(placed, "triggerPrice", "clientAlgoId") == ("48000.00", "mine")


def test_cancelled_order_says_so_with_a_code_that_is_text(client, btc):
    placed = client.futures_create_algo_order(**STOP, clientAlgoId="stop-1")

    assert client.futures_cancel_algo_order(clientAlgoId="stop-1") == {
        "algoId": placed["algoId"],
        "clientAlgoId": "stop-1",
        "code": "200",
        "msg": "success",
    }
    assert client.futures_get_algo_order(clientAlgoId="stop-1")["algoStatus"] == "CANCELED"
    assert refusal(client.futures_cancel_algo_order, clientAlgoId="stop-1") == (400, -2011, "Unknown order sent.")


def test_cancel_of_all_takes_one_symbol_and_leaves_ordinary_orders(client, btc):
    client.futures_create_order(**LIMIT_BUY, price="40000")
    client.futures_create_algo_order(**STOP)

    assert client.futures_cancel_all_algo_open_orders(**BTC)["code"] == 200
    assert client.futures_get_open_algo_orders() == []
    assert len(client.futures_get_open_orders()) == 1


def test_cancel_of_all_ordinary_orders_leaves_conditional_ones(client, btc):
    client.futures_create_algo_order(**STOP)

    client.futures_cancel_all_open_orders(**BTC)

    assert len(client.futures_get_open_algo_orders()) == 1


def test_client_id_is_unique_among_open_ones_and_finds_the_newest_after(client, btc):
    first = client.futures_create_algo_order(**STOP, clientAlgoId="same")
    assert refusal(client.futures_create_algo_order, **STOP, clientAlgoId="same")[:2] == (400, -4116)

    client.futures_cancel_algo_order(algoId=first["algoId"])
    second = client.futures_create_algo_order(**STOP, clientAlgoId="same")
    client.futures_cancel_algo_order(algoId=second["algoId"])

    assert client.futures_get_algo_order(clientAlgoId="same")["algoId"] == second["algoId"]


def test_history_pages_by_id_time_and_page(client, signed, btc):
    placed = [client.futures_create_algo_order(**STOP) for _ in range(4)]
    ids = [row["algoId"] for row in placed]

    def asked(**bounds):
        return [row["algoId"] for row in signed("GET", "/fapi/v1/allAlgoOrders", **BTC, **bounds)[1]]

    assert asked() == ids
    assert asked(limit=2) == ids[2:]
    assert asked(limit=2, page=2) == ids[:2]
    assert asked(algoId=ids[1], limit=2) == ids[1:3]
    assert asked(startTime=placed[0]["createTime"], limit=3) == ids[:3]
    assert asked(startTime=placed[0]["createTime"], limit=3, page=2) == ids[3:]
    assert asked(endTime=placed[0]["createTime"] - 1) == []
    assert [row["algoId"] for row in client.futures_get_open_algo_orders(algoId=ids[2])] == ids[2:3]


def test_another_account_sees_nothing_of_mine(paper, client, btc):
    placed = client.futures_create_algo_order(**STOP)
    stranger = paper.client(paper.open_account(futures={"USDT": "5"}))

    assert stranger.futures_get_open_algo_orders() == stranger.futures_get_all_algo_orders(**BTC) == []
    assert refusal(stranger.futures_get_algo_order, algoId=placed["algoId"])[1] == -2013
    assert refusal(stranger.futures_cancel_algo_order, algoId=placed["algoId"])[1] == -2011


def test_question_without_an_id_is_refused(client):
    assert refusal(client.futures_get_algo_order)[1] == -1102
    assert refusal(client.futures_cancel_algo_order)[1] == -1102

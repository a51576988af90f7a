import pytest

from market.paper.tests.spot.calls import balances, picked, refusal

SELL = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.01",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "52000",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "48000",
    "belowPrice": "47900",
    "belowTimeInForce": "GTC",
}


@pytest.fixture
def client(client, btc):
    client.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.03")
    return client


def test_pair_is_placed_queried_and_cancelled(client):
    placed = client.create_oco_order(
        **SELL, listClientOrderId="pair", aboveClientOrderId="up", belowClientOrderId="down"
    )
    (listed,) = client.get_open_oco_orders()
    asked = client.v3_get_order_list(orderListId=placed["orderListId"])
    locked = balances(client)["BTC"]
    canceled = client.v3_delete_order_list(symbol="BTCUSDT", listClientOrderId="pair")

    assert picked(placed, "contingencyType", "listStatusType", "listOrderStatus", "listClientOrderId", "symbol") == (
        *("OCO", "EXEC_STARTED", "EXECUTING"),
        *("pair", "BTCUSDT"),
    )
    assert [row["clientOrderId"] for row in placed["orders"]] == ["down", "up"]
    down, up = placed["orderReports"]
    assert picked(down, "type", "stopPrice", "status", "workingTime") == (
        "STOP_LOSS_LIMIT",
        "48000.00000000",
        "NEW",
        -1,
    )
    assert picked(up, "type", "status", "workingTime") == ("LIMIT_MAKER", "NEW", placed["transactionTime"])
    assert listed == asked == {name: value for name, value in placed.items() if name != "orderReports"}
    assert locked == ("0.01997000", "0.01000000")
    assert picked(canceled, "listStatusType", "listOrderStatus") == ("ALL_DONE", "ALL_DONE")
    assert [picked(row, "status", "origClientOrderId") for row in canceled["orderReports"]] == [
        ("CANCELED", "down"),
        ("CANCELED", "up"),
    ]
    assert balances(client)["BTC"] == ("0.02997000", "0.00000000")


@pytest.mark.parametrize(("price", "filled", "expired"), [("52000", 1, 0), ("48000", 0, 1)])
def test_one_order_of_a_pair_ends_the_other(client, btc, price, filled, expired):
    placed = client.create_oco_order(**SELL)

    btc(price)

    orders = [client.get_order(symbol="BTCUSDT", orderId=row["orderId"]) for row in placed["orders"]]
    assert orders[filled]["status"] == "FILLED"
    assert picked(orders[expired], "status", "expiryReason") == ("EXPIRED", "OCO_TRIGGER")
    done = client.v3_get_order_list(orderListId=placed["orderListId"])
    assert picked(done, "listStatusType", "listOrderStatus") == ("ALL_DONE", "ALL_DONE")
    assert client.get_open_oco_orders() == []
    fill = client.get_my_trades(symbol="BTCUSDT")[-1]
    assert picked(fill, "orderId", "orderListId") == (placed["orders"][filled]["orderId"], placed["orderListId"])


def test_cancel_of_one_order_or_of_all_cancels_the_pair(client):
    first, second = client.create_oco_order(**SELL), client.create_oco_order(**SELL)
    one = client.cancel_order(symbol="BTCUSDT", orderId=first["orders"][0]["orderId"])
    everything = client.cancel_all_open_orders(symbol="BTCUSDT")

    assert picked(one, "orderListId", "listOrderStatus") == (first["orderListId"], "ALL_DONE")
    assert [picked(row, "orderListId", "listOrderStatus") for row in everything] == [
        (second["orderListId"], "ALL_DONE")
    ]
    assert client.get_open_orders() == []


def test_histories_of_lists_page_by_id_and_time(client):
    placed = []
    for _ in range(3):
        placed.append(client.create_oco_order(**SELL))
        client.v3_delete_order_list(symbol="BTCUSDT", orderListId=placed[-1]["orderListId"])
    ids = [pair["orderListId"] for pair in placed]

    def lists(**bounds):
        return [row["orderListId"] for row in client.v3_get_all_order_list(**bounds)]

    assert lists() == ids
    assert lists(limit=2) == ids[1:]
    assert lists(fromId=ids[1], limit=1) == [ids[1]]
    assert lists(startTime=placed[0]["transactionTime"], limit=1) == ids[:1]
    assert refusal(client.v3_get_all_order_list, fromId=1, startTime=1)[1] == -1128
    assert refusal(client.v3_get_order_list, orderListId=10**12)[1:] == (-2018, "Order list does not exist.")
    assert refusal(client.v3_delete_order_list, symbol="BTCUSDT", orderListId=ids[0])[1:] == (
        -2011,
        "Unknown order sent.",
    )


def test_lists_of_others_do_not_exist(paper, client):
    placed = client.create_oco_order(**SELL)
    stranger = paper.client(paper.open_account(USDT="5"))

    assert stranger.get_open_oco_orders() == []
    assert refusal(stranger.v3_get_order_list, orderListId=placed["orderListId"])[1] == -2018
    assert refusal(stranger.v3_delete_order_list, symbol="BTCUSDT", orderListId=placed["orderListId"])[1] == -2011
    assert refusal(client.v3_delete_order_list, symbol="ETHUSDT", orderListId=placed["orderListId"])[1] == -2011


def test_deprecated_form_means_the_same(client):
    terms = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "price": "52000", "stopPrice": "48000"}
    stop = {"stopLimitPrice": "47900", "stopLimitTimeInForce": "GTC", "stopClientOrderId": "down"}

    placed = client._post("order/oco", signed=True, data=terms | stop)

    stop, limit = placed["orderReports"]
    assert picked(stop, "type", "stopPrice", "price", "clientOrderId") == (
        *("STOP_LOSS_LIMIT", "48000.00000000"),
        *("47900.00000000", "down"),
    )
    assert picked(limit, "type", "price") == ("LIMIT_MAKER", "52000.00000000")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aboveType": None}, -1102),
        ({"aboveType": "MARKET"}, -1158),
        ({"abovePrice": None}, -1102),
        ({"aboveStopPrice": "1"}, -1106),
        ({"belowType": "LIMIT_MAKER"}, -1168),
        ({"aboveType": "STOP_LOSS"}, -1197),
        ({"belowType": "TAKE_PROFIT_LIMIT"}, -1199),
        ({"side": "BUY"}, -1165),
        ({"belowTimeInForce": None}, -1102),
        ({"belowStopPrice": None}, -1102),
        ({"belowStopPrice": "50001"}, -2010),
        ({"quantity": "1"}, -2010),
        ({"aboveClientOrderId": "a", "belowClientOrderId": "a"}, -2010),
        ({"quantity": "0.000001"}, -1013),
        ({"surplus": "1"}, -1104),
    ],
)
def test_pair_that_is_wrong_gets_the_code_of_its_fault(client, signed, changes, code):
    params = {name: value for name, value in (SELL | changes).items() if value is not None}

    status, answer = signed("POST", "/api/v3/orderList/oco", **params)

    assert (status, answer["code"]) == (400, code)
    assert client.get_open_orders() == []


def test_pair_counts_as_two_orders(client, early_in):
    early_in(10)
    client.create_order(symbol="BTCUSDT", side="BUY", type="LIMIT_MAKER", quantity="0.001", price="40000")
    before = int(client.response.headers["X-MBX-ORDER-COUNT-10S"])
    client.create_oco_order(**SELL)

    assert int(client.response.headers["X-MBX-ORDER-COUNT-10S"]) == before + 2

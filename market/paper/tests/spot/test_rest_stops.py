import pytest

from market.paper.tests.spot.calls import balances, picked, refusal

STOP = {"symbol": "BTCUSDT", "side": "BUY", "type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", "quantity": "0.01"}


def test_stop_limit_waits_wakes_and_fills(client, btc):
    placed = client.create_order(**STOP, price="51100", stopPrice="51000", newOrderRespType="FULL")
    waiting = client.get_order(symbol="BTCUSDT", orderId=placed["orderId"])
    locked = balances(client)["USDT"]

    btc("51000")

    assert picked(placed, "status", "stopPrice", "workingTime", "fills") == ("NEW", "51000.00000000", -1, [])
    assert picked(waiting, "isWorking", "workingTime", "stopPrice") == (False, -1, "51000.00000000")
    assert locked == ("9489.00000000", "511.00000000")
    done = client.get_order(symbol="BTCUSDT", orderId=placed["orderId"])
    assert picked(done, "status", "type", "isWorking") == ("FILLED", "STOP_LOSS_LIMIT", True)
    assert done["workingTime"] == done["updateTime"] >= placed["transactTime"]
    assert balances(client)["BTC"] == ("0.00999000", "0.00000000")


@pytest.mark.parametrize(("kind", "trigger"), [("STOP_LOSS", "51000"), ("TAKE_PROFIT", "49000")])
def test_stop_at_market_needs_no_price(client, btc, kind, trigger):
    placed = client.create_order(symbol="BTCUSDT", side="BUY", type=kind, quantity="0.01", stopPrice=trigger)

    btc(trigger)

    assert set(placed) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    assert client.get_order(symbol="BTCUSDT", orderId=placed["orderId"])["status"] == "FILLED"


def test_stop_on_the_wrong_side_would_trigger_at_once(client, btc):
    assert refusal(client.create_order, **STOP, price="49000", stopPrice="49000") == (
        *(400, -2010),
        "Order would trigger immediately.",
    )


def test_trailing_stop_tells_how_far_and_since_when_it_follows(client, btc):
    client.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.03")
    sell = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.01", "newOrderRespType": "RESULT"}
    placed = client.create_order(**sell, trailingDelta=100)
    later = client.create_order(**sell, trailingDelta=100, stopPrice="49000")

    for price in ("52000", "51480"):
        btc(price)

    assert picked(placed, "trailingDelta", "trailingTime") == (100, placed["transactTime"])
    assert later["trailingTime"] == -1
    assert client.get_order(symbol="BTCUSDT", orderId=placed["orderId"])["status"] == "FILLED"
    (left,) = client.get_open_orders(symbol="BTCUSDT")
    assert picked(left, "orderId", "trailingTime", "stopPrice") == (later["orderId"], -1, "49000.00000000")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"stopPrice": None}, -1102),
        ({"price": None}, -1102),
        ({"timeInForce": None}, -1102),
        ({"quoteOrderQty": "5"}, -1106),
        ({"type": "STOP_LOSS"}, -1106),
        ({"trailingDelta": "5"}, -1013),
        ({"trailingDelta": "1.5"}, -1100),
        ({"icebergQty": "0.001", "timeInForce": "IOC"}, -1014),
        ({"strategyType": "999999"}, -1134),
        ({"pegPriceType": "PRIMARY_PEG"}, -2010),
        ({"selfTradePreventionMode": "TRANSFER"}, -1013),
        ({"surplus": "1"}, -1104),
    ],
)
def test_stop_that_is_wrong_gets_the_code_of_its_fault(signed, btc, changes, code):
    params = STOP | {"price": "51100", "stopPrice": "51000"} | changes

    status, answer = signed("POST", "/api/v3/order", **{n: v for n, v in params.items() if v is not None})

    assert (status, answer["code"]) == (400, code)


def test_iceberg_and_strategy_are_shown_where_they_were_asked_for(client, btc):
    limit = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    placed = client.create_order(
        **limit,
        price="40000",
        icebergQty="0.002",
        strategyId=7,
        strategyType=1_000_000,
        selfTradePreventionMode="EXPIRE_BOTH",
    )
    canceled = client.cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])

    for row in (placed, canceled):
        names = ("icebergQty", "strategyId", "strategyType", "selfTradePreventionMode")
        assert picked(row, *names) == ("0.00200000", 7, 1_000_000, "EXPIRE_BOTH")


def test_expired_order_says_why(client, btc):
    placed = client.create_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="IOC", quantity="0.01", price="40000"
    )

    assert picked(placed, "status", "expiryReason") == ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED")
    assert client.get_order(symbol="BTCUSDT", orderId=placed["orderId"])["expiryReason"] == placed["expiryReason"]

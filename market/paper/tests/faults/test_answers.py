"""Faults of answers: garbage, and what cannot be seen yet."""

from types import SimpleNamespace

import pytest

from market.paper.faults.answers import FrozenData
from market.paper.tests.faults.conftest import ORDER, wait_until
from market.paper.web.routes import ROUTES

pytestmark = pytest.mark.usefixtures("btc_at_50000")

BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
REST = BUY | {"type": "LIMIT", "timeInForce": "GTC", "price": "49000"}


def code_of(call, **params) -> int:
    """The code that python-binance raises."""
    with pytest.raises(Exception, match="APIError") as error:
        call(**params)
    return error.value.code


def test_young_orders_and_fills_are_not_shown(client, board):
    board.add("late_visibility", delay_seconds=3600)

    done = client.create_order(**BUY, newClientOrderId="done")
    client.create_order(**REST)

    assert done["status"] == "FILLED"
    assert code_of(client.get_order, symbol="BTCUSDT", origClientOrderId="done") == -2013
    assert client.get_open_orders(symbol="BTCUSDT") == []
    assert client.get_all_orders(symbol="BTCUSDT") == []
    assert client.get_my_trades(symbol="BTCUSDT") == []


def test_orders_are_shown_when_they_are_old_enough(client, board):
    board.add("late_visibility", delay_seconds=0.2)
    done = client.create_order(**BUY, newClientOrderId="done")

    wait_until(lambda: client.get_my_trades(symbol="BTCUSDT"))

    assert client.get_server_time()["serverTime"] >= done["transactTime"] + 200
    assert client.get_order(symbol="BTCUSDT", origClientOrderId="done")["status"] == "FILLED"
    assert len(client.get_all_orders(symbol="BTCUSDT")) == 1


def test_orders_are_shown_when_they_are_old_enough_with_times_in_microseconds(client, board):
    board.add("late_visibility", delay_seconds=0.2)
    client.session.headers["X-MBX-TIME-UNIT"] = "MICROSECOND"
    done = client.create_order(**BUY)

    wait_until(lambda: client.get_all_orders(symbol="BTCUSDT"))

    assert client.get_server_time()["serverTime"] >= done["transactTime"] + 200_000


def test_invisible_order_can_be_cancelled(client, board):
    board.add("late_visibility", delay_seconds=3600)
    client.create_order(**REST, newClientOrderId="unseen")

    assert client.cancel_order(symbol="BTCUSDT", origClientOrderId="unseen")["status"] == "CANCELED"


def test_decimals_become_nan_everywhere(client, board):
    board.add("nan", match={"path": "/api/v3/klines"}, times=1)
    board.add("nan", match={"path": ORDER, "method": "POST"}, times=1)

    (candle,) = client.get_klines(symbol="BTCUSDT", interval="1m", limit=1)
    order = client.create_order(**BUY, newClientOrderId="done")

    assert candle[1:6] == ["NaN"] * 5
    assert (order["executedQty"], order["fills"][0]["price"], order["status"]) == ("NaN", "NaN", "FILLED")
    assert client.get_order(symbol="BTCUSDT", origClientOrderId="done")["executedQty"] == "0.01000000"


def test_one_field_can_be_spoilt_with_any_value(client, board):
    board.add("nan", match={"path": "/api/v3/ticker/bookTicker"}, value="-1", field="askPrice")

    told = client.get_orderbook_ticker(symbol="BTCUSDT")

    assert (told["askPrice"], float(told["bidPrice"]) > 0) == ("-1", True)


def test_truncated_answer_is_no_json_and_the_order_is_done(client, board):
    board.add("truncated", match={"path": ORDER, "method": "POST"}, times=1, keep_percent=50)

    with pytest.raises(Exception, match="Invalid Response") as error:
        client.create_order(**BUY, newClientOrderId="done")

    assert '"symbol":"BTCUSDT"' in str(error.value)
    assert client.get_order(symbol="BTCUSDT", origClientOrderId="done")["status"] == "FILLED"


def test_html_with_200_hides_an_order_that_is_done(client, board):
    board.add("html_after", match={"path": ORDER, "method": "POST"}, times=1)

    with pytest.raises(Exception, match="Invalid Response: <html>"):
        client.create_order(**BUY, newClientOrderId="done")

    assert client.get_order(symbol="BTCUSDT", origClientOrderId="done")["status"] == "FILLED"


@pytest.mark.parametrize("outer", ["nan", "late_visibility"])
@pytest.mark.parametrize("inner", ["html_after", "truncated"])
def test_answer_that_is_no_json_stays_as_it_is(client, board, outer, inner):
    client.create_order(**BUY)
    board.add(outer, **({"delay_seconds": 0} if outer == "late_visibility" else {}))
    board.add(inner)

    with pytest.raises(Exception, match="Invalid Response"):
        client.get_all_orders(symbol="BTCUSDT")


def test_firewall_answers_with_html_and_nothing_is_done(client, board):
    board.add("waf_block", match={"path": ORDER, "method": "POST"}, times=1)

    with pytest.raises(Exception, match="403 Forbidden") as error:
        client.create_order(**BUY, newClientOrderId="blocked")

    assert error.value.status_code == 403
    assert error.value.response.headers["Content-Type"].startswith("text/html")
    assert code_of(client.get_order, symbol="BTCUSDT", origClientOrderId="blocked") == -2013


def test_frozen_data_is_only_seen_by_the_endpoint():
    call = SimpleNamespace(now_ms=100)

    seen = FrozenData().begun(40).handle(call, handler=lambda call: call.now_ms)

    assert (seen, call.now_ms) == (40, 100)  # request weight is counted in the minute that is


@pytest.mark.parametrize(
    ("route", "concerned"),
    [
        (("GET", "/api/v3/klines"), True),
        (("GET", "/api/v3/historicalTrades"), True),
        (("GET", "/fapi/v1/historicalTrades"), True),  # it asks for a key
        (("GET", "/fapi/v1/time"), False),
        (("PUT", "/fapi/v1/listenKey"), False),
        (("GET", "/fapi/v3/account"), False),
    ],
)
def test_market_data_freezes_and_nothing_else(route, concerned):
    assert FrozenData().concerns(SimpleNamespace(endpoint=ROUTES[route])) is concerned


def test_frozen_data_stands_still_while_time_and_trading_go_on(paper, client, board):
    paper.set_price("BTCUSDT", None)
    asked = {"symbol": "ETHUSDT", "interval": "1s", "limit": 1}
    board.add("frozen_data", match={"symbol": "ETHUSDT"})

    first = client.get_klines(**asked)
    begun = client.get_server_time()["serverTime"]
    while client.get_server_time()["serverTime"] < begun + 1100:
        assert client.get_klines(**asked) == first

    board.clear()
    assert client.get_klines(**asked) != first
    assert client.create_order(**BUY)["status"] == "FILLED"

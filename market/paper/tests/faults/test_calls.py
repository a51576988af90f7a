"""Faults of the way to the exchange: what the client sees, and whether the order was done all the same."""

import importlib
import time

import pytest

from market.paper.tests.faults.conftest import ORDER, wait_until

pytestmark = pytest.mark.usefixtures("btc_at_50000")

# By name: nothing of the paper exchange may import requests, and import-linter reads imports.
requests = importlib.import_module("requests")
Broken, ReadTimeout = requests.ConnectionError, requests.ReadTimeout

PLACING = {"method": "POST", "path": ORDER}
BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


def orders(client) -> list[str]:
    """Client ids of the orders that were done, from a quiet exchange."""
    return [order["clientOrderId"] for order in client.get_all_orders(symbol="BTCUSDT")]


def refusal(call, **params) -> tuple[int, int, str]:
    """HTTP status, code and text of the error that a call of python-binance raises."""
    with pytest.raises(Exception, match="APIError") as error:
        call(**params)
    return error.value.status_code, error.value.code, error.value.message


def test_connection_dropped_before_the_order_leaves_no_order(client, board):
    board.add("drop_before", match=PLACING, times=1)

    with pytest.raises(Broken):
        client.create_order(**BUY, newClientOrderId="lost")

    assert orders(client) == []


def test_connection_dropped_after_the_order_leaves_a_durable_order(client, board):
    board.add("drop_after", match=PLACING, times=1)

    with pytest.raises(Broken):
        client.create_order(**BUY, newClientOrderId="done")

    assert orders(client) == ["done"]
    assert client.get_order(symbol="BTCUSDT", origClientOrderId="done")["status"] == "FILLED"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_error_before_leaves_no_order(client, board, status):
    board.add("error_before", match=PLACING, times=1, status=status, code=-1007, msg="Timeout.")

    assert refusal(client.create_order, **BUY) == (status, -1007, "Timeout.")

    assert orders(client) == []


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_error_after_leaves_an_order(client, board, status):
    board.add("error_after", match=PLACING, times=1, status=status, code=-1000, msg="Oh.")

    assert refusal(client.create_order, **BUY, newClientOrderId="done") == (status, -1000, "Oh.")

    assert orders(client) == ["done"]


@pytest.mark.parametrize(
    ("like", "status", "code", "text"),
    [
        ("unknown", 503, None, "Unknown error, please check your request or try again later."),
        ("unavailable", 503, None, "Service Unavailable."),
        ("internal", 503, -1001, "Internal error; unable to process your request. Please try again."),
        ("throttled", 503, -1008, "Request throttled by system-level protection."),
        ("timeout", 504, -1007, "Send status unknown; execution status unknown."),
        ("bad_gateway", 502, 0, "<title>502 Bad Gateway</title>"),
    ],
)
def test_ready_made_errors_say_what_binance_says(client, board, like, status, code, text):
    board.add("error_before", like=like)

    seen = refusal(client.ping)

    assert seen[:2] == (status, code)
    assert text in seen[2]


def test_any_code_happens_as_often_as_was_asked(client, board):
    number = board.add(
        "error_before", match=PLACING, times=2, status=400, code=-2010, msg="This action is disabled on this account."
    )["id"]

    refused = [refusal(client.create_order, **BUY)[1] for _ in range(2)]
    done = client.create_order(**BUY)

    assert (refused, done["status"], board.hits(number)) == ([-2010, -2010], "FILLED", 2)


def test_delayed_request_is_carried_out_though_the_client_has_hung_up(client, board):
    board.add("delay_before", match=PLACING, times=1, delay_seconds=0.2)
    sent_ms = time.time() * 1000

    with pytest.raises(ReadTimeout):
        client.create_order(**BUY, newClientOrderId="late", requests_params={"timeout": 0.05})

    wait_until(lambda: orders(client) == ["late"])
    assert client.get_order(symbol="BTCUSDT", origClientOrderId="late")["time"] >= sent_ms + 199


def test_request_that_is_late_beyond_its_recv_window_is_refused(paper, key, client, board):
    board.add("delay_before", match=PLACING, times=1, delay_seconds=0.2)

    status, answer = paper.signed("POST", ORDER, key, **BUY, recvWindow=100)  # python-binance sends a window of its own

    assert (status, answer["code"]) == (400, -1021)

    assert orders(client) == []


def test_delayed_answer_belongs_to_an_order_that_was_done_at_once(client, board):
    board.add("delay_after", match=PLACING, times=1, delay_seconds=0.3)

    with pytest.raises(ReadTimeout):
        client.create_order(**BUY, newClientOrderId="done", requests_params={"timeout": 0.05})

    assert orders(client) == ["done"]


@pytest.mark.parametrize(("kind", "code"), [("weight", -1003), ("orders", -1015)])
def test_429_comes_with_retry_after_and_nothing_is_done(client, board, kind, code):
    board.add("too_many_requests", match=PLACING, times=1, retry_after_seconds=7, kind=kind)

    with pytest.raises(Exception, match="APIError") as error:
        client.create_order(**BUY)

    assert (error.value.status_code, error.value.code) == (429, code)
    assert error.value.response.headers["Retry-After"] == "7"
    assert orders(client) == []


@pytest.mark.parametrize(
    ("path", "kind", "limit"),
    [
        ("/api/v3/ping", "weight", "6000 request weight per 1 MINUTE"),
        ("/fapi/v1/ping", "weight", "2400 request weight per 1 MINUTE"),
        ("/api/v3/ping", "orders", "100 orders per 10 SECOND"),
        ("/fapi/v1/ping", "orders", "1200 orders per 1 MINUTE"),
    ],
)
def test_429_tells_the_limit_of_its_market(paper, board, path, kind, limit):
    board.add("too_many_requests", kind=kind)

    _, answer, _ = paper.request("GET", path)

    assert f"current limit is {limit}." in answer["msg"]


def test_418_comes_with_retry_after_and_the_end_of_the_ban(client, board):
    board.add("ip_banned", times=1, retry_after_seconds=300)

    with pytest.raises(Exception, match="banned until") as error:
        client.get_account()

    assert (error.value.status_code, error.value.code) == (418, -1003)
    assert error.value.response.headers["Retry-After"] == "300"


def test_revoked_key_is_refused_for_one_account_only(paper, client, key, board):
    other = paper.client(paper.open_account(USDT="1"))
    board.add("key_revoked", match={"account": key["api_key"]})

    assert refusal(client.get_account)[:2] == (401, -2015)
    assert client.ping() == {}
    assert other.get_account()["canTrade"] is True


def test_skewed_clock_is_told_and_held_against_timestamps(client, board):
    board.add("clock_skew", skew_ms=60_000)

    ahead = client.get_server_time()["serverTime"] / 1000 - time.time()

    assert 55 < ahead < 65
    assert refusal(client.get_account)[1] == -1021
    client.timestamp_offset = 60_000
    assert client.get_account()["canTrade"] is True


def test_orders_keep_their_true_times_while_the_clock_is_skewed(client, board):
    board.add("clock_skew", skew_ms=60_000)
    client.timestamp_offset = 60_000

    order = client.create_order(**BUY)

    assert abs(order["transactTime"] / 1000 - time.time()) < 5


def test_fault_happens_to_its_account_path_method_symbol_and_market_only(paper, client, key, board):
    other = paper.client(paper.open_account(USDT="10000"))
    match = {"account": str(key["id"]), "path": "/api/v3/*", "method": "POST", "symbol": "BTCUSDT", "market": "spot"}
    number = board.add("error_before", match=match)["id"]

    other.create_order(**BUY)
    client.create_test_order(**(BUY | {"symbol": "ETHUSDT"}))
    client.get_open_orders(symbol="BTCUSDT")
    refused = refusal(client.create_order, **BUY)

    assert (refused[0], board.hits(number)) == (503, 1)


def test_faults_are_stacked_the_first_added_outermost(client, board):
    board.add("error_after", match=PLACING, status=500)
    number = board.add("error_after", match=PLACING, status=502)["id"]

    assert refusal(client.create_order, **BUY, newClientOrderId="done")[0] == 500

    assert board.hits(number) == 1
    assert orders(client) == ["done"]


def test_fault_behind_one_that_ends_the_call_does_not_happen(client, board):
    board.add("error_before", match=PLACING, status=500, times=1)
    board.add("error_before", match=PLACING, status=502, times=1)

    assert [refusal(client.create_order, **BUY)[0] for _ in range(2)] == [500, 502]
    assert client.create_order(**BUY)["status"] == "FILLED"


def test_admin_endpoints_never_fail(board):
    number = board.add("drop_before")["id"]

    assert board.hits(number) == 0
    assert board.clear()["cleared"] == 1

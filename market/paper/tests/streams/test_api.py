"""The WebSocket API over a real wire: its requests are answered as REST answers them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from market.paper.streams.api_methods import METHODS
from market.paper.tests.streams.sockets import signed, socket_to
from market.paper.web.spot import routes as spot

LIMIT = {
    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "90000.00"
}  # fmt: skip


@pytest.fixture
def key(paper):
    """An account with money on both markets."""
    return paper.open_account(USDT="100000", futures={"USDT": "100000"})


def conversation(paper: Any, *requests: tuple[str, Any], path: str = "/ws-api/v3") -> list[dict[str, Any]]:
    """Requests one after the other, and their answers."""

    async def scenario() -> list[dict[str, Any]]:
        async with socket_to(paper, path) as socket:
            return [await socket.ask(method, params, number) for number, (method, params) in enumerate(requests)]

    return asyncio.run(scenario())


def test_public_requests_need_no_key(paper):
    pong, moment, depth = conversation(
        paper, ("ping", None), ("time", {}), ("depth", {"symbol": "BTCUSDT", "limit": 5})
    )

    assert (pong["status"], pong["result"]) == (200, {})
    assert moment["result"].keys() == {"serverTime"}
    assert len(depth["result"]["bids"]) == 5


def test_an_order_is_placed_found_and_cancelled(paper, key):
    placed, found, open_now, canceled, gone = conversation(
        paper,
        ("order.place", signed(key, **LIMIT, newClientOrderId="mine")),
        ("order.status", signed(key, symbol="BTCUSDT", origClientOrderId="mine")),
        ("openOrders.status", signed(key, symbol="BTCUSDT")),
        ("order.cancel", signed(key, symbol="BTCUSDT", origClientOrderId="mine")),
        ("order.cancel", signed(key, symbol="BTCUSDT", origClientOrderId="mine")),
    )

    order_id = placed["result"]["orderId"]
    assert (found["result"]["orderId"], found["result"]["status"]) == (order_id, "NEW")
    assert [order["orderId"] for order in open_now["result"]] == [order_id]
    assert canceled["result"]["status"] == "CANCELED"
    assert (gone["status"], gone["error"]) == (400, {"code": -2011, "msg": "Unknown order sent."})


def test_numbers_are_signed_as_they_were_written(paper, key):
    (answer,) = conversation(paper, ("order.test", signed(key, **LIMIT | {"price": 90000.50, "quantity": 0.01})))

    assert answer["status"] == 200


def test_a_version_may_stand_before_the_method(paper):
    (answer,) = conversation(paper, ("v3/ping", None))

    assert answer["status"] == 200


def test_an_answer_says_what_it_counted_for(paper, key):
    ping, placed, quiet = conversation(
        paper,
        ("ping", None),
        ("order.place", signed(key, **LIMIT)),
        ("ping", {"returnRateLimits": False}),
    )

    assert [row["rateLimitType"] for row in ping["rateLimits"]] == ["REQUEST_WEIGHT"]
    assert ping["rateLimits"][0].keys() == {"rateLimitType", "interval", "intervalNum", "limit", "count"}
    assert [row["rateLimitType"] for row in placed["rateLimits"]].count("ORDERS") == 2
    assert "rateLimits" not in quiet


def test_rate_limits_can_be_left_out_for_the_whole_connection(paper):
    quiet, loud = conversation(
        paper,
        ("ping", None),
        ("ping", {"returnRateLimits": True}),
        path="/ws-api/v3?returnRateLimits=false",
    )

    assert "rateLimits" not in quiet
    assert "rateLimits" in loud


def test_a_refusal_is_the_one_of_rest(paper, key):
    (answer,) = conversation(paper, ("order.place", signed(key, **LIMIT | {"quantity": "100"})))

    assert (answer["status"], answer["error"]["code"]) == (400, -2010)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "Invalid JSON Request"),
        ("[1]", "Invalid JSON Request"),
        ('{"id":1,"params":{}}', "Invalid 'method' in JSON request; expected a string."),
        ('{"id":1,"method":"ping","params":[1]}', "Invalid 'params' in JSON request; expected an object."),
        (
            '{"id":"a b","method":"ping"}',
            "Invalid 'id' in JSON request; expected an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null.",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_binances_words(paper, text, message):
    async def scenario() -> None:
        async with socket_to(paper, "/ws-api/v3") as socket:
            await socket.plain.send_str(text)
            answer = await socket.hear()

        assert (answer["status"], answer["error"]) == (400, {"code": -1135, "msg": message})

    asyncio.run(scenario())


def test_a_method_that_does_not_exist_is_refused(paper):
    unknown, logon, session = conversation(
        paper, ("order.invent", {}), ("session.logon", {}), ("userDataStream.subscribe", {})
    )

    assert [answer["error"]["code"] for answer in (unknown, logon, session)] == [-1020, -2028, -1193]


def test_requests_need_not_wait_for_each_other(paper, key):
    async def scenario() -> None:
        async with socket_to(paper, "/ws-api/v3") as socket:
            for number in range(20):
                await socket.say(id=number, method="order.place", params=signed(key, **LIMIT))
            answers = [await socket.hear() for _ in range(20)]

        assert {answer["id"] for answer in answers} == set(range(20))
        assert {answer["status"] for answer in answers} == {200}
        placed = sorted(answers, key=lambda answer: answer["id"])
        ids = [answer["result"]["orderId"] for answer in placed]
        assert ids == sorted(ids)

    asyncio.run(scenario())


def test_futures_have_their_own_api(paper, key):
    answer, balance = conversation(
        paper,
        ("order.place", signed(key, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")),
        ("v2/account.balance", signed(key)),
        path="/ws-fapi/v1",
    )

    assert answer["result"]["status"] == "NEW"
    assert balance["result"][0]["asset"] == "USDT"


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_every_method_stands_for_an_endpoint_there_is(paper, market):
    path = {"spot": "/ws-api/v3", "futures": "/ws-fapi/v1"}[market]

    answers = conversation(paper, *((method, {}) for method in METHODS[market]), path=path)

    missing = [
        method for method, answer in zip(METHODS[market], answers, strict=True) if answer["status"] in (404, 405)
    ]
    assert missing == []


def test_every_endpoint_of_spot_has_its_method():
    targets = set(METHODS["spot"].values())

    missing = {(each.method, each.path) for each in spot.ENDPOINTS if each.path.startswith("/api/")} - targets

    assert missing == set()


def test_an_order_is_amended_and_keeps_its_id(paper, key):
    placed, amended = conversation(
        paper,
        ("order.place", signed(key, **LIMIT, newClientOrderId="large")),
        ("order.amend.keepPriority", signed(key, symbol="BTCUSDT", origClientOrderId="large", newQty="0.005")),
    )

    assert amended["status"] == 200, amended
    assert amended["result"]["amendedOrder"]["orderId"] == placed["result"]["orderId"]
    assert amended["result"]["amendedOrder"]["qty"] == "0.00500000"


def test_a_ticker_takes_a_list_of_symbols(paper):
    window, day = conversation(
        paper, ("ticker", {"symbols": ["BTCUSDT", "ETHUSDT"]}), ("ticker.tradingDay", {"symbol": "BTCUSDT"})
    )

    assert [row["symbol"] for row in window["result"]] == ["BTCUSDT", "ETHUSDT"]
    assert day["result"]["symbol"] == "BTCUSDT"


def test_a_method_there_is_not_weighs_something_too(paper, early_in):
    early_in(10)
    answers = conversation(paper, *[("order.invent", {})] * 3)

    counts = [answer["rateLimits"][0]["count"] for answer in answers]
    assert counts[1] - counts[0] >= 1

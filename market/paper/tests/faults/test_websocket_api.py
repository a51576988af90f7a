"""Faults happen to the WebSocket API as to REST: to orders, and to what belongs to the connection only."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from market.paper.tests.streams.sockets import DEADLINE_SECONDS, signed, socket_to

SUBSCRIBE = "userDataStream.subscribe.signature"
LIMIT = {
    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "50000.00"
}  # fmt: skip


def asked(paper: Any, *requests: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Answers to requests of one connection."""

    async def scenario() -> list[dict[str, Any]]:
        async with socket_to(paper, "/ws-api/v3") as socket:
            return [await socket.ask(method, params, number) for number, (method, params) in enumerate(requests)]

    return asyncio.run(scenario())


def ending(paper: Any, method: str, params: dict[str, Any]) -> aiohttp.WSMsgType:
    """What comes after a request that is not answered."""

    async def scenario() -> aiohttp.WSMsgType:
        async with socket_to(paper, "/ws-api/v3") as socket:
            await socket.say(id=1, method=method, params=params)
            return (await socket.plain.receive(DEADLINE_SECONDS)).type

    return asyncio.run(scenario())


def request_to(method: str, key: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return method, signed(key, **(LIMIT if method == "order.place" else {}))


@pytest.mark.parametrize("method", [SUBSCRIBE, "order.place"])
@pytest.mark.parametrize(
    ("step", "status", "code"),
    [
        ({"fault": "key_revoked"}, 401, -2015),
        ({"fault": "too_many_requests"}, 429, -1003),
        ({"fault": "ip_banned"}, 418, -1003),
        ({"fault": "clock_skew", "skew_ms": 3_600_000}, 400, -1021),
        ({"fault": "error_before", "like": "timeout"}, 504, -1007),
        ({"fault": "error_after", "like": "timeout"}, 504, -1007),
    ],
)
def test_a_refusal_reaches_orders_and_subscriptions_alike(paper, board, key, method, step, status, code):
    board.add(**step)

    (answer,) = asked(paper, request_to(method, key))

    assert (answer["status"], answer["error"]["code"]) == (status, code)


@pytest.mark.parametrize("method", [SUBSCRIBE, "order.place"])
@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_a_connection_is_dropped_whatever_was_asked(paper, board, key, method, fault):
    board.add(fault)

    assert ending(paper, *request_to(method, key)) in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


def test_a_subscription_that_was_answered_with_an_error_exists_all_the_same(paper, board, key):
    board.add("error_after", times=1, match={"path": f"/ws-api/v3/{SUBSCRIBE}"})

    refused, listed = asked(paper, (SUBSCRIBE, signed(key)), ("session.subscriptions", {}))

    assert refused["status"] == 503
    assert listed["result"] == [{"subscriptionId": 0}]


def test_a_fault_can_be_about_subscriptions_only(paper, board, key):
    board.add("key_revoked", match={"path": f"/ws-api/v3/{SUBSCRIBE}"})

    subscribed, placed = asked(paper, (SUBSCRIBE, signed(key)), request_to("order.place", key))

    assert (subscribed["status"], placed["status"]) == (401, 200)


def test_a_refusal_with_retry_after_that_was_cut_off_is_still_sent(paper, board, key):
    board.add("truncated", keep_percent=10)
    board.add("too_many_requests")

    async def scenario() -> str:
        async with socket_to(paper, "/ws-api/v3") as socket:
            await socket.say(id=1, method="ping")
            return (await socket.plain.receive(DEADLINE_SECONDS)).data

    assert '"status":429' in asyncio.run(scenario())

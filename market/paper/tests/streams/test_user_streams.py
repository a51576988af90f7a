"""User data over a real wire: futures by listen key, spot by the WebSocket API."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from market.paper.tests.streams.sockets import Socket, signed, socket_to

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


@pytest.fixture
def key(paper):
    """An account with money on both markets."""
    return paper.open_account(USDT="100000", BTC="1", futures={"USDT": "100000"})


def listen_key(paper: Any, key: dict[str, Any], method: str = "POST") -> str:
    _, answer, _ = paper.request(method, "/fapi/v1/listenKey", headers={"X-MBX-APIKEY": key["api_key"]})
    return answer.get("listenKey", "")


async def buy(paper: Any, key: dict[str, Any], path: str = "/fapi/v1/order", **changes: Any) -> Any:
    status, answer = await asyncio.to_thread(paper.signed, "POST", path, key, **(ORDER | changes))
    assert status == 200, answer
    return answer


async def subscribed(socket: Socket, key: dict[str, Any]) -> int:
    answer = await socket.ask("userDataStream.subscribe.signature", signed(key), "sub")
    return answer["result"]["subscriptionId"]


def kinds(socket: Socket) -> list[str]:
    events = [message.get("data") or message.get("event") or message for message in socket.heard]
    return [event["e"] for event in events if "e" in event]


@pytest.mark.parametrize(
    "path", ["/private/ws?listenKey={}", "/private/ws/{}", "/private/stream?streams={}", "/fstream/ws/{}"]
)
def test_a_listen_key_opens_the_events_of_its_account(paper, key, path):
    async def scenario() -> None:
        async with socket_to(paper, path.format(listen_key(paper, key))) as socket:
            order = await buy(paper, key, newClientOrderId="mine")
            message = await socket.hear(lambda message: "FILLED" in str(message))

        event = message.get("data", message)
        assert (event["e"], event["o"]["i"], event["o"]["c"]) == ("ORDER_TRADE_UPDATE", order["orderId"], "mine")
        assert ("stream" in message) == ("/stream?" in path)

    asyncio.run(scenario())


def test_events_of_one_fill_come_in_their_order(paper, key):
    async def scenario() -> None:
        async with socket_to(paper, f"/private/ws?listenKey={listen_key(paper, key)}") as socket:
            await buy(paper, key)
            await socket.hear(lambda message: message["e"] == "ACCOUNT_UPDATE")

        told = kinds(socket)
        assert told.index("TRADE_LITE") < told.index("ACCOUNT_UPDATE")
        assert told[0] == "ORDER_TRADE_UPDATE"

    asyncio.run(scenario())


def test_a_listener_that_names_events_hears_no_others(paper, key):
    async def scenario() -> None:
        path = f"/private/ws?listenKey={listen_key(paper, key)}&events=ACCOUNT_UPDATE/ACCOUNT_CONFIG_UPDATE"
        async with socket_to(paper, path) as socket:
            await buy(paper, key)
            await socket.hear(lambda message: message["e"] == "ACCOUNT_UPDATE")

        assert set(kinds(socket)) == {"ACCOUNT_UPDATE"}

    asyncio.run(scenario())


def test_a_listen_key_can_be_subscribed_to_like_a_stream(paper, key):
    async def scenario() -> None:
        async with socket_to(paper, "/private/stream") as socket:
            name = listen_key(paper, key)
            await socket.ask("SUBSCRIBE", [name])
            await buy(paper, key)
            message = await socket.hear()

        assert message["stream"] == name

    asyncio.run(scenario())


def test_a_closed_listen_key_says_so_and_tells_no_more(paper, key):
    async def scenario() -> None:
        name = listen_key(paper, key)
        async with socket_to(paper, f"/private/ws?listenKey={name}") as socket:
            listen_key(paper, key, "DELETE")
            event = await socket.hear()
            assert (event["e"], event["listenKey"]) == ("listenKeyExpired", name)

            await buy(paper, key)
            assert (await socket.ask("LIST_SUBSCRIPTIONS"))["result"] == [name]

        assert kinds(socket) == ["listenKeyExpired"]

    asyncio.run(scenario())


def test_the_key_of_nobody_is_accepted_in_silence(paper):
    async def scenario() -> None:
        async with socket_to(paper, "/private/ws?listenKey=" + "x" * 64) as socket:
            await socket.ask("LIST_SUBSCRIPTIONS")

        assert len(socket.heard) == 1

    asyncio.run(scenario())


def test_a_spot_account_hears_of_its_orders_and_balances(paper, key):
    async def scenario() -> None:
        async with socket_to(paper, "/ws-api/v3") as socket:
            assert await subscribed(socket, key) == 0
            order = await buy(paper, key, "/api/v3/order")
            filled = await socket.hear(lambda message: message.get("event", {}).get("X") == "FILLED")
            position = await socket.hear(lambda message: message["event"]["e"] == "outboundAccountPosition")

        assert (filled["subscriptionId"], filled["event"]["i"]) == (0, order["orderId"])
        assert {row["a"] for row in position["event"]["B"]} >= {"BTC", "USDT"}
        assert [message["event"]["x"] for message in socket.heard[1:3]] == ["NEW", "TRADE"]

    asyncio.run(scenario())


def test_accounts_hear_nothing_of_each_other(paper, key):
    other = paper.open_account(USDT="100000")

    async def scenario() -> None:
        async with socket_to(paper, "/ws-api/v3") as socket:
            await subscribed(socket, key)
            await buy(paper, other, "/api/v3/order")
            mine = await buy(paper, key, "/api/v3/order")
            first = await socket.hear()

        assert first["event"]["i"] == mine["orderId"]

    asyncio.run(scenario())


def test_one_connection_can_hear_two_accounts_apart(paper, key):
    other = paper.open_account(USDT="100000")

    async def scenario() -> None:
        async with socket_to(paper, "/ws-api/v3") as socket:
            assert [await subscribed(socket, key), await subscribed(socket, other)] == [0, 1]
            order = await buy(paper, other, "/api/v3/order")
            event = await socket.hear(lambda message: message.get("event", {}).get("i") == order["orderId"])

        assert event["subscriptionId"] == 1

    asyncio.run(scenario())


def test_an_account_is_subscribed_to_once_per_connection(paper, key):
    async def scenario() -> None:
        async with socket_to(paper, "/ws-api/v3") as socket:
            await subscribed(socket, key)
            again = await socket.ask("userDataStream.subscribe.signature", signed(key), "again")

        assert (again["status"], again["error"]["code"]) == (400, -2035)

    asyncio.run(scenario())


def test_unsubscribing_ends_with_a_last_event(paper, key):
    async def scenario() -> None:
        async with socket_to(paper, "/ws-api/v3") as socket:
            number = await subscribed(socket, key)
            listed = await socket.ask("session.subscriptions", request_id="list")
            assert listed["result"] == [{"subscriptionId": number}]
            answer = await socket.ask("userDataStream.unsubscribe", {"subscriptionId": number}, "end")
            assert (answer["status"], answer["result"]) == (200, {})
            assert (await socket.hear())["event"]["e"] == "eventStreamTerminated"
            again = await socket.ask("userDataStream.unsubscribe", {"subscriptionId": number}, "again")

            await buy(paper, key, "/api/v3/order")
            status = await socket.ask("session.status", request_id="status")

        assert again["error"]["code"] == -2036
        assert status["result"]["userDataStream"] is False
        assert kinds(socket) == ["eventStreamTerminated"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"signature": "0" * 64}, 400, -1022),
        ({"apiKey": "x" * 64}, 401, -2015),
        ({"apiKey": "not a key"}, 401, -2014),
        ({"timestamp": 1}, 400, -1022),
    ],
)
def test_only_the_owner_can_subscribe(paper, key, changes, status, code):
    async def scenario() -> None:
        async with socket_to(paper, "/ws-api/v3") as socket:
            answer = await socket.ask("userDataStream.subscribe.signature", signed(key) | changes)

        assert (answer["status"], answer["error"]["code"]) == (status, code)

    asyncio.run(scenario())


def test_an_old_request_to_subscribe_is_refused(paper, key):
    async def scenario() -> None:
        async with socket_to(paper, "/ws-api/v3") as socket:
            answer = await socket.ask("userDataStream.subscribe.signature", signed(key, timestamp=1_600_000_000_000))

        assert answer["error"]["code"] == -1021

    asyncio.run(scenario())

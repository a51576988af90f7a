"""Market streams over a real wire: subscribing, properties, limits, and the end of a connection."""

from __future__ import annotations

import asyncio
import itertools
import time
from urllib.parse import urlsplit

import aiohttp
import pytest

from market.paper.tests.server import PaperServer
from market.paper.tests.streams.sockets import socket_to


def frames_of(told: bytes) -> list[bytes]:
    """What a server sent, frame by frame."""
    frames = []
    while told:
        size, start = told[1], 2
        if size == 126:
            size, start = int.from_bytes(told[2:4]), 4
        frames.append(told[: start + size])
        told = told[start + size :]
    return frames


def test_a_raw_stream_is_named_in_its_path(paper):
    async def scenario() -> None:
        async with socket_to(paper, "/ws/btcusdt@bookTicker") as socket:
            first, second = await socket.hear(), await socket.hear()

        assert first["s"] == "BTCUSDT"
        assert second["u"] > first["u"]

    asyncio.run(scenario())


def test_a_combined_stream_says_which_of_its_streams_speaks(paper):
    async def scenario() -> None:
        async with socket_to(paper, "/stream?streams=btcusdt@bookTicker/ethusdt@bookTicker") as socket:
            names = {(await socket.hear())["stream"] for _ in range(4)}

        assert names == {"btcusdt@bookTicker", "ethusdt@bookTicker"}

    asyncio.run(scenario())


def test_streams_come_and_go_while_the_connection_lives(paper):
    async def scenario() -> None:
        async with socket_to(paper, "/ws") as socket:
            assert await socket.ask("SUBSCRIBE", ["btcusdt@bookTicker", "ethusdt@trade"]) == {"result": None, "id": 1}
            await socket.hear(lambda message: message.get("s") == "BTCUSDT")
            assert await socket.ask("UNSUBSCRIBE", ["btcusdt@bookTicker"], 2) == {"result": None, "id": 2}
            assert await socket.ask("LIST_SUBSCRIPTIONS", request_id=3) == {"result": ["ethusdt@trade"], "id": 3}
            socket.heard.clear()
            await socket.hear(lambda message: message.get("e") == "trade")

        assert not [message for message in socket.heard if message.get("s") == "BTCUSDT"]

    asyncio.run(scenario())


def test_a_connection_can_change_its_form(paper):
    async def scenario() -> None:
        async with socket_to(paper, "/ws/btcusdt@bookTicker") as socket:
            assert (await socket.ask("GET_PROPERTY", ["combined"]))["result"] is False
            assert (await socket.ask("SET_PROPERTY", ["combined", True], 2))["result"] is None
            assert (await socket.hear())["stream"] == "btcusdt@bookTicker"
            assert (await socket.ask("GET_PROPERTY", ["combined"], 3))["result"] is True

    asyncio.run(scenario())


def test_a_stream_that_does_not_exist_is_accepted_in_silence(paper):
    async def scenario() -> None:
        async with socket_to(paper, "/ws") as socket:
            assert await socket.ask("SUBSCRIBE", ["nothing@ever"]) == {"result": None, "id": 1}
            assert await socket.ask("LIST_SUBSCRIPTIONS", request_id=2) == {"result": ["nothing@ever"], "id": 2}

        assert len(socket.heard) == 2

    asyncio.run(scenario())


def test_a_name_too_long_to_mean_anything_is_accepted_and_not_kept(paper):
    async def scenario() -> None:
        long = ["x" * 129, "y" * 100_000]
        async with socket_to(paper, f"/ws/{'z' * 10_000}") as socket:
            assert await socket.ask("SUBSCRIBE", ["w" * 128, *long]) == {"result": None, "id": 1}
            assert await socket.ask("LIST_SUBSCRIPTIONS", request_id=2) == {"result": ["w" * 128], "id": 2}
            assert await socket.ask("UNSUBSCRIBE", long, 3) == {"result": None, "id": 3}

    asyncio.run(scenario())


def test_nothing_follows_our_close_frame(paper):
    too_much = (b"\x81\x80" + bytes(4)) * 11

    async def scenario() -> bytes:
        address = urlsplit(paper.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(
            b"GET /ws/btcusdt@bookTicker/ethusdt@bookTicker HTTP/1.1\r\nHost: paper\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.write(too_much)
        async with asyncio.timeout(10):
            told = await reader.read(-1)  # the server waits a second for our close frame, which does not come
        writer.close()
        return told

    kinds = [frame[0] for frame in frames_of(asyncio.run(scenario()))]

    assert kinds.index(0x88) == len(kinds) - 1


def test_nonsense_is_refused_and_the_connection_goes_on(paper):
    async def scenario() -> None:
        async with socket_to(paper, "/ws") as socket:
            await socket.plain.send_str("nonsense")
            assert (await socket.hear())["error"]["code"] == 3
            await socket.plain.send_bytes(b"\xff\xfe")
            assert (await socket.hear())["error"]["code"] == 3
            assert (await socket.ask("LIST_SUBSCRIPTIONS"))["result"] == []

    asyncio.run(scenario())


@pytest.mark.parametrize(("path", "allowed"), [("/ws", 5), ("/market/ws", 10)])
def test_who_talks_too_fast_is_disconnected(paper, path, allowed):
    async def scenario() -> None:
        async with socket_to(paper, path) as socket:
            for number in range(3 * allowed):
                await socket.say(method="LIST_SUBSCRIPTIONS", id=number)

            assert await socket.end() == aiohttp.WSCloseCode.POLICY_VIOLATION
            # The second may change in the middle.
            assert allowed <= len(socket.heard) <= 2 * allowed

    asyncio.run(scenario())


def test_a_connection_listens_to_1024_streams_and_no_more(paper):
    names = [f"s{number}@trade" for number in range(1024)]

    async def scenario() -> None:
        async with socket_to(paper, "/ws") as socket:
            assert (await socket.ask("SUBSCRIBE", names))["result"] is None
            refusal = await socket.ask("SUBSCRIBE", ["one@more"], 2)
            assert refusal["error"]["code"] == 2
            assert len((await socket.ask("LIST_SUBSCRIPTIONS", request_id=3))["result"]) == 1024

    asyncio.run(scenario())


def test_a_ping_is_answered_with_its_own_payload(paper):
    async def scenario() -> None:
        async with socket_to(paper, "/ws", autoping=False) as socket:
            await socket.plain.ping(b"hello")
            message = await socket.plain.receive(timeout=5)

        assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"hello")

    asyncio.run(scenario())


def test_routed_futures_addresses_carry_their_own_streams_only(paper):
    async def scenario() -> None:
        async with socket_to(paper, "/market/stream?streams=btcusdt@bookTicker/btcusdt@markPrice@1s") as socket:
            for _ in range(2):
                assert (await socket.hear())["stream"] == "btcusdt@markPrice@1s"

    asyncio.run(scenario())


def test_the_301st_connection_in_five_minutes_is_refused(tmp_path):
    async def connect(paper: PaperServer, times: int) -> None:
        for _ in range(times):
            async with socket_to(paper, "/ws"):
                pass

    with PaperServer(tmp_path / "ledger.sqlite3") as paper, pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        asyncio.run(connect(paper, 601))  # the five minutes may end meanwhile

    assert refusal.value.status == 429


def test_a_banned_ip_opens_no_websocket_of_that_market(tmp_path):
    async def scenario(paper: PaperServer) -> None:
        for path in ("/ws", "/stream?streams=btcusdt@trade", "/ws-api/v3"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                async with socket_to(paper, path):
                    pass
            assert refusal.value.status == 418
            assert refusal.value.headers is not None
            assert 0 < int(refusal.value.headers["Retry-After"]) <= 120
        for path in ("/market/ws", "/ws-fapi/v1"):
            async with socket_to(paper, path) as socket:
                await socket.plain.ping()

    with PaperServer(tmp_path / "ledger.sqlite3", "--weight-limit", "20") as paper:
        deadline = time.monotonic() + 20
        while paper.request("GET", "/api/v3/exchangeInfo")[0] != 418:
            assert time.monotonic() < deadline
        asyncio.run(scenario(paper))


def test_a_spot_client_is_told_before_the_server_stops(tmp_path):
    async def scenario(paper: PaperServer) -> None:
        async with (
            socket_to(paper, "/ws") as raw,
            socket_to(paper, "/stream") as combined,
            socket_to(paper, "/ws-api/v3") as api,
            socket_to(paper, "/market/ws") as futures,
        ):
            code = asyncio.create_task(asyncio.to_thread(paper.stop))

            assert await raw.end() == aiohttp.WSCloseCode.GOING_AWAY
            for socket in (combined, api, futures):
                await socket.end()
            assert await code == 0

        assert raw.heard[-1]["e"] == "serverShutdown"
        assert combined.heard[-1]["stream"] == "!serverShutdown"
        assert combined.heard[-1]["data"]["e"] == "serverShutdown"
        assert api.heard[-1]["event"]["e"] == "serverShutdown"
        assert not futures.heard

    with PaperServer(tmp_path / "ledger.sqlite3") as paper:
        asyncio.run(scenario(paper))


def test_a_fast_clock_closes_every_candle_once_and_in_order(tmp_path):
    async def scenario(paper: PaperServer) -> None:
        closed = []
        async with socket_to(paper, "/market/ws/btcusdt@kline_1m") as socket:
            while len(closed) < 30:
                candle = (await socket.hear())["k"]
                if candle["x"]:
                    closed.append(candle["t"])

        assert {later - earlier for earlier, later in itertools.pairwise(closed)} == {60_000}

    with PaperServer(tmp_path / "ledger.sqlite3", "--speed", "1000") as paper:
        asyncio.run(scenario(paper))

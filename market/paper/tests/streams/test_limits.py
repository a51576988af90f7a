"""The ends of a connection that take long on a real wire: slow readers, missing pongs, old age."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import WSMessage, WSMsgType

from market.paper.streams import connection
from market.paper.streams.attempts import Attempts
from market.paper.streams.connection import MAX_WAITING_BYTES, Connection, Manners
from market.paper.streams.frames import PING, text_frame
from market.paper.web.errors import ApiError

QUIET = Manners(ping_seconds=1000, pong_seconds=1000, frames_per_second=0)
HASTY = Manners(ping_seconds=0.02, pong_seconds=0.05, frames_per_second=0)


class Wire:
    """A transport whose client reads nothing until told to."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting = 0
        self.aborted = False

    def write(self, frame: bytes) -> None:
        self.written.append(frame)
        self.waiting += len(frame)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


class Client:
    """The other side of a websocket: says what is put in, remembers how it was closed."""

    def __init__(self) -> None:
        self.words: asyncio.Queue[WSMessage] = asyncio.Queue()
        self.closed_with: int | None = None

    @property
    def closed(self) -> bool:
        return self.closed_with is not None

    async def receive(self) -> WSMessage:
        return await self.words.get()

    async def close(self, *, code: int, message: bytes) -> None:
        self.closed_with = code
        self.words.put_nowait(WSMessage(WSMsgType.CLOSED, None, None))


def with_connection(manners: Manners, scenario: Callable[[Connection, Wire, Client], Any]) -> tuple[Wire, Client]:
    async def play() -> tuple[Wire, Client]:
        wire, client = Wire(), Client()
        each = Connection(client, wire, manners)  # type: ignore[arg-type]
        running = asyncio.create_task(each.run())
        async with asyncio.timeout(5):
            await scenario(each, wire, client)
        client.words.put_nowait(WSMessage(WSMsgType.CLOSED, None, None))
        await running
        return wire, client

    return asyncio.run(play())


def test_a_reader_that_is_too_slow_loses_the_connection_and_nothing_is_left_out():
    frame = text_frame(b"x" * 1000)

    async def scenario(each: Connection, wire: Wire, client: Client) -> None:
        while not wire.aborted:
            each.send(frame)

    wire, _ = with_connection(QUIET, scenario)

    assert MAX_WAITING_BYTES - len(frame) < wire.waiting <= MAX_WAITING_BYTES
    assert set(wire.written) == {frame}


def test_nothing_is_written_to_a_connection_that_has_ended():
    async def scenario(each: Connection, wire: Wire, client: Client) -> None:
        each.abort()
        each.send(text_frame(b"x"))

    wire, _ = with_connection(QUIET, scenario)

    assert not wire.written


def test_who_answers_no_ping_loses_the_connection():
    async def scenario(each: Connection, wire: Wire, client: Client) -> None:
        while not wire.aborted:
            await asyncio.sleep(0.005)

    wire, _ = with_connection(HASTY, scenario)

    assert {frame[0] for frame in wire.written} == {PING}


def test_who_answers_pings_stays():
    """For longer than a pong is waited for, which is longer than a busy machine holds us up."""
    manners = Manners(ping_seconds=0.1, pong_seconds=1, frames_per_second=0)

    async def scenario(each: Connection, wire: Wire, client: Client) -> None:
        while len(wire.written) < 13:
            answered = len(wire.written)
            while len(wire.written) == answered:
                await asyncio.sleep(0.005)
            client.words.put_nowait(WSMessage(WSMsgType.PONG, wire.written[-1][2:], None))

    wire, _ = with_connection(manners, scenario)

    assert not wire.aborted


def test_a_connection_ends_after_its_lifetime(monkeypatch):
    monkeypatch.setattr(connection, "LIFETIME_SECONDS", 0.02)

    async def scenario(each: Connection, wire: Wire, client: Client) -> None:
        while client.closed_with is None:
            await asyncio.sleep(0.005)

    _, client = with_connection(QUIET, scenario)

    assert client.closed_with == connection.GOING_AWAY


def test_the_spot_server_pings_every_20_seconds_and_the_futures_server_every_three_minutes():
    assert (connection.SPOT.ping_seconds, connection.SPOT.pong_seconds) == (20, 60)
    assert (connection.FUTURES.ping_seconds, connection.FUTURES.pong_seconds) == (180, 600)


def test_an_ip_connects_300_times_in_five_minutes():
    attempts = Attempts(300)
    for _ in range(300):
        attempts.count("1.2.3.4", 299.0)

    with pytest.raises(ApiError, match="-1034 Too many connection attempts from IP") as refusal:
        attempts.count("1.2.3.4", 299.9)

    assert (refusal.value.status, refusal.value.headers) == (429, {"Retry-After": "1"})
    attempts.count("5.6.7.8", 299.9)
    attempts.count("1.2.3.4", 300.0)


def test_without_a_limit_an_ip_connects_as_often_as_it_likes():
    attempts = Attempts(0)

    for _ in range(1000):
        attempts.count("1.2.3.4", 1.0)

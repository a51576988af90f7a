"""A subscription of the WebSocket API begins and ends with its connection, in whatever order things happen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMessage, WSMsgType

from market.paper.__main__ import read_options
from market.paper.build import build_exchange
from market.paper.engine.journal import News
from market.paper.exchange import Exchange
from market.paper.ledger import Ledger
from market.paper.streams.api_connection import ApiConnection
from market.paper.tests.streams.ears import payload_of
from market.paper.tests.streams.sockets import signed
from market.paper.tests.streams.test_limits import Client, Wire
from market.paper.web.call import Call, Reply
from market.paper.web.pipeline import Pipeline

SUBSCRIBE = "userDataStream.subscribe.signature"


@asynccontextmanager
async def exchange_at(path: Path) -> AsyncIterator[tuple[Exchange, dict[str, Any]]]:
    """An exchange in this process, and the key of its one account."""
    ledger = Ledger(path / "ledger.sqlite3")
    exchange = await build_exchange(read_options(["--ledger", str(ledger.path)]), ledger)
    account = exchange.open_account("test", {}, exchange.now_ms())
    await exchange.flush()
    yield exchange, {"api_key": account.api_key, "api_secret": account.api_secret}
    ledger.close()


def connected(exchange: Exchange, pipeline: Pipeline) -> tuple[ApiConnection, Wire, Client]:
    wire, client = Wire(), Client()
    each = ApiConnection(client, wire, exchange, pipeline.dispatch, "spot", "127.0.0.1", rate_limits=False)  # type: ignore[arg-type]
    return each, wire, client


def text(method: str, **params: Any) -> WSMessage:
    return WSMessage(WSMsgType.TEXT, json.dumps({"id": 1, "method": method, "params": params}), None)


async def answered(each: ApiConnection) -> None:
    """Everything that was asked is answered."""
    while each._running:
        await asyncio.wait(each._running, timeout=5)


def play(scenario: Callable[[], Awaitable[None]]) -> None:
    async def in_time() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(in_time())


def test_who_subscribes_and_closes_in_one_breath_is_forgotten(tmp_path):
    async def scenario() -> None:
        async with exchange_at(tmp_path) as (exchange, key):
            for _ in range(20):
                each, _, client = connected(exchange, Pipeline(exchange))
                client.words.put_nowait(text(SUBSCRIBE, **signed(key)))
                client.words.put_nowait(WSMessage(WSMsgType.CLOSE, None, None))
                await each.run()
                each.forget()
                await answered(each)

            assert (exchange.hub._listeners, exchange.journal.watched) == ({}, set())

    play(scenario)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_who_closes_while_a_fault_holds_the_subscription_is_forgotten(tmp_path, moment):
    async def scenario() -> None:
        go_on, reached = asyncio.Event(), asyncio.Event()

        async def hold(call: Call, inner: Callable[[Call], Awaitable[Reply]]) -> Reply:
            reply = await inner(call) if moment == "after" else None
            reached.set()
            await go_on.wait()
            return reply or await inner(call)

        async with exchange_at(tmp_path) as (exchange, key):
            each, _, _ = connected(exchange, Pipeline(exchange, (hold,)))
            await each.on_text(text(SUBSCRIBE, **signed(key)).data)
            await reached.wait()
            each.forget()
            go_on.set()
            await answered(each)

            assert (exchange.hub._listeners, exchange.journal.watched) == ({}, set())

    play(scenario)


def test_the_number_of_a_subscription_is_told_before_its_first_event(tmp_path):
    async def scenario() -> None:
        async def meanwhile(call: Call, inner: Callable[[Call], Awaitable[Reply]]) -> Reply:
            reply = await inner(call)
            event = {"at_ms": call.now_ms, "asset": "USDT", "change": 1}
            exchange.hub.tell([News(1, "spot", "balanceUpdate", call.now_ms, details=event)])
            return reply

        async with exchange_at(tmp_path) as (exchange, key):
            each, wire, _ = connected(exchange, Pipeline(exchange, (meanwhile,)))
            await each.on_text(text(SUBSCRIBE, **signed(key)).data)
            await answered(each)

            answer, event = [payload_of(frame) for frame in wire.written]
            assert answer["result"] == {"subscriptionId": 0}
            assert (event["subscriptionId"], event["event"]["e"]) == (0, "balanceUpdate")

    play(scenario)


def test_a_request_to_subscribe_weighs_two_even_if_it_is_refused(tmp_path, early_in):
    async def scenario() -> None:
        async with exchange_at(tmp_path) as (exchange, key):
            each, _, _ = connected(exchange, Pipeline(exchange))
            early_in(10)
            before = exchange.spot.weights.used("127.0.0.1", exchange.now_ms())
            await each.on_text(text(SUBSCRIBE, **signed(key)).data)
            await each.on_text(text(SUBSCRIBE, **signed(key) | {"signature": "0" * 64}).data)
            await answered(each)

            assert exchange.spot.weights.used("127.0.0.1", exchange.now_ms()) - before == 4

    play(scenario)

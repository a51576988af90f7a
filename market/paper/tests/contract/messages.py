"""One message of every stream that has an example or a model of Binance's, by market and stream or event."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import aiohttp

from market.paper.tests.contract.answers import MARKET, OCO, RESTING, STOP, Caller
from market.paper.tests.contract.held import hold
from market.paper.tests.server import PaperServer

DEADLINE_SECONDS = 15
SPOT_STREAMS = ["aggTrade", "trade", "kline_1m", "miniTicker", "ticker", "bookTicker", "avgPrice", "depth5", "depth"]
FUTURES_ROUTES = {
    "market": ["aggTrade", "kline_1m", "miniTicker", "ticker", "markPrice@1s"],
    "public": ["bookTicker", "depth5", "depth", "trade"],
}

Messages = dict[str, Any]


def messages(paper: PaperServer) -> Messages:
    """Listen to all streams of both markets while two accounts trade."""
    return asyncio.run(_listen(paper))


async def _listen(paper: PaperServer) -> Messages:
    async with aiohttp.ClientSession(paper.url) as session, asyncio.timeout(4 * DEADLINE_SECONDS):
        found = await _spot_market(session)
        for route, streams in FUTURES_ROUTES.items():
            found |= await _futures_market(session, route, streams)
        found |= await _continuous(session)
        return found | await _spot_user(session, paper) | await _futures_user(session, paper)


async def _spot_market(session: aiohttp.ClientSession) -> Messages:
    return await _combined(session, "/stream", "spot", [f"btcusdt@{name}" for name in SPOT_STREAMS])


async def _futures_market(session: aiohttp.ClientSession, route: str, streams: list[str]) -> Messages:
    return await _combined(session, f"/{route}/stream", "futures", [f"btcusdt@{name}" for name in streams])


async def _continuous(session: aiohttp.ClientSession) -> Messages:
    return await _combined(session, "/market/stream", "futures", ["btcusdt_perpetual@continuousKline_1m"])


async def _combined(session: aiohttp.ClientSession, path: str, market: str, streams: list[str]) -> Messages:
    """The first message of each stream: ``spot @kline``."""
    found: Messages = {}
    async with session.ws_connect(f"{path}?streams={'/'.join(streams)}") as socket:
        while len(found) < len(streams):
            message = await socket.receive_json()
            found[message["stream"]] = message["data"]
    return {f"{market} @{name.split('@')[1].split('_')[0]}": data for name, data in found.items()}


async def _spot_user(session: aiohttp.ClientSession, paper: PaperServer) -> Messages:
    hold(paper, "spot")
    caller = Caller(paper, paper.open_account(USDT="100000", BTC="1"))
    async with session.ws_connect("/ws-api/v3") as socket:
        params: dict[str, Any] = {"apiKey": caller.key["api_key"], "timestamp": int(time.time() * 1000)}
        secret = caller.key["api_secret"].encode()
        params["signature"] = hmac.new(secret, urlencode(params).encode(), hashlib.sha256).hexdigest()
        await socket.send_json({"id": "1", "method": "userDataStream.subscribe.signature", "params": params})
        answer = await socket.receive_json()
        _spot_actions(caller)
        wanted = {"executionReport " + what for what in ("NEW", "TRADE", "CANCELED", "EXPIRED", "stop")}
        wanted |= {"outboundAccountPosition", "listStatus", "balanceUpdate"}
        found = await _until(socket, {f"spot user {name}" for name in wanted}, _spot_event)
    return found | {"spot user subscribe": answer}


def _spot_actions(caller: Caller) -> None:
    paper, order = caller.paper, "POST /api/v3/order"
    caller.signed(order, **MARKET)
    placed = caller.signed(order, **RESTING)
    caller.signed("DELETE /api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"])
    caller.signed(order, **RESTING | {"timeInForce": "IOC"})
    caller.signed("POST /api/v3/orderList/oco", **OCO)
    body = {"account": caller.key["api_key"], "asset": "USDT", "amount": "100", "market": "spot"}
    paper.admin("POST", "/paper/deposits", body)


def _spot_event(message: dict[str, Any]) -> tuple[str, Any]:
    event = message["event"]
    name = event["e"]
    if name == "executionReport":
        name += " stop" if event["o"].startswith("STOP") and event["x"] == "NEW" else f" {event['x']}"
    return f"spot user {name}", event


async def _futures_user(session: aiohttp.ClientSession, paper: PaperServer) -> Messages:
    hold(paper, "futures")
    caller = Caller(paper, paper.open_account(futures={"USDT": "1000"}))
    listen_key = caller.signed("POST /fapi/v1/listenKey")["listenKey"]
    async with session.ws_connect(f"/private/ws?listenKey={listen_key}") as socket:
        _futures_actions(caller)
        wanted = {"ALGO_UPDATE " + what for what in ("NEW", "CANCELED", "TRIGGERING", "TRIGGERED", "FINISHED")}
        wanted |= {"ORDER_TRADE_UPDATE " + what for what in ("NEW", "TRADE", "CALCULATED")}
        wanted |= {"ACCOUNT_UPDATE", "ACCOUNT_CONFIG_UPDATE", "TRADE_LITE"}
        return await _until(socket, {f"futures user {name}" for name in wanted}, _futures_event)


def _futures_actions(caller: Caller) -> None:
    """Trade, trigger a stop, cancel a stop, be liquidated."""
    paper, order, algo = caller.paper, "POST /fapi/v1/order", "POST /fapi/v1/algoOrder"
    caller.signed("POST /fapi/v1/leverage", symbol="BTCUSDT", leverage=50)
    caller.signed(order, **MARKET)
    cancelled = caller.signed(algo, **STOP)
    caller.signed("DELETE /fapi/v1/algoOrder", algoId=cancelled["algoId"])
    caller.signed(algo, **STOP | {"triggerPrice": "49900"})
    paper.set_price("BTCUSDT", "49900", market="futures")
    caller.signed(order, **MARKET | {"quantity": "0.5"})
    paper.set_price("BTCUSDT", "45000", market="futures")


def _futures_event(message: dict[str, Any]) -> tuple[str, Any]:
    name = message["e"]
    if name == "ORDER_TRADE_UPDATE":
        name += f" {message['o']['x']}"
    if name == "ALGO_UPDATE":
        name += f" {message['o']['X']}"
    return f"futures user {name}", message


async def _until(
    socket: aiohttp.ClientWebSocketResponse,
    wanted: set[str],
    read: Callable[[dict[str, Any]], tuple[str, Any]],
) -> Messages:
    """The first message of each wanted kind."""
    found: Messages = {}
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while wanted - found.keys():
                name, event = read(await socket.receive_json())
                found.setdefault(name, event)
    except TimeoutError as error:
        raise AssertionError(f"never came: {wanted - found.keys()}") from error
    return found

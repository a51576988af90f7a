"""The door: from a request to upgrade to a connection that is served until it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from market.paper.engine.types import Market
from market.paper.streams.addresses import APIS, Address, address_of, is_stream_path
from market.paper.streams.api_connection import ApiConnection, Dispatch
from market.paper.streams.connection import Connection
from market.paper.streams.market_connection import MarketConnection

if TYPE_CHECKING:
    from market.paper.exchange import Exchange

__all__ = ["is_stream_path", "serve_stream"]

MAX_MESSAGE_BYTES = 128 * 1024
CLOSE_SECONDS = 1.0


async def serve_stream(request: web.BaseRequest, exchange: Exchange, dispatch: Dispatch) -> web.StreamResponse:
    """Serve a websocket until it ends. ``dispatch`` answers what comes by the WebSocket API.

    Raises ApiError (too many connections, a ban), HTTPBadRequest.
    """
    ip = request.remote or ""
    exchange.venues[_market_of(request)].weights.require_no_ban(ip, exchange.now_ms())
    exchange.hub.attempts.count(ip, asyncio.get_running_loop().time())
    # Frames are written once for all listeners, so they are not compressed for each.
    socket = web.WebSocketResponse(
        timeout=CLOSE_SECONDS, autoping=False, compress=False, max_msg_size=MAX_MESSAGE_BYTES
    )
    await socket.prepare(request)
    transport = request.transport
    if transport is None:
        return socket
    connection = _connection(request, socket, transport, exchange, dispatch)
    exchange.hub.connections.add(connection)
    try:
        await connection.run()
    finally:
        exchange.hub.connections.discard(connection)
        connection.forget()
    return socket


def _connection(
    request: web.BaseRequest,
    socket: web.WebSocketResponse,
    transport: asyncio.Transport,
    exchange: Exchange,
    dispatch: Dispatch,
) -> Connection:
    path, query = request.rel_url.raw_path, request.rel_url.raw_query_string
    if path in APIS:
        limits = "returnRateLimits=false" not in query.split("&")
        ip = request.remote or ""
        return ApiConnection(socket, transport, exchange, dispatch, APIS[path], ip, rate_limits=limits)
    return MarketConnection(socket, transport, exchange.hub, _address_of(request))


def _market_of(request: web.BaseRequest) -> Market:
    return APIS.get(request.rel_url.raw_path) or _address_of(request).market


def _address_of(request: web.BaseRequest) -> Address:
    address = address_of(request.rel_url.raw_path, request.rel_url.raw_query_string)
    assert address is not None, "the caller has asked is_stream_path"
    return address

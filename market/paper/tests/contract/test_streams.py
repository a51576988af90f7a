"""Market and user data streams through every client: what they parse equals what its REST calls say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from market.paper.tests.contract.clients import FUTURES, FUTURES_STREAMS, SPOT, SPOT_STREAMS, FuturesClient, SpotClient
from market.paper.tests.contract.held import PRICE, hold
from market.paper.tests.contract.inbox import Inbox
from market.paper.tests.contract.parsed import (
    Best,
    Candle,
    LastPrice,
    MarkPrice,
    Order,
    Position,
    PublicTrade,
    SpotBalance,
    Wallet,
)
from market.paper.tests.server import PaperServer

BID, ASK = Decimal("49997.50"), Decimal("50002.50")

Scenario = Callable[[Any, Any, Inbox], Awaitable[None]]


@pytest.fixture(params=range(3), ids=[kind.name for kind in SPOT])
def on_spot(request: pytest.FixtureRequest, paper: PaperServer) -> Callable[[Scenario], None]:
    """Run a scenario with the REST client and the streams of a new account."""
    hold(paper, "spot")
    key = paper.open_account(USDT="10000", BTC="1")
    return lambda scenario: play(scenario, paper.url, key, SPOT[request.param], SPOT_STREAMS[request.param])


@pytest.fixture(params=range(3), ids=[kind.name for kind in FUTURES])
def on_futures(request: pytest.FixtureRequest, paper: PaperServer) -> Callable[[Scenario], None]:
    hold(paper, "futures")
    key = paper.open_account(futures={"USDT": "10000"})
    return lambda scenario: play(scenario, paper.url, key, FUTURES[request.param], FUTURES_STREAMS[request.param])


def play(scenario: Scenario, url: str, key: dict[str, Any], kind: Any, streams_kind: Any) -> None:
    async def run() -> None:
        client, inbox = kind(url, key), Inbox()
        streams = streams_kind(url, key, inbox)
        await streams.open()
        try:
            await scenario(client, streams, inbox)
        finally:
            await inbox.close()
            await streams.close()
            client.close()

    asyncio.run(run())


def test_spot_market_streams_say_what_rest_says(on_spot):
    async def scenario(spot: SpotClient, streams: Any, inbox: Inbox) -> None:
        await streams.market("BTCUSDT")

        assert await inbox.first(Best) == Best(BID, ASK)
        assert await inbox.first(LastPrice) == LastPrice(Decimal(PRICE))
        await inbox.first(Candle, lambda candle: is_a_candle_of(spot, candle))
        await inbox.first(PublicTrade, lambda trade: is_a_trade_of(spot, trade))

    on_spot(scenario)


def test_spot_user_stream_tells_orders_and_balances(on_spot):
    async def scenario(spot: SpotClient, streams: Any, inbox: Inbox) -> None:
        await streams.user()

        bought = spot.market_order("BTCUSDT", "BUY", "0.01", client_id="bought")
        resting = spot.limit_order("BTCUSDT", "SELL", "0.1", "60000")
        news = await inbox.first(Order, lambda order: (order.order_id, order.status) == (resting.order_id, "open"))
        assert (news.limit_price, news.quantity, news.filled_quantity) == (Decimal(60_000), Decimal("0.1"), Decimal(0))
        await inbox.first(SpotBalance, lambda found: found.asset == "BTC" and found.balance == spot.balances()["BTC"])
        spot.cancel("BTCUSDT", resting.order_id)

        filled = await inbox.first(Order, lambda order: (order.order_id, order.status) == (bought.order_id, "filled"))
        assert (filled.client_order_id, filled.filled_quantity) == ("bought", Decimal("0.01"))
        assert filled.average_price == ASK
        await inbox.first(Order, lambda order: (order.order_id, order.status) == (resting.order_id, "canceled"))
        for asset, balance in spot.balances().items():
            await inbox.first(SpotBalance, SpotBalance(asset, balance).__eq__)

    on_spot(scenario)


def test_futures_market_streams_say_what_rest_says(on_futures):
    async def scenario(futures: FuturesClient, streams: Any, inbox: Inbox) -> None:
        await streams.market("BTCUSDT")

        assert await inbox.first(Best) == Best(BID, ASK)
        assert await inbox.first(LastPrice) == LastPrice(Decimal(PRICE))
        assert await inbox.first(MarkPrice) == MarkPrice(Decimal(PRICE))
        await inbox.first(Candle, lambda candle: is_a_candle_of(futures, candle))
        await inbox.first(PublicTrade, lambda trade: is_a_trade_of(futures, trade))

    on_futures(scenario)


def test_futures_user_stream_tells_orders_positions_and_the_wallet(on_futures):
    async def scenario(futures: FuturesClient, streams: Any, inbox: Inbox) -> None:
        await streams.user()

        placed = futures.market_order("BTCUSDT", "BUY", "0.1", client_id="bought")

        filled = await inbox.first(Order, lambda order: (order.order_id, order.status) == (placed.order_id, "filled"))
        assert (filled.client_order_id, filled.filled_quantity) == ("bought", Decimal("0.1"))
        assert filled.average_price == ASK
        position = await inbox.first(Position, lambda found: found.amount != 0)
        assert (position.amount, position.entry_price, position.position_side) == (Decimal("0.1"), ASK, "BOTH")
        fee = Decimal("0.1") * ASK * Decimal("0.0005")
        await inbox.first(Wallet, Wallet("USDT", 10_000 - fee).__eq__)

    on_futures(scenario)


def test_futures_user_stream_tells_how_an_algo_order_ends(paper: PaperServer, on_futures):
    async def scenario(futures: FuturesClient, streams: Any, inbox: Inbox) -> None:
        await streams.user()
        futures.market_order("BTCUSDT", "BUY", "0.1")

        stop = futures.stop_order("BTCUSDT", "SELL", "0.1", trigger="49000", client_id="stop")
        news = await inbox.first(Order, lambda order: order.order_id == stop.order_id)
        assert (news.status, news.trigger_price) == ("open", Decimal(49_000))
        paper.set_price("BTCUSDT", "49000", market="futures")

        fired = await inbox.first(
            Order, lambda order: order.client_order_id == "stop" and order.average_price is not None
        )
        assert (fired.status, fired.average_price) == ("filled", Decimal("48997.50"))
        await inbox.first(Position, lambda found: found.amount == 0)

    on_futures(scenario)


def is_a_candle_of(client: Any, candle: Candle) -> bool:
    """A candle is still moving: it begins as REST's does."""
    begins = [(known.open_at, known.open) for known in client.candles("BTCUSDT", limit=3)]
    return (candle.open_at, candle.open) in begins


def is_a_trade_of(client: Any, trade: PublicTrade) -> bool:
    return (trade.price, trade.quantity) in client.trades("BTCUSDT")

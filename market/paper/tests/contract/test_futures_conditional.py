"""Algo orders on futures through every client: stops, take-profits, closing stops, trailing stops."""

from __future__ import annotations

from decimal import Decimal

from market.paper.tests.contract.clients import FuturesClient
from market.paper.tests.contract.waiting import eventually
from market.paper.tests.server import PaperServer


def test_stop_is_an_algo_order_until_it_fires(paper: PaperServer, futures: FuturesClient):
    futures.market_order("BTCUSDT", "BUY", "0.1")

    stop = futures.stop_order("BTCUSDT", "SELL", "0.1", trigger="49000", client_id="stop-1")

    assert (stop.side, stop.status, stop.trigger_price) == ("sell", "open", Decimal(49_000))
    assert (stop.client_order_id, stop.quantity) == ("stop-1", Decimal("0.1"))
    assert futures.open_algo_orders("BTCUSDT") == [stop]
    assert futures.algo_order("BTCUSDT", stop.order_id) == stop
    assert futures.open_orders("BTCUSDT") == []

    paper.set_price("BTCUSDT", "49000", market="futures")

    eventually(lambda: futures.positions("BTCUSDT"), lambda positions: positions == [])
    assert futures.open_algo_orders("BTCUSDT") == []
    # The order that the stop became has the stop's client id.
    fired = futures.order_by_client_id("BTCUSDT", "stop-1")
    assert (fired.status, fired.average_price) == ("filled", Decimal("48997.50"))


def test_take_profit_fires_when_the_price_rises_to_it(paper: PaperServer, futures: FuturesClient):
    futures.market_order("BTCUSDT", "BUY", "0.1")
    order = futures.take_profit_order("BTCUSDT", "SELL", "0.1", trigger="51000")

    assert (order.status, order.trigger_price) == ("open", Decimal(51_000))
    paper.set_price("BTCUSDT", "51000", market="futures")

    eventually(lambda: futures.positions("BTCUSDT"), lambda positions: positions == [])
    assert futures.fills("BTCUSDT")[-1].price == Decimal("50997.40")


def test_closing_stop_closes_whatever_is_held(paper: PaperServer, futures: FuturesClient):
    futures.market_order("BTCUSDT", "SELL", "0.1")
    futures.closing_stop("BTCUSDT", "BUY", trigger="51000")
    futures.market_order("BTCUSDT", "SELL", "0.05")

    paper.set_price("BTCUSDT", "51000", market="futures")

    eventually(lambda: futures.positions("BTCUSDT"), lambda positions: positions == [])
    assert futures.fills("BTCUSDT")[-1].quantity == Decimal("0.15")


def test_trailing_stop_follows_the_price_up_and_fires_on_the_way_down(paper: PaperServer, futures: FuturesClient):
    futures.market_order("BTCUSDT", "BUY", "0.1")
    futures.trailing_stop("BTCUSDT", "SELL", "0.1", percent="1")

    paper.set_price("BTCUSDT", "52000", market="futures")
    paper.set_price("BTCUSDT", "51490", market="futures")  # 0.98 % below the top
    assert len(futures.open_algo_orders("BTCUSDT")) == 1
    paper.set_price("BTCUSDT", "51480", market="futures")  # 1 % below

    eventually(lambda: futures.positions("BTCUSDT"), lambda positions: positions == [])
    assert futures.fills("BTCUSDT")[-1].price == Decimal("51477.40")


def test_cancelled_algo_order_never_fires(paper: PaperServer, futures: FuturesClient):
    futures.market_order("BTCUSDT", "BUY", "0.1")
    stop = futures.stop_order("BTCUSDT", "SELL", "0.1", trigger="49000")

    futures.cancel_algo("BTCUSDT", stop.order_id)
    paper.set_price("BTCUSDT", "48000", market="futures")

    assert futures.open_algo_orders("BTCUSDT") == []
    assert [position.amount for position in futures.positions("BTCUSDT")] == [Decimal("0.1")]

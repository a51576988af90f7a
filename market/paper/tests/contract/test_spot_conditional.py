"""Stops, take-profits, trailing stops and OCO pairs on spot, through every client.

The price is held at 50,000 and then moved; bid and ask lie half a basis point around it.
"""

from __future__ import annotations

from decimal import Decimal

from market.paper.tests.contract.clients import SpotClient
from market.paper.tests.contract.parsed import Balance, Pair
from market.paper.tests.contract.waiting import eventually
from market.paper.tests.server import PaperServer

FEE = Decimal("0.001")


def test_stop_waits_with_its_coins_locked_until_the_price_falls_to_it(paper: PaperServer, spot: SpotClient):
    stop = spot.stop_order("BTCUSDT", "SELL", "0.1", trigger="49000", limit="48500")

    assert spot.order("BTCUSDT", stop.order_id) == stop
    assert (stop.status, stop.trigger_price, stop.limit_price) == ("open", Decimal(49_000), Decimal(48_500))
    assert spot.balances()["BTC"] == Balance(free=Decimal("0.9"), locked=Decimal("0.1"))

    paper.set_price("BTCUSDT", "49010")
    assert spot.order("BTCUSDT", stop.order_id).status == "open"
    paper.set_price("BTCUSDT", "49000")

    filled = eventually(lambda: spot.order("BTCUSDT", stop.order_id), lambda order: order.status == "filled")
    bid = Decimal("48997.55")
    assert filled.average_price == bid
    assert spot.balances() == {
        "BTC": Balance(free=Decimal("0.9"), locked=Decimal(0)),
        "USDT": Balance(free=10_000 + Decimal("0.1") * bid * (1 - FEE), locked=Decimal(0)),
    }


def test_buy_stop_fires_when_the_price_rises_to_it(paper: PaperServer, spot: SpotClient):
    stop = spot.stop_order("BTCUSDT", "BUY", "0.1", trigger="51000", limit="51500")

    assert spot.balances()["USDT"] == Balance(free=Decimal(4_850), locked=Decimal(5_150))
    paper.set_price("BTCUSDT", "51000")

    filled = eventually(lambda: spot.order("BTCUSDT", stop.order_id), lambda order: order.status == "filled")
    assert filled.average_price == Decimal("51002.55")
    assert spot.balances()["USDT"] == Balance(free=10_000 - Decimal("5100.255"), locked=Decimal(0))


def test_take_profit_fires_when_the_price_rises_to_it(paper: PaperServer, spot: SpotClient):
    order = spot.take_profit_order("BTCUSDT", "SELL", "0.1", trigger="51000", limit="50900")

    assert (order.status, order.trigger_price) == ("open", Decimal(51_000))
    paper.set_price("BTCUSDT", "51000")

    filled = eventually(lambda: spot.order("BTCUSDT", order.order_id), lambda order: order.status == "filled")
    assert filled.average_price == Decimal("50997.45")


def test_trailing_stop_follows_the_price_up_and_fires_on_the_way_down(paper: PaperServer, spot: SpotClient):
    order = spot.trailing_stop("BTCUSDT", "SELL", "0.1", limit="45000", percent="1")

    paper.set_price("BTCUSDT", "52000")
    paper.set_price("BTCUSDT", "51490")  # 0.98 % below the top
    assert spot.order("BTCUSDT", order.order_id).status == "open"
    paper.set_price("BTCUSDT", "51480")  # 1 % below

    filled = eventually(lambda: spot.order("BTCUSDT", order.order_id), lambda order: order.status == "filled")
    assert filled.average_price == Decimal("51477.42")


def test_cancelled_stop_gives_its_coins_back(spot: SpotClient):
    stop = spot.stop_order("BTCUSDT", "SELL", "0.1", trigger="49000", limit="48500")

    assert [order.order_id for order in spot.open_orders("BTCUSDT")] == [stop.order_id]
    assert spot.cancel("BTCUSDT", stop.order_id).status == "canceled"
    assert spot.balances()["BTC"] == Balance(free=Decimal(1), locked=Decimal(0))


def test_pair_locks_once_and_its_limit_ends_its_stop(paper: PaperServer, spot: SpotClient):
    pair = spot.oco("BTCUSDT", "SELL", "0.1", take_profit="52000", trigger="49000", limit="48500")

    assert sorted(order.order_id for order in spot.open_orders("BTCUSDT")) == sorted(pair.order_ids)
    assert spot.balances()["BTC"] == Balance(free=Decimal("0.9"), locked=Decimal("0.1"))
    paper.set_price("BTCUSDT", "52010")

    filled = eventually(lambda: ended(spot, pair), lambda found: "open" not in found)
    assert sorted(filled) == ["expired", "filled"]
    assert spot.balances() == {
        "BTC": Balance(free=Decimal("0.9"), locked=Decimal(0)),
        "USDT": Balance(free=10_000 + 5_200 * (1 - FEE), locked=Decimal(0)),
    }


def test_pair_whose_stop_fires_loses_its_limit(paper: PaperServer, spot: SpotClient):
    pair = spot.oco("BTCUSDT", "SELL", "0.1", take_profit="52000", trigger="49000", limit="48500")

    paper.set_price("BTCUSDT", "49000")

    filled = eventually(lambda: ended(spot, pair), lambda found: "open" not in found)
    assert sorted(filled) == ["expired", "filled"]
    assert spot.balances()["USDT"].free == 10_000 + Decimal("4899.755") * (1 - FEE)


def test_cancelled_pair_gives_its_coins_back(spot: SpotClient):
    pair = spot.oco("BTCUSDT", "SELL", "0.1", take_profit="52000", trigger="49000", limit="48500")

    spot.cancel_pair("BTCUSDT", pair)

    assert ended(spot, pair) == ["canceled", "canceled"]
    assert spot.balances()["BTC"] == Balance(free=Decimal(1), locked=Decimal(0))


def ended(spot: SpotClient, pair: Pair) -> list[str]:
    return [spot.order("BTCUSDT", order_id).status for order_id in pair.order_ids]

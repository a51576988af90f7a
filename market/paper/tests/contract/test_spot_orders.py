"""Spot orders through every client: what is bought, for how much, and what is left.

The price is held at 50,000 with a spread of one basis point: 49,997.50 bid, 50,002.50 asked, 100 BTC a level, 5 apart.
Expected amounts are worked out by hand from that and from a fee of 0.1 % on what is received.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from market.paper.tests.contract.clients import SpotClient
from market.paper.tests.contract.parsed import Balance, Fill, Rules
from market.paper.tests.contract.waiting import eventually, next_step
from market.paper.tests.server import PaperServer

BID, ASK = Decimal("49997.50"), Decimal("50002.50")
WHOLE = Balance(free=Decimal(10_000), locked=Decimal(0))


def test_loaded_markets_know_the_rules_of_a_symbol(spot: SpotClient):
    rules = spot.rules("BTCUSDT")

    assert rules == Rules(
        tick_size=Decimal("0.01"),
        step_size=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
        min_notional=Decimal(5),
    )


def test_candles_are_those_of_the_recording(spot: SpotClient, recorded_candles: list[tuple[Decimal, ...]]):
    candles = spot.candles("BTCUSDT", limit=100)

    closed = [(candle.open, candle.high, candle.low, candle.close, candle.volume) for candle in candles[:-1]]
    begin = recorded_candles.index(closed[0])
    assert closed == recorded_candles[begin : begin + 99]
    assert {later.open_at - earlier.open_at for earlier, later in pairwise(candles)} == {timedelta(minutes=1)}


def test_best_prices_lie_half_a_spread_around_the_last(spot: SpotClient):
    assert spot.last_price("BTCUSDT") == 50_000
    assert spot.best("BTCUSDT") == (BID, ASK)
    assert spot.asks("BTCUSDT", 5)[:2] == [(ASK, Decimal(100)), (ASK + 5, Decimal(100))]


def test_market_buy_costs_the_ask_and_pays_its_fee_in_what_it_buys(spot: SpotClient):
    order = spot.market_order("BTCUSDT", "BUY", "0.01")

    assert (order.side, order.status, order.quantity, order.filled_quantity) == ("buy", "filled", D("0.01"), D("0.01"))
    assert order.average_price == ASK
    assert spot.balances() == {
        "BTC": Balance(free=D("1.00999"), locked=D(0)),
        "USDT": Balance(free=D("9499.975"), locked=D(0)),
    }
    assert spot.fills("BTCUSDT") == [
        Fill(order.order_id, "buy", ASK, D("0.01"), commission=D("0.00001"), commission_asset="BTC", is_maker=False)
    ]


def test_market_sell_gets_the_bid_and_pays_its_fee_in_quote(spot: SpotClient):
    order = spot.market_order("BTCUSDT", "SELL", "0.02")

    assert (order.side, order.status, order.average_price) == ("sell", "filled", BID)
    assert spot.balances() == {
        "BTC": Balance(free=D("0.98"), locked=D(0)),
        "USDT": Balance(free=D("10998.95005"), locked=D(0)),  # 999.95 received, less 0.1 %
    }


def test_market_buy_for_an_amount_of_quote_buys_whole_steps(spot: SpotClient):
    order = spot.market_order_worth("BTCUSDT", "BUY", "500")

    assert (order.status, order.filled_quantity, order.average_price) == ("filled", D("0.00999"), ASK)
    assert spot.balances()["USDT"].free == D("10000") - D("0.00999") * ASK


def test_large_market_order_walks_the_book(paper: PaperServer, spot: SpotClient):
    next_step(paper)
    paper.set_book("BTCUSDT", level_quote="5000", levels=3)
    levels = spot.asks("BTCUSDT", 5)

    order = spot.market_order("BTCUSDT", "BUY", "0.15")

    assert levels == [(ASK, D("0.1")), (ASK + 5, D("0.1")), (ASK + 10, D("0.1"))]
    assert order.filled_quantity == D("0.15")
    assert close_to(order.average_price, (ASK * D("0.1") + (ASK + 5) * D("0.05")) / D("0.15"))


def test_limit_order_rests_locks_money_and_gives_it_back_when_cancelled(spot: SpotClient):
    placed = spot.limit_order("BTCUSDT", "BUY", "0.1", "49000", client_id="resting-1")

    assert (placed.status, placed.filled_quantity, placed.limit_price) == ("open", D(0), D(49_000))
    assert placed.client_order_id == "resting-1"
    assert spot.balances()["USDT"] == Balance(free=D(5_100), locked=D(4_900))
    assert spot.open_orders("BTCUSDT") == [placed]
    assert spot.order_by_client_id("BTCUSDT", "resting-1") == placed

    cancelled = spot.cancel("BTCUSDT", placed.order_id)

    assert (cancelled.order_id, cancelled.status, cancelled.filled_quantity) == (placed.order_id, "canceled", D(0))
    assert spot.order("BTCUSDT", placed.order_id).status == "canceled"
    assert spot.open_orders("BTCUSDT") == []
    assert spot.balances()["USDT"] == WHOLE


def test_resting_order_fills_as_maker_at_its_own_price(paper: PaperServer, spot: SpotClient):
    placed = spot.limit_order("BTCUSDT", "BUY", "0.1", "49000")

    paper.set_price("BTCUSDT", "48900")

    filled = eventually(lambda: spot.order("BTCUSDT", placed.order_id), lambda order: order.status == "filled")
    assert filled.average_price == 49_000
    assert spot.balances() == {
        "BTC": Balance(free=D("1.0999"), locked=D(0)),
        "USDT": Balance(free=D(5_100), locked=D(0)),
    }
    assert spot.fills("BTCUSDT") == [
        Fill(placed.order_id, "buy", D(49_000), D("0.1"), commission=D("0.0001"), commission_asset="BTC", is_maker=True)
    ]


def test_immediate_or_cancel_takes_what_is_there(paper: PaperServer, spot: SpotClient):
    next_step(paper)
    paper.set_book("BTCUSDT", level_quote="5000", levels=3)

    order = spot.limit_order("BTCUSDT", "BUY", "0.15", "50002.50", time_in_force="IOC")

    assert (order.status, order.filled_quantity, order.average_price) == ("expired", D("0.1"), ASK)
    assert spot.balances()["USDT"] == Balance(free=D(10_000) - D("0.1") * ASK, locked=D(0))


def test_fill_or_kill_that_cannot_fill_expires_whole(paper: PaperServer, spot: SpotClient):
    order = spot.limit_order("BTCUSDT", "BUY", "0.1", "49000", time_in_force="FOK")

    assert (order.status, order.filled_quantity) == ("expired", D(0))
    assert spot.balances()["USDT"] == WHOLE


def test_client_order_id_of_a_filled_order_may_be_used_again(spot: SpotClient):
    first = spot.market_order("BTCUSDT", "BUY", "0.01", client_id="twice")
    second = spot.market_order("BTCUSDT", "BUY", "0.01", client_id="twice")

    assert first.order_id != second.order_id
    assert [fill.order_id for fill in spot.fills("BTCUSDT")] == [first.order_id, second.order_id]


def test_generated_client_order_id_finds_the_order(spot: SpotClient):
    placed = spot.market_order("BTCUSDT", "BUY", "0.01")

    assert re.fullmatch("[a-zA-Z0-9-_]{1,36}", placed.client_order_id)
    assert spot.order_by_client_id("BTCUSDT", placed.client_order_id).order_id == placed.order_id


def D(text: str | int) -> Decimal:  # noqa: N802 - expected amounts stay readable
    return Decimal(text)


def close_to(value: Decimal | None, expected: Decimal) -> bool:
    """Equal but for the digits that a client's own division leaves."""
    return value is not None and value == pytest.approx(expected, abs=Decimal("0.000001"))

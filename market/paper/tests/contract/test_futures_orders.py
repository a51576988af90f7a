"""Futures orders and positions through every client.

The price is held at 50,000 with a spread of one basis point: 49,997.50 bid, 50,002.50 asked; the tick is 0.10. Fees are
0.05 % for takers and 0.02 % for makers, in USDT. Expected amounts are worked out by hand from that.
"""

from __future__ import annotations

from decimal import Decimal

from market.paper.tests.contract.clients import FuturesClient
from market.paper.tests.contract.parsed import Fill, Position
from market.paper.tests.contract.waiting import eventually, next_step
from market.paper.tests.server import PaperServer

BID, ASK = Decimal("49997.50"), Decimal("50002.50")
MARK = Decimal(50_000)
TAKER, MAKER = Decimal("0.0005"), Decimal("0.0002")
START = Decimal(10_000)


def test_loaded_markets_know_the_rules_of_a_symbol(futures: FuturesClient):
    rules = futures.rules("BTCUSDT")

    assert (rules.tick_size, rules.step_size, rules.min_quantity) == (D("0.10"), D("0.001"), D("0.001"))
    assert rules.min_notional == 100


def test_candles_are_those_of_the_recording(
    futures: FuturesClient, recorded_futures_candles: list[tuple[Decimal, ...]]
):
    candles = futures.candles("BTCUSDT", limit=100)

    closed = [(candle.open, candle.high, candle.low, candle.close, candle.volume) for candle in candles[:-1]]
    begin = recorded_futures_candles.index(closed[0])
    assert closed == recorded_futures_candles[begin : begin + 99]


def test_best_prices_lie_half_a_spread_around_the_last(futures: FuturesClient):
    assert futures.last_price("BTCUSDT") == 50_000
    assert futures.mark_price("BTCUSDT") == MARK
    assert futures.best("BTCUSDT") == (BID, ASK)
    assert futures.asks("BTCUSDT", 5)[:2] == [(ASK, Decimal(100)), (ASK + 5, Decimal(100))]


def test_answer_to_a_market_order_tells_no_price_but_a_query_does(futures: FuturesClient):
    placed = futures.market_order("BTCUSDT", "BUY", "0.1")

    assert (placed.side, placed.status, placed.filled_quantity) == ("buy", "filled", D("0.1"))
    assert placed.average_price is None  # absent from answers since 2026-06-30
    assert futures.order("BTCUSDT", placed.order_id).average_price == ASK


def test_long_position_is_worth_the_way_from_its_entry_to_the_mark(futures: FuturesClient):
    order = futures.market_order("BTCUSDT", "BUY", "0.1")

    fee = D("0.1") * ASK * TAKER
    lost = D("0.1") * (MARK - ASK)
    assert futures.positions("BTCUSDT") == [
        Position(amount=D("0.1"), entry_price=ASK, unrealized_pnl=lost, position_side="BOTH")
    ]
    assert futures.balance() == START - fee + lost
    assert futures.fills("BTCUSDT") == [
        Fill(order.order_id, "buy", ASK, D("0.1"), commission=fee, commission_asset="USDT", is_maker=False)
    ]


def test_short_position_gains_when_the_price_falls(paper: PaperServer, futures: FuturesClient):
    futures.market_order("BTCUSDT", "SELL", "0.1")

    paper.set_price("BTCUSDT", "49000", market="futures")

    assert futures.positions("BTCUSDT") == [
        Position(amount=D("-0.1"), entry_price=BID, unrealized_pnl=D("0.1") * (BID - 49_000), position_side="BOTH")
    ]


def test_closed_position_has_booked_its_result(futures: FuturesClient):
    futures.market_order("BTCUSDT", "BUY", "0.1")
    futures.market_order("BTCUSDT", "SELL", "0.1", reduce_only=True)

    assert futures.positions("BTCUSDT") == []
    assert futures.balance() == START - D("0.1") * (ASK - BID) - D("0.1") * (ASK + BID) * TAKER
    assert futures.available() == futures.balance()


def test_leverage_decides_how_much_margin_an_order_takes(futures: FuturesClient):
    assert futures.set_leverage("BTCUSDT", 10) == 10

    futures.limit_order("BTCUSDT", "BUY", "0.1", "40000")

    assert futures.available() == START - D("0.1") * 40_000 / 10
    assert futures.balance() == START


def test_limit_order_rests_and_frees_its_margin_when_cancelled(futures: FuturesClient):
    placed = futures.limit_order("BTCUSDT", "BUY", "0.1", "49000", client_id="resting-1")

    assert (placed.status, placed.limit_price, placed.client_order_id) == ("open", D(49_000), "resting-1")
    assert futures.open_orders("BTCUSDT") == [placed]
    assert futures.order_by_client_id("BTCUSDT", "resting-1") == placed

    cancelled = futures.cancel("BTCUSDT", placed.order_id)

    assert (cancelled.order_id, cancelled.status, cancelled.filled_quantity) == (placed.order_id, "canceled", D(0))
    assert futures.open_orders("BTCUSDT") == []
    assert futures.available() == START


def test_resting_order_fills_as_maker_at_its_own_price(paper: PaperServer, futures: FuturesClient):
    placed = futures.limit_order("BTCUSDT", "BUY", "0.1", "49000")

    paper.set_price("BTCUSDT", "48900", market="futures")

    filled = eventually(lambda: futures.order("BTCUSDT", placed.order_id), lambda order: order.status == "filled")
    assert filled.average_price == 49_000
    assert futures.fills("BTCUSDT") == [
        Fill(
            placed.order_id,
            "buy",
            D(49_000),
            D("0.1"),
            commission=4_900 * MAKER,
            commission_asset="USDT",
            is_maker=True,
        )
    ]


def test_large_market_order_walks_the_book(paper: PaperServer, futures: FuturesClient):
    next_step(paper)
    paper.set_book("BTCUSDT", market="futures", level_quote="5000", levels=3)

    placed = futures.market_order("BTCUSDT", "BUY", "0.15")

    filled = [(fill.price, fill.quantity) for fill in futures.fills("BTCUSDT")]
    assert filled == [(ASK, D("0.1")), (ASK + 5, D("0.05"))]
    assert placed.filled_quantity == D("0.15")


def test_hedge_mode_holds_a_long_and_a_short_position_at_once(futures: FuturesClient):
    futures.set_hedge_mode(True)
    assert futures.hedge_mode()

    futures.hedge_order("BTCUSDT", "BUY", "0.1", "LONG")
    futures.hedge_order("BTCUSDT", "SELL", "0.05", "SHORT")

    held = {
        position.position_side: (position.amount, position.entry_price) for position in futures.positions("BTCUSDT")
    }
    assert held == {"LONG": (D("0.1"), ASK), "SHORT": (D("-0.05"), BID)}


def test_isolated_margin_can_be_chosen_while_flat(futures: FuturesClient):
    futures.set_margin_type("BTCUSDT", "ISOLATED")

    futures.market_order("BTCUSDT", "BUY", "0.1")

    assert [position.amount for position in futures.positions("BTCUSDT")] == [D("0.1")]


def test_client_order_id_of_a_filled_order_may_be_used_again(futures: FuturesClient):
    first = futures.market_order("BTCUSDT", "BUY", "0.01", client_id="twice")
    second = futures.market_order("BTCUSDT", "BUY", "0.01", client_id="twice")

    assert [fill.order_id for fill in futures.fills("BTCUSDT")] == [first.order_id, second.order_id]


def D(text: str | int) -> Decimal:  # noqa: N802 - expected amounts stay readable
    return Decimal(text)

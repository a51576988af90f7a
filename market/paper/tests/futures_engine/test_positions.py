"""Positions: entry, profit, both position modes, what only reduces."""

from __future__ import annotations

from decimal import Decimal

import pytest

from market.paper.engine.amounts import units
from market.paper.engine.types import Rejected
from market.paper.tests.futures_engine.desk import BTC, NOON, desk


def code_of(call, *values, **changes) -> int:
    with pytest.raises(Rejected) as caught:
        call(*values, **changes)
    return caught.value.code


def hedged(usdt: str = "10000"):
    made = desk(usdt)
    made.engine.set_hedge_mode(1, True)
    return made


def test_the_entry_price_is_the_average_of_what_was_bought():
    made = desk()
    made.place("BUY", "0.1")
    made.market("103000")
    made.place("BUY", "0.2")
    # 0.1 at 100000.1 and 0.2 at 103000.1
    assert made.position("quantity") == Decimal("0.3")
    assert made.position("entry_price") == Decimal("102000.1")
    assert made.position("unrealized") == Decimal("299.97")


def test_closing_a_part_realises_its_profit_and_keeps_the_entry_price():
    made = desk()
    made.place("BUY", "0.3")
    made.market("101000")

    _, (fill,) = made.engine.place(*made.order("SELL", "0.1"))

    assert fill.realized_pnl == units("99.98")
    assert made.position("quantity") == Decimal("0.2")
    assert made.position("entry_price") == Decimal("100000.1")


def test_an_entry_price_with_many_decimals_survives_partial_closes():
    made = desk("100000")
    made.market("100000", level_qty=units("0.1"))
    made.place("BUY", "0.3")
    made.market("100000.1", level_qty=units("0.1"))
    made.place("BUY", "0.4")
    entry = made.position("entry_price")
    for _ in range(6):
        made.market("100000")
        made.place("SELL", "0.1")
    assert made.position("entry_price") == entry


def test_a_short_position_earns_when_the_price_falls():
    made = desk()
    made.place("SELL", "0.1")
    assert made.position("quantity") == Decimal("-0.1")
    made.market("99000")
    assert made.position("unrealized") == Decimal("99.99")
    _, (fill,) = made.engine.place(*made.order("BUY", "0.1"))
    assert fill.realized_pnl == units("99.98")
    assert made.position("quantity") == 0


def test_an_order_beyond_the_position_turns_it():
    made = desk()
    made.place("BUY", "0.1")
    made.market("101000")
    _, (fill,) = made.engine.place(*made.order("SELL", "0.15"))
    assert fill.realized_pnl == units("99.98")
    assert made.position("quantity") == Decimal("-0.05")
    assert made.position("entry_price") == Decimal("100999.9")


def test_a_turn_needs_no_more_margin_than_the_larger_side():
    made = desk("1000")
    made.place("BUY", "0.15")
    assert code_of(made.place, "BUY", "0.1") == -2019
    assert made.place("SELL", "0.3").status == "FILLED"


def test_the_wallet_is_what_was_deposited_and_earned_less_commissions():
    made = desk()
    made.place("BUY", "0.1")
    made.market("101000")
    made.place("SELL", "0.1")
    # 0.05 % of 10000.01 and of 10099.99, profit 99.98
    assert made.wallet() == Decimal(10000) + Decimal("99.98") - Decimal("5.000005") - Decimal("5.049995")


def test_the_break_even_price_brings_the_commissions_back():
    made = desk()
    made.place("BUY", "0.1")
    assert made.position("break_even_price") == Decimal("100050.10005")
    made.place("SELL", "0.1")
    made.place("SELL", "0.1")
    assert made.position("break_even_price") == Decimal("99949.90005")


def test_the_break_even_price_counts_what_a_part_has_earned():
    made = desk()
    made.place("BUY", "0.2")
    made.market("101000")
    made.place("SELL", "0.1")
    # 10.00001 and 5.049995 of commission, 99.98 of profit, over the 0.1 that is left
    assert made.position("break_even_price") == Decimal("100000.1") - Decimal("849.29995")


def test_reduce_only_is_refused_without_a_position_and_when_it_would_add():
    made = desk()
    assert code_of(made.place, "SELL", "0.1", reduce_only=True) == -2022
    made.place("BUY", "0.1")
    assert code_of(made.place, "BUY", "0.1", reduce_only=True) == -2022


def test_a_reduce_only_order_is_cut_to_the_position():
    made = desk()
    made.place("BUY", "0.1")
    order = made.place("SELL", "0.5", reduce_only=True)
    assert (order.status, order.orig_qty, order.executed_qty) == ("FILLED", units("0.1"), units("0.1"))
    assert made.position() == 0


def test_a_resting_reduce_only_order_is_cut_when_it_is_filled():
    made = desk()
    made.place("BUY", "0.3")
    order = made.place("SELL", "0.3", "101000", reduce_only=True)
    made.place("SELL", "0.2")
    assert order.orig_qty == units("0.3")

    made.market("101000")

    assert (order.status, order.executed_qty, order.orig_qty) == ("FILLED", units("0.1"), units("0.1"))
    assert made.position() == 0


def test_reduce_only_orders_go_with_their_position():
    made = desk()
    made.place("BUY", "0.1")
    reducer = made.place("SELL", "0.1", "101000", reduce_only=True)
    other = made.place("SELL", "0.1", "102000")
    made.place("SELL", "0.1")
    assert (reducer.status, other.status) == ("EXPIRED", "NEW")


def test_reduce_only_needs_no_margin():
    made = desk("1000")
    made.place("BUY", "0.19")
    assert code_of(made.place, "SELL", "0.5", "101000") == -2019
    assert made.place("SELL", "0.19", "101000", reduce_only=True).status == "NEW"


@pytest.mark.parametrize("position_side", ["LONG", "SHORT"])
def test_one_way_mode_knows_no_sides(position_side):
    assert code_of(desk().place, "BUY", "0.1", position_side=position_side) == -4061


def test_hedge_mode_wants_a_side():
    assert code_of(hedged().place, "BUY", "0.1") == -4061


def test_hedge_mode_takes_no_reduce_only():
    made = hedged()
    made.place("BUY", "0.1", position_side="LONG")
    assert code_of(made.place, "SELL", "0.1", position_side="LONG", reduce_only=True) == -1106


def test_in_hedge_mode_both_sides_are_held_at_once():
    made = hedged()
    made.place("BUY", "0.1", position_side="LONG")
    made.place("SELL", "0.05", position_side="SHORT")
    made.market("101000")
    assert made.position("quantity", "LONG") == Decimal("0.1")
    assert made.position("quantity", "SHORT") == Decimal("-0.05")
    assert made.position("unrealized", "LONG") == Decimal("99.99")
    assert made.position("unrealized", "SHORT") == Decimal("-50.005")


def test_in_hedge_mode_the_other_side_only_closes():
    made = hedged()
    assert code_of(made.place, "SELL", "0.1", position_side="LONG") == -2022
    made.place("BUY", "0.1", position_side="LONG")
    order = made.place("SELL", "0.2", position_side="LONG")
    assert (order.status, order.executed_qty) == ("FILLED", units("0.1"))
    assert made.position("quantity", "LONG") == 0


def test_the_position_mode_changes_only_without_orders_and_positions():
    made = desk()
    change = made.engine.set_hedge_mode
    assert code_of(change, 1, False) == -4059
    order = made.place("BUY", "0.01", "99000")
    assert code_of(change, 1, True) == -4067
    made.engine.cancel(order, NOON)
    algo = made.algo("STOP_MARKET", "BUY", "110000")
    assert code_of(change, 1, True) == -4067
    made.engine.cancel_algo(algo, NOON)
    made.place("BUY", "0.01")
    assert code_of(change, 1, True) == -4068
    made.place("SELL", "0.01")
    change(1, True)
    assert made.engine.account_config(1).hedge_mode


def test_only_what_is_held_or_has_orders_is_shown_where_only_that_is_asked_for():
    made = desk()
    assert made.engine.positions(1, only_held=True) == []
    assert len(made.engine.positions(1)) == 4
    made.place("BUY", "0.01", "99000")
    (view,) = made.engine.positions(1, only_held=True)
    assert (view.symbol, view.side, view.quantity, view.bid_notional) == (BTC, "BOTH", 0, units("990"))


def test_profit_smaller_than_the_last_digit_is_not_lost():
    """Prices and quantities whose product has more than eight decimals: the rest waits for the next profit."""
    made = desk()
    position_of = made.engine._floor.stake(1, BTC).position
    made.market("100000", gap=1, bid=units("100000.00000001"), ask=units("100000.00000003"))
    for _ in range(100):
        made.place("BUY", "0.002")
        made.place("SELL", "0.002")
    # A hundred times 0.002 x 0.00000002 was lost: 0.000000004.
    held = position_of("BOTH")
    assert held.realized * 10**8 + held.residue == -100 * 2 * units("0.002")
    made.place("BUY", "0.002")
    assert made.restarted().engine.state() == made.engine.state()

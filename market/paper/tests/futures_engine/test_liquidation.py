"""Liquidation: when, of what, at whose expense."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.paper.engine.amounts import SCALE, units
from market.paper.tests.futures_engine.desk import BTC, ETH, NOON, desk
from market.paper.tests.futures_engine.laws import check_nobody_is_overdue


def held(margin_type: str = "CROSSED", side: str = "BUY", usdt: str = "1000", quantity: str = "0.1"):
    made = desk(usdt)
    if margin_type == "ISOLATED":
        made.engine.set_margin_type(1, BTC, "ISOLATED", NOON)
    made.place(side, quantity)
    return made


@pytest.mark.parametrize("margin_type", ["CROSSED", "ISOLATED"])
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_position_is_liquidated_at_the_price_that_was_shown_and_not_before(margin_type, side):
    made = held(margin_type, side)
    price = int(made.position("liquidation_price") * SCALE)
    tenth, away = units("0.1"), 1 if side == "BUY" else -1
    price = price // tenth * tenth

    made.market(price + 2 * away * tenth)
    assert made.position() != 0

    made.market(price - away * tenth)
    assert made.position() == 0


def test_the_liquidation_price_is_where_margin_balance_and_maintenance_meet():
    made = held("ISOLATED")
    # (margin - entry cost) / (quantity x (0.4 % - 1))
    expected = (Decimal("500.0005") - Decimal("10000.01")) / (Decimal("0.1") * (Decimal("0.004") - 1))
    assert abs(made.position("liquidation_price") - expected) < Decimal("0.00000001")


def test_a_position_without_leverage_has_no_liquidation_price_below_zero():
    assert held("CROSSED", usdt="100000").position("liquidation_price") == 0


def test_only_the_mark_price_liquidates():
    made = held("ISOLATED")
    made.market("90000", mark="100000")
    assert made.position() != 0
    made.market("100000", mark="90000")
    assert made.position() == 0


def test_an_isolated_position_loses_its_margin_and_no_more():
    made = held("ISOLATED", usdt="10000")
    before = made.asset("cross_wallet")
    made.market("80000")
    assert made.position() == 0
    assert made.asset("cross_wallet") == made.asset("wallet_balance") == before


def test_the_insurance_fund_takes_its_fee_of_what_is_left():
    made = held("ISOLATED", usdt="10000")
    before = made.asset("cross_wallet")
    price = made.position("liquidation_price")
    made.market(str(price.quantize(Decimal("0.1"))), mark=int(price * SCALE) - 1)
    # Less was left (the maintenance margin, 0.4 %) than the fee (1.25 %): it takes all.
    assert made.asset("cross_wallet") == before
    ((fee,),) = made.rows("SELECT income FROM futures_incomes WHERE income_type = 'INSURANCE_CLEAR'")
    assert -Decimal(39) < Decimal(fee) < -Decimal(37)


def test_a_crossed_account_never_owes():
    made = held(usdt="1000")
    made.market("50000")
    assert (made.position(), made.wallet()) == (0, 0)
    ((paid,),) = made.rows("SELECT income FROM futures_incomes WHERE income_type = 'INSURANCE_CLEAR'")
    assert Decimal(paid) > 4000


def test_the_order_that_liquidates_is_one_of_the_exchange():
    made = held("ISOLATED")
    made.market("90000")
    ((client_id, kind, tif, status, price),) = made.rows(
        "SELECT client_order_id, type, time_in_force, status, price FROM orders WHERE client_order_id LIKE 'auto%'"
    )
    assert client_id.startswith("autoclose-")
    assert (kind, tif, status, price) == ("LIMIT", "IOC", "FILLED", "90000.00000000")


def test_open_orders_go_first():
    made = held("CROSSED")
    mine = [made.place("BUY", "0.01", "85000", symbol=BTC), made.place("BUY", "0.1", "3000", symbol=ETH)]
    made.market("90000")
    assert {order.status for order in mine} == {"CANCELED"}


def test_an_isolated_liquidation_leaves_the_orders_of_other_symbols():
    made = held("ISOLATED")
    gone, stays = made.place("BUY", "0.01", "85000"), made.place("BUY", "0.1", "3800", symbol=ETH)
    made.market("90000")
    assert (gone.status, stays.status) == ("CANCELED", "NEW")


def test_the_profit_of_one_crossed_position_keeps_another():
    made = held("CROSSED")
    made.place("BUY", "2", symbol=ETH)
    made.market("4500", ETH)
    made.market("91000")
    assert made.position() == Decimal("0.1")
    made.market("3900", ETH)
    assert made.position() == 0


def test_the_position_that_needs_most_margin_goes_first_and_the_rest_may_stay():
    made = desk("2200000")
    made.market("100000", level_qty=units("1000"))
    for _ in range(4):
        made.place("BUY", "100")
    made.place("BUY", "1", symbol=ETH)
    price = int(made.position("liquidation_price") * SCALE) // units("0.1") * units("0.1")
    made.market(price)
    assert made.position() == 0
    assert made.position(symbol=ETH) == 1


def test_nobody_is_liquidated_before_all_prices_are_known_after_a_restart():
    made = held("CROSSED")
    made.place("SELL", "2", symbol=ETH)
    made.market("3500", ETH)
    made.market("91000")
    again = made.restarted()
    again.engine.on_quote(BTC, again.quotes[BTC], again.now_ms)
    assert again.position() == Decimal("0.1")
    again.engine.on_quote(ETH, again.quotes[ETH], again.now_ms)
    assert again.position() == Decimal("0.1")


def test_whoever_could_not_be_looked_at_is_looked_at_when_all_prices_are_known():
    made = held("CROSSED")
    made.place("SELL", "2", symbol=ETH)
    again = made.restarted()
    again.market("91000")
    assert again.position() == Decimal("0.1")
    again.market("4100", ETH)
    assert again.position() == 0


def test_a_restart_finds_who_is_near():
    again = held("ISOLATED").restarted()
    again.market("90000")
    assert again.position() == 0


def test_nobody_is_liquidated_while_the_symbol_pauses():
    made = held("ISOLATED")
    made.engine.set_status(BTC, "BREAK")
    made.market("90000")
    assert made.position() != 0
    made.engine.set_status(BTC, "TRADING")
    made.market("90000")
    assert made.position() == 0


def test_a_price_that_nobody_is_near_looks_at_nobody():
    made = desk()
    for account_id in range(2, 52):
        made.engine.deposit(account_id, "USDT", units("10000"), NOON)
        made.place("BUY", "0.01", account_id=account_id)
    made.market("100000")
    looked = []
    made.engine._liquidator._check = lambda portfolio, now_ms: looked.append(portfolio) or []
    for price in ("100010", "99000", "101000", "98000"):
        made.market(price)
    assert looked == []


@given(
    st.lists(st.tuples(st.sampled_from([BTC, ETH]), st.integers(-15, 15)), min_size=1, max_size=40),
    st.sampled_from(["BUY", "SELL"]),
    st.sampled_from(["BUY", "SELL"]),
)
def test_watching_prices_finds_what_looking_at_everybody_would_find(moves, btc, eth):
    """The watch may wake too early but never too late: after each price nobody is left below maintenance."""
    made = desk("1000")
    made.market("100000")
    made.market("4000", ETH)
    made.place(btc, "0.08")
    made.place(eth, "2", symbol=ETH)
    for symbol, permille in moves:
        made.market(made.quotes[symbol].last * (1000 + permille) // 1000 // units("0.1") * units("0.1"), symbol)
        check_nobody_is_overdue(made)


def test_a_margin_call_comes_once_before_the_liquidation():
    made = held("ISOLATED")
    made.journal.watched.add(1)
    made.market("95400")
    (call,) = made.news("MARGIN_CALL")
    ((symbol, side, quantity, margin_type, wallet, mark, unrealized, maintenance),) = call.details["positions"]
    assert (symbol, side, quantity, margin_type) == (BTC, "BOTH", units("0.1"), "ISOLATED")
    assert (wallet, mark, unrealized) == (units("500.0005"), units("95400"), units("-460.01"))
    assert maintenance == units("38.16")
    made.market("95401")
    assert made.news("MARGIN_CALL") == []


@pytest.mark.parametrize(("price", "calls"), [("95500", 0), ("95470", 1)])
def test_a_margin_call_comes_when_maintenance_is_four_fifths_of_the_margin_balance(price, calls):
    made = held("ISOLATED")
    made.journal.watched.add(1)
    # 38.2 of 49.99, and 38.188 of 46.99
    made.market(price)
    assert len(made.news("MARGIN_CALL")) == calls


def test_who_trades_all_day_does_not_fill_the_memory():
    made = desk("100000")
    for number in range(3000):
        made.place("BUY" if number % 2 else "SELL", "0.01")
        made.market("100000")
    watch = made.engine._liquidator._watches[BTC]
    assert len(watch._rising) + len(watch._falling) < 1100

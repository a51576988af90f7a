"""Margin: what orders and positions use, leverage and its brackets, cross and isolated."""

from __future__ import annotations

from decimal import Decimal

import pytest

from market.paper.engine.amounts import units
from market.paper.engine.types import Rejected
from market.paper.tests.futures_engine.desk import BTC, ETH, NOON, RULES, desk


def refused(call, *values, **changes) -> tuple[int, str]:
    with pytest.raises(Rejected) as caught:
        call(*values, **changes)
    return caught.value.code, caught.value.msg


def isolated(usdt: str = "10000"):
    made = desk(usdt)
    made.engine.set_margin_type(1, BTC, "ISOLATED", NOON)
    return made


def modified(made, order, quantity: str, price: str):
    quote = made.quotes[order.symbol]
    return made.engine.modify(order, order.side, units(quantity), units(price), quote, made.now_ms)


def test_an_order_needs_its_notional_divided_by_the_leverage():
    made = desk("1000")
    assert refused(made.place, "BUY", "0.201", "99900") == (-2019, "Margin is insufficient.")
    assert made.place("BUY", "0.2", "99900").status == "NEW"
    assert made.asset("initial_margin") == Decimal(999)
    assert made.asset("available") == Decimal(1)


def test_open_orders_on_both_sides_use_the_margin_of_the_larger_one():
    made = desk("1000")
    made.place("BUY", "0.15", "99900")
    made.place("SELL", "0.15", "100100")
    assert made.asset("open_order_margin") == Decimal("750.75")


def test_an_order_against_the_position_uses_no_margin_until_it_is_larger():
    made = desk("1000")
    made.place("BUY", "0.1")
    used = made.asset("initial_margin")
    made.place("SELL", "0.2", "100100")
    assert made.asset("initial_margin") - used < Decimal(2)
    assert refused(made.place, "SELL", "0.2", "100100")[0] == -2019


def test_a_cancelled_order_gives_its_margin_back():
    made = desk("1000")
    order = made.place("BUY", "0.2", "99900")
    made.engine.cancel(order, made.now_ms)
    assert made.asset("available") == Decimal(1000)


def test_a_loss_lessens_what_is_available_and_a_profit_adds_to_it():
    made = desk("1000")
    made.place("BUY", "0.1")
    made.market("101000")
    assert made.asset("margin_balance") == Decimal(1000) - Decimal("5.000005") + Decimal("99.99")
    assert made.asset("available") == made.asset("margin_balance") - Decimal(505)
    made.market("99000")
    assert made.asset("available") == Decimal(1000) - Decimal("5.000005") - Decimal("100.01") - Decimal(495)


def test_profit_that_is_not_realised_cannot_be_taken_away():
    made = desk("1000")
    made.place("BUY", "0.1")
    made.market("105000")
    assert made.asset("max_withdraw") == Decimal(1000) - Decimal("5.000005") - Decimal(525)
    assert refused(made.engine.deposit, 1, "USDT", -units("470"), NOON) == (-2018, "Balance is insufficient.")
    made.engine.deposit(1, "USDT", -units("469"), NOON)
    assert made.wallet() == Decimal(531) - Decimal("5.000005")


def test_an_order_that_loses_at_once_needs_that_too():
    made = desk("5000")
    made.market("100000", mark="96000")
    # 1 BTC at 20x: margin 5000.005, and 4000 above the mark price
    assert refused(made.place, "BUY", "0.6")[0] == -2019
    assert made.place("BUY", "0.5").status == "FILLED"


@pytest.mark.parametrize(("quantity", "price"), [("0.5", "90000"), ("4.4", "90000")])
def test_an_order_cannot_be_modified_to_what_would_be_refused_anew(quantity, price):
    made = desk()
    made.engine.set_leverage(1, BTC, 50, NOON)
    made.market("104000", mark="100000")
    order = made.place("BUY", quantity, price)
    before = repr(made.engine.state())
    # 4 BTC at 4000 above the mark price lose 16,000; 3.7 BTC have less notional than 4.4 at 90,000, and lose 14,800.
    assert refused(made.place, "BUY", "4", "104100")[0] == -2019
    for wanted in ("4", "3.7"):
        assert refused(modified, made, order, wanted, "104100")[0] == -2019
    assert repr(made.engine.state()) == before
    modified(made, order, "0.5", "104100")
    assert order.status == "FILLED"


def test_the_part_of_an_order_that_closes_needs_nothing_for_its_loss():
    made = desk("1400")
    made.place("BUY", "0.1")
    made.market("100000", mark="103000")
    # Selling 3000 below the mark price: 0.1 closes, 0.2 opens and loses 600.
    assert made.place("SELL", "0.3").status == "FILLED"


def test_every_account_starts_with_leverage_20_crossed():
    config = desk().engine.symbol_config(1, BTC)
    assert (config.leverage, config.margin_type) == (20, "CROSSED")


def test_leverage_changes_the_margin_of_what_is_open():
    made = desk("1000")
    made.place("BUY", "0.1", "99900")
    assert made.engine.set_leverage(1, BTC, 50, NOON) == RULES[BTC].max_notional(50)
    assert made.asset("initial_margin") == Decimal("199.8")


@pytest.mark.parametrize("leverage", [0, -1, 126])
def test_a_leverage_that_nobody_gets_is_refused(leverage):
    assert refused(desk().engine.set_leverage, 1, BTC, leverage, NOON) == (-4028, f"Leverage {leverage} is not valid")


def test_each_leverage_has_its_largest_notional():
    made = desk("100000")
    assert made.engine.set_leverage(1, BTC, 125, NOON) == units("300000")
    text = "Exceeded the maximum allowable position at current leverage."
    assert refused(made.place, "BUY", "3.001", "100000") == (-2027, text)
    assert made.place("BUY", "3", "100000").status == "NEW"


def test_leverage_does_not_rise_above_what_the_position_allows():
    made = desk("100000")
    made.place("BUY", "3.1")
    assert refused(made.engine.set_leverage, 1, BTC, 125, NOON)[0] == -2027
    assert made.engine.set_leverage(1, BTC, 100, NOON) == units("800000")


def test_leverage_does_not_fall_below_what_the_wallet_bears():
    made = desk("1000")
    made.place("BUY", "0.15")
    assert refused(made.engine.set_leverage, 1, BTC, 10, NOON)[0] == -2028
    made.engine.deposit(1, "USDT", units("1000"), NOON)
    made.engine.set_leverage(1, BTC, 10, NOON)


def test_maintenance_follows_the_brackets_without_a_jump():
    rules = RULES[BTC]
    assert rules.maintenance(units("100000")) == units("400")
    for bracket in rules.brackets[:-1]:
        assert abs(rules.maintenance(bracket.cap) - rules.maintenance(bracket.cap - 1)) <= 2


def test_the_margin_type_changes_only_without_orders_and_positions():
    made = desk()
    change = made.engine.set_margin_type
    assert refused(change, 1, BTC, "CROSSED", NOON) == (-4046, "No need to change margin type.")
    order = made.place("BUY", "0.01", "99000")
    assert refused(change, 1, BTC, "ISOLATED", NOON)[0] == -4047
    made.engine.cancel(order, NOON)
    made.place("BUY", "0.01")
    assert refused(change, 1, BTC, "ISOLATED", NOON)[0] == -4048
    change(1, ETH, "ISOLATED", NOON)
    assert made.engine.symbol_config(1, ETH).margin_type == "ISOLATED"


def test_an_isolated_position_takes_its_margin_out_of_the_cross_wallet():
    made = isolated("1000")
    made.place("BUY", "0.1")
    assert made.position("isolated_wallet") == Decimal("500.0005")
    assert made.asset("wallet_balance") == Decimal(1000) - Decimal("5.000005")
    assert made.asset("cross_wallet") == made.asset("available") == Decimal("494.999495")


@pytest.mark.parametrize("change", [False, True])
def test_an_isolated_order_needs_its_commission_too(change):
    made = isolated("1008.98")
    order = made.place("BUY", "0.1", "99900") if change else None
    # 999 of margin and 9.99 of commission
    ask = (modified, made, order, "0.2", "99900") if change else (made.place, "BUY", "0.2", "99900")
    assert refused(*ask)[0] == -2019
    made.engine.deposit(1, "USDT", units("0.01"), NOON)
    call, *values = ask
    call(*values)
    assert made.asset("available") == Decimal("9.99")


def test_the_loss_of_an_isolated_position_leaves_the_rest_available():
    made = isolated("1000")
    made.place("BUY", "0.1")
    made.market("99000")
    assert made.asset("available") == Decimal("494.999495")
    assert made.position("isolated_margin") == Decimal("500.0005") - Decimal("100.01")


def test_closing_an_isolated_position_gives_its_margin_and_profit_back():
    made = isolated("1000")
    made.place("BUY", "0.1")
    made.market("101000")
    made.place("SELL", "0.05")
    assert made.position("isolated_wallet") == Decimal("250.00025")
    made.place("SELL", "0.05")
    assert made.position("isolated_wallet") == 0
    assert made.asset("cross_wallet") == made.asset("wallet_balance")


def test_what_an_isolated_position_gives_back_opens_the_other_direction():
    made = isolated("1000")
    made.place("BUY", "0.19")
    assert refused(made.place, "BUY", "0.11")[0] == -2019
    assert made.place("SELL", "0.3").status == "FILLED"


def test_a_loss_beyond_its_share_of_the_margin_comes_out_of_the_rest_of_it():
    made = isolated("1000")
    made.place("BUY", "0.1")
    cross = made.asset("cross_wallet")
    made.market("94500", mark="98000")
    made.place("SELL", "0.05")
    # 250.00025 is the share, 275.01 the loss, 0.05 % of 4724.995 the commission.
    assert made.asset("cross_wallet") == cross
    assert made.position("isolated_wallet") == Decimal("250.00025") - (
        Decimal("275.01") - Decimal("250.00025") + Decimal("2.3624975")
    )


def test_isolated_margin_comes_from_what_is_there_not_from_what_another_order_once_reserved():
    made = isolated("1000")
    made.place("SELL", "0.15", "101000")
    made.place("BUY", "1", symbol=ETH)
    made.market("3100", ETH)
    made.place("SELL", "1", symbol=ETH)
    assert made.asset("cross_wallet") < 100
    # The buy is smaller than the open sell, so it adds nothing to what is at stake; but 500 are not there.
    assert refused(made.place, "BUY", "0.1")[0] == -2019


def test_a_resting_order_expires_when_its_isolated_margin_is_gone():
    made = isolated("1000")
    order = made.place("BUY", "0.1", "99000")
    made.place("BUY", "2", symbol=ETH)
    made.market("3740", ETH)
    made.place("SELL", "2", symbol=ETH)
    assert made.asset("cross_wallet") < 495
    made.market("99000")
    assert (order.status, order.executed_qty) == ("EXPIRED", 0)
    assert made.position() == 0


def test_margin_can_be_added_to_an_isolated_position_and_taken_away():
    made = isolated("1000")
    change = made.engine.change_isolated_margin
    assert refused(change, 1, BTC, "BOTH", units("1"), NOON)[0] == -4054
    made.place("BUY", "0.1")
    nearer = made.position("liquidation_price")
    change(1, BTC, "BOTH", units("100"), NOON)
    assert made.position("isolated_wallet") == Decimal("600.0005")
    assert made.position("liquidation_price") < nearer
    assert refused(change, 1, BTC, "BOTH", units("400"), NOON)[0] == -4050
    assert refused(change, 1, BTC, "BOTH", -units("101"), NOON)[0] == -4051
    change(1, BTC, "BOTH", -units("99"), NOON)
    assert refused(change, 1, ETH, "BOTH", units("1"), NOON)[0] == -4049


def test_the_leverage_of_an_isolated_position_does_not_fall():
    made = isolated()
    made.place("BUY", "0.1")
    assert refused(made.engine.set_leverage, 1, BTC, 10, NOON)[0] == -4161
    made.engine.set_leverage(1, BTC, 50, NOON)


def test_the_multi_assets_mode_excludes_isolated_margin_and_open_orders():
    made = isolated()
    change = made.engine.set_multi_assets
    assert refused(change, 1, False, NOON)[0] == -4171
    assert refused(change, 1, True, NOON)[0] == -4167
    made.engine.set_margin_type(1, BTC, "CROSSED", NOON)
    order = made.place("BUY", "0.01", "99000")
    assert refused(change, 1, True, NOON)[0] == -4170
    made.engine.cancel(order, NOON)
    change(1, True, NOON)
    assert refused(made.engine.set_margin_type, 1, BTC, "ISOLATED", NOON)[0] == -4168


def test_commissions_are_paid_in_bnb_with_a_discount_while_there_is_enough():
    made = desk()
    made.engine.bnb_price = units("600")
    made.engine.set_fee_burn(1, True)
    made.engine.deposit(1, "BNB", units("0.01"), NOON)

    _, (first,) = made.engine.place(*made.order("BUY", "0.1"))
    _, (second,) = made.engine.place(*made.order("BUY", "0.1"))

    # 0.05 % of 10000.01, less 10 %, at 600
    assert (first.commission, first.commission_asset) == (units("0.00750000"), "BNB")
    assert (second.commission, second.commission_asset) == (units("5.000005"), "USDT")
    assert made.wallet("BNB") == Decimal("0.0025")


def test_accounts_without_anything_have_zero_usdt():
    (view,) = desk().engine.assets(7)
    assert (view.asset, view.wallet_balance, view.available) == ("USDT", 0, 0)

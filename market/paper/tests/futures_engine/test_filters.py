"""Every filter of futures with Binance's code and text, and the order of checks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from market.paper.engine.amounts import units
from market.paper.engine.types import Rejected
from market.paper.tests.futures_engine.desk import BTC, NOON, RULES, desk, quote

MINUTES_10 = 600_000


def refusal(**changes):
    """The code and text with which an order is refused; BTC costs 100,000, the account has 10,000."""
    made = changes.pop("desk", None) or desk()
    changes = {"quantity": "0.1"} | changes
    with pytest.raises(Rejected) as caught:
        made.place(changes.pop("side", "BUY"), changes.pop("quantity"), changes.pop("price", None), **changes)
    return caught.value.code, caught.value.msg


@pytest.mark.parametrize(
    ("price", "code", "msg"),
    [
        ("100000.01", -4014, "Price not increased by tick size."),
        ("100000.001", -1111, "Precision is over the maximum defined for this asset."),
        ("556.70", -4013, "Price less than min price."),
        ("4529764.1", -4002, "Price greater than max price."),
        ("-1", -4001, "Price less than 0."),
        ("105000.1", -4016, "Limit price can't be higher than 105000.00."),
    ],
)
def test_a_price_outside_the_filters_is_refused(price, code, msg):
    assert refusal(price=price) == (code, msg)


def test_a_price_at_the_bound_of_percent_price_is_allowed():
    assert desk().place("BUY", "0.001", "105000").status == "FILLED"
    assert desk().place("SELL", "0.002", "95000").status == "FILLED"


def test_a_sell_price_too_far_below_the_mark_price_is_refused():
    assert refusal(side="SELL", price="94999.9") == (-4024, "Limit price can't be lower than 95000.00.")


def test_percent_price_looks_at_the_mark_price_not_at_the_last():
    made = desk()
    made.quotes[BTC] = quote("100000", mark="110000")
    assert made.place("BUY", "0.001", "112000").status == "FILLED"


@pytest.mark.parametrize(
    ("quantity", "price", "code", "msg"),
    [
        ("0", None, -4003, "Quantity less than or equal to zero."),
        ("-0.1", "99000", -4003, "Quantity less than or equal to zero."),
        ("0.0001", None, -1111, "Precision is over the maximum defined for this asset."),
        ("1000.001", "99000", -4005, "Quantity greater than max quantity."),
        ("120.001", None, -4005, "Quantity greater than max quantity."),
    ],
)
def test_a_quantity_outside_the_filters_is_refused(quantity, price, code, msg):
    assert refusal(quantity=quantity, price=price) == (code, msg)


def test_a_step_is_counted_from_the_smallest_quantity():
    made = desk()
    rules = RULES[BTC]
    lot = replace(rules.lot, minimum=units("0.003"), step=units("0.002"))
    made.engine._floor.stake(1, BTC).rules = replace(rules, lot=lot)

    assert made.place("BUY", "0.005", "99000").status == "NEW"
    assert refusal(desk=made, quantity="0.004", price="99000") == (-4023, "Qty not increased by step size.")
    assert refusal(desk=made, quantity="0.002", price="99000") == (-4004, "Quantity less than min quantity.")


def test_a_notional_below_the_minimum_is_refused_unless_it_reduces():
    made = desk()
    made.quotes[BTC] = quote("50000")
    text = "Order's notional must be no smaller than 100.0 (unless you choose reduce only)"
    assert refusal(desk=made, quantity="0.001") == (-4164, text)

    made.place("BUY", "0.002")

    assert made.place("SELL", "0.001", reduce_only=True).status == "FILLED"


def test_an_order_at_market_is_refused_where_the_best_price_is_too_far_from_the_mark_price():
    made = desk()
    made.quotes[BTC] = quote("100000", mark="90000")
    text = "The counterparty's best price does not meet the PERCENT_PRICE filter limit."
    assert refusal(desk=made) == (-4131, text)


def test_an_order_at_market_takes_nothing_beyond_its_bound():
    made = desk("1000000")
    made.market("100000", gap=units("2000"), level_qty=units("1"))

    order = made.place("BUY", "5")

    assert (order.status, order.executed_qty) == ("EXPIRED", units("3"))


def test_no_more_than_200_orders_rest_in_a_symbol():
    made = desk("100000")
    for _ in range(200):
        made.place("BUY", "0.002", "99000")
    assert refusal(desk=made, quantity="0.002", price="99000") == (-2025, "Reach max open order limit.")
    assert made.place("BUY", "0.002").status == "FILLED"


@pytest.mark.parametrize("kind", ["STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"])
def test_conditional_types_are_sent_to_the_algo_endpoint(kind):
    text = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
    assert refusal(type=kind) == (-4120, text)


@pytest.mark.parametrize("client_order_id", ["", "x" * 37, "with space", "ümlaut", "a#b"])
def test_a_client_order_id_that_is_none_is_refused(client_order_id):
    assert refusal(client_order_id=client_order_id) == (-4015, "Client order id is not valid.")


def test_a_client_order_id_may_have_36_signs_of_all_kinds():
    assert desk().place(client_order_id="x-Ab9_.:/" + "0" * 27).status == "FILLED"


@pytest.mark.parametrize("good_till_ms", [0, NOON + MINUTES_10, 253_402_300_799_000])
def test_good_till_date_ends_later_than_in_ten_minutes(good_till_ms):
    code, msg = refusal(price="99000", time_in_force="GTD", good_till_ms=good_till_ms)
    assert code == -5040
    assert "600 seconds" in msg


def test_price_match_is_for_limit_orders():
    code, _ = refusal(price_match="OPPONENT")
    assert code == -5038
    assert refusal(type="LIMIT", price_match="BEST")[0] == -5037
    assert refusal(type="LIMIT", price_match="QUEUE_20")[0] == -5041


@pytest.mark.parametrize(
    ("price_match", "side", "price"),
    [
        ("OPPONENT", "BUY", "100000.1"),
        ("OPPONENT_5", "BUY", "100000.5"),
        ("QUEUE", "BUY", "99999.9"),
        ("QUEUE_10", "SELL", "100001"),
        ("OPPONENT_10", "SELL", "99999"),
    ],
)
def test_price_match_takes_its_price_from_the_book(price_match, side, price):
    order = desk().place(side, "0.01", type="LIMIT", price_match=price_match)
    assert order.price == units(price)


def test_a_symbol_that_does_not_trade_takes_no_orders():
    made = desk()
    made.place("BUY", "0.01")
    made.engine.set_status(BTC, "BREAK")
    assert refusal(desk=made) == (-4140, "Invalid symbol status for opening position.")
    assert refusal(desk=made, side="SELL", quantity="0.01", reduce_only=True) == (-4141, "Symbol is closed.")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"type": "STOP", "client_order_id": "#", "quantity": "0"}, -4120),
        ({"client_order_id": "#", "position_side": "LONG", "quantity": "0"}, -4015),
        ({"position_side": "LONG", "quantity": "0"}, -4061),
        ({"quantity": "0.0001"}, -1111),
        ({"quantity": "121"}, -4005),
        ({"quantity": "5", "client_order_id": "open"}, -4116),
        ({"quantity": "5", "price": "101000", "time_in_force": "GTX"}, -2019),
        ({"price": "101000", "time_in_force": "GTX"}, -5022),
    ],
)
def test_the_first_check_that_fails_is_the_one_that_is_told(changes, code):
    made = desk()
    made.place("BUY", "0.002", "95000", client_order_id="open")
    assert refusal(desk=made, **changes)[0] == code

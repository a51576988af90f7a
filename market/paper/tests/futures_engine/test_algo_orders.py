"""Conditional orders: acceptance, trigger, life."""

from __future__ import annotations

import pytest

from market.paper.engine.amounts import units
from market.paper.engine.types import Rejected
from market.paper.tests.futures_engine.desk import BTC, ETH, NOON, Desk, desk


def refused(made: Desk, *values, **changes) -> tuple[int, str]:
    with pytest.raises(Rejected) as caught:
        made.algo(*values, **changes)
    return caught.value.code, caught.value.msg


def long_position(quantity: str = "0.1") -> Desk:
    made = desk()
    made.place("BUY", quantity)
    return made


@pytest.mark.parametrize(
    ("kind", "side", "trigger", "misses", "hits"),
    [
        ("STOP_MARKET", "BUY", "101000", "100999.9", "101000"),
        ("STOP_MARKET", "SELL", "99000", "99000.1", "99000"),
        ("TAKE_PROFIT_MARKET", "BUY", "99000", "99000.1", "99000"),
        ("TAKE_PROFIT_MARKET", "SELL", "101000", "100999.9", "101000"),
    ],
)
def test_a_price_triggers_on_its_side_and_not_before(kind, side, trigger, misses, hits):
    made = desk()
    algo = made.algo(kind, side, trigger)

    made.market(misses)
    assert (algo.status, made.position()) == ("NEW", 0)

    made.market(hits)
    assert algo.status == "FINISHED"
    assert abs(made.position("quantity")) * 10 == 1


@pytest.mark.parametrize(
    ("kind", "side", "trigger"),
    [
        ("STOP_MARKET", "BUY", "100000"),
        ("STOP_MARKET", "SELL", "100000"),
        ("TAKE_PROFIT_MARKET", "BUY", "100000"),
        ("TAKE_PROFIT_MARKET", "SELL", "99000"),
    ],
)
def test_an_order_that_would_trigger_at_once_is_refused(kind, side, trigger):
    assert refused(desk(), kind, side, trigger) == (-2021, "Order would immediately trigger.")


def test_the_order_that_is_left_behind_has_an_id_of_its_own_and_the_client_id_of_the_algo():
    made = desk()
    algo = made.algo("STOP", "BUY", "101000", price="100900", client_algo_id="mine")
    assert made.engine.open_orders(1) == []

    made.market("101000")

    (order,) = made.engine.open_orders(1)
    assert (algo.status, algo.actual_order_id, algo.actual_type) == ("TRIGGERED", order.order_id, "LIMIT")
    assert (order.client_order_id, order.type, order.orig_type) == ("mine", "LIMIT", "STOP")
    assert (order.price, order.stop_price) == (units("100900"), units("101000"))
    assert made.engine.open_algos(1) == []
    assert made.engine.open_algo(1, algo_id=algo.algo_id) is algo


def test_an_algo_is_finished_when_its_order_is():
    made = desk()
    algo = made.algo("STOP", "BUY", "101000", price="100900")
    made.market("101000")
    made.market("100900")
    assert (algo.status, algo.actual_price, algo.actual_qty) == ("FINISHED", units("100900"), units("0.1"))
    assert made.engine.open_algo(1, algo_id=algo.algo_id) is None


def test_an_algo_is_finished_when_its_order_is_cancelled():
    made = desk()
    algo = made.algo("STOP", "BUY", "101000", price="100900")
    made.market("101000")
    made.engine.cancel_all(1, BTC, made.now_ms)
    assert (algo.status, algo.actual_qty) == ("FINISHED", 0)


def test_the_mark_price_triggers_only_what_works_by_it():
    made = desk()
    by_mark = made.algo("STOP_MARKET", "BUY", "101000", working_type="MARK_PRICE")
    by_last = made.algo("STOP_MARKET", "BUY", "101000")
    made.market("100000", mark="101000")
    assert (by_mark.status, by_last.status) == ("FINISHED", "NEW")
    made.market("101000", mark="100000")
    assert by_last.status == "FINISHED"


def test_price_protection_waits_until_last_and_mark_price_agree():
    made = desk()
    algo = made.algo("STOP_MARKET", "BUY", "101000", price_protect=True)
    made.market("107000", mark="101000")
    assert algo.status == "NEW"
    made.market("107000", mark="106000")
    assert algo.status == "FINISHED"


def test_no_margin_is_asked_for_before_the_trigger():
    made = desk("100")
    algo = made.algo("STOP_MARKET", "BUY", "101000", quantity="1")
    assert made.asset("available") == 100
    made.market("101000")
    assert (algo.status, algo.reject_reason) == ("REJECTED", "Margin is insufficient.")


def test_close_position_closes_whatever_is_held_at_the_trigger():
    made = long_position("0.1")
    algo = made.algo("STOP_MARKET", "SELL", "99000", quantity=None, close_position=True)
    made.place("BUY", "0.05")
    made.market("99000")
    assert (made.position(), algo.actual_qty) == (0, units("0.15"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "STOP", "price": "99000"}, -4136),
        ({"quantity": "0.1"}, -4137),
        ({"reduce_only": True}, -1106),
        ({"side": "BUY", "trigger": "101000"}, -4509),
    ],
)
def test_close_position_has_rules_of_its_own(changes, code):
    made = long_position()
    values = {"kind": "STOP_MARKET", "side": "SELL", "trigger": "99000", "quantity": None} | changes
    kind, side, trigger = (values.pop(name) for name in ("kind", "side", "trigger"))
    assert refused(made, kind, side, trigger, close_position=True, **values)[0] == code


def test_close_position_waits_once_for_each_direction_and_type():
    made = long_position()
    close = {"quantity": None, "close_position": True}
    made.algo("STOP_MARKET", "SELL", "99000", **close)
    assert refused(made, "STOP_MARKET", "SELL", "98000", **close)[0] == -4130
    made.algo("TAKE_PROFIT_MARKET", "SELL", "101000", **close)


def test_close_position_needs_a_position_and_goes_with_it():
    assert refused(desk(), "STOP_MARKET", "SELL", "99000", quantity=None, close_position=True)[0] == -4509
    made = long_position()
    closing = made.algo("STOP_MARKET", "SELL", "99000", quantity=None, close_position=True)
    bound = made.algo("STOP_MARKET", "SELL", "99000", time_in_force="GTE_GTC", reduce_only=True)
    free = made.algo("STOP_MARKET", "SELL", "99000")
    made.place("SELL", "0.1")
    assert [algo.status for algo in (closing, bound, free)] == ["EXPIRED", "EXPIRED", "NEW"]


def test_one_of_two_protections_goes_when_the_other_has_closed_the_position():
    made = long_position()
    stop = made.algo("STOP_MARKET", "SELL", "99000", quantity=None, close_position=True)
    profit = made.algo("TAKE_PROFIT_MARKET", "SELL", "101000", quantity=None, close_position=True)
    made.market("101000")
    assert (profit.status, stop.status, made.position()) == ("FINISHED", "EXPIRED", 0)


def test_two_stops_at_one_price_close_the_position_once():
    made = long_position()
    first = made.algo("STOP_MARKET", "SELL", "99000", reduce_only=True)
    second = made.algo("STOP_MARKET", "SELL", "99500", reduce_only=True)
    made.market("98000")
    assert (first.status, second.status, made.position()) == ("REJECTED", "FINISHED", 0)
    assert first.reject_reason == "Reduce Only reject"


def test_reduce_only_is_refused_without_something_to_reduce():
    assert refused(desk(), "STOP_MARKET", "SELL", "99000", reduce_only=True)[0] == -2022
    assert refused(long_position(), "STOP_MARKET", "BUY", "101000", reduce_only=True)[0] == -2022


def test_hedge_mode_closes_one_side_only():
    made = desk()
    made.engine.set_hedge_mode(1, True)
    made.place("BUY", "0.1", position_side="LONG")
    made.place("SELL", "0.1", position_side="SHORT")
    close = {"quantity": None, "close_position": True}
    assert refused(made, "STOP_MARKET", "BUY", "101000", position_side="LONG", **close)[0] == -4509
    made.algo("STOP_MARKET", "SELL", "99000", position_side="LONG", **close)
    made.market("99000")
    assert (made.position("quantity", "LONG"), made.position("quantity", "SHORT") * 10) == (0, -1)


def test_a_trailing_stop_follows_the_price_and_fires_when_it_turns():
    made = long_position()
    algo = made.algo("TRAILING_STOP_MARKET", "SELL", callback_rate="1", reduce_only=True)
    for price in ("102000", "104000", "103000", "102960.1"):
        made.market(price)
        assert algo.status == "NEW"
    made.market("102960")  # 104000 less 1 %
    assert (algo.status, made.position()) == ("FINISHED", 0)


def test_a_trailing_stop_that_buys_follows_the_price_down():
    made = desk()
    algo = made.algo("TRAILING_STOP_MARKET", "BUY", callback_rate="0.5")
    made.market("90000")
    made.market("90449.9")
    assert algo.status == "NEW"
    made.market("90450")
    assert algo.status == "FINISHED"


def test_a_trailing_stop_begins_at_its_activation_price():
    made = long_position()
    algo = made.algo("TRAILING_STOP_MARKET", "SELL", callback_rate="1", activate_price="101000")
    made.market("98000")
    assert (algo.status, algo.is_trailing) == ("NEW", False)
    made.market("101000")
    assert (algo.is_trailing, algo.best_price) == (True, units("101000"))
    made.market("99990")
    assert algo.status == "FINISHED"


def test_an_activation_price_on_the_wrong_side_is_refused():
    trailing = {"kind": "TRAILING_STOP_MARKET", "callback_rate": "1"}
    assert refused(desk(), side="SELL", activate_price="99000", **trailing)[0] == -2021
    assert refused(desk(), side="BUY", activate_price="101000", **trailing)[0] == -2021


@pytest.mark.parametrize("rate", ["0", "0.05", "0.15", "20.1"])
def test_a_callback_rate_outside_its_range_is_refused(rate):
    made = desk()
    assert refused(made, "TRAILING_STOP_MARKET", "SELL", callback_rate=rate) == (-2007, "Invalid callBack rate.")


def test_a_trailing_stop_survives_a_restart_with_its_best_price():
    made = long_position()
    made.algo("TRAILING_STOP_MARKET", "SELL", callback_rate="1", reduce_only=True)
    made.market("104000")
    again = made.restarted()
    again.market("102960")
    assert again.position() == 0


def test_at_most_200_wait():
    made = desk()
    for _ in range(200):
        made.algo("STOP_MARKET", "BUY", "101000", quantity="0.002")
    assert refused(made, "STOP_MARKET", "BUY", "4100", symbol=ETH) == (-4045, "Reach max stop order limit.")


def test_a_client_algo_id_is_unique_among_open_ones():
    made = desk()
    algo = made.algo("STOP_MARKET", "BUY", "101000", client_algo_id="mine")
    assert refused(made, "STOP_MARKET", "BUY", "101000", client_algo_id="mine")[0] == -4116
    made.place("BUY", "0.01", client_order_id="mine")
    made.engine.cancel_algo(algo, made.now_ms)
    made.algo("STOP_MARKET", "BUY", "101000", client_algo_id="mine")


def test_an_order_with_the_same_client_id_makes_the_trigger_fail():
    made = desk()
    algo = made.algo("STOP_MARKET", "BUY", "101000", client_algo_id="mine")
    made.place("BUY", "0.01", "99000", client_order_id="mine")
    made.market("101000")
    assert (algo.status, algo.reject_reason) == ("REJECTED", "ClientOrderId is duplicated.")


def test_what_is_cancelled_does_not_trigger():
    made = desk()
    algo = made.algo("STOP_MARKET", "BUY", "101000")
    trailing = made.algo("TRAILING_STOP_MARKET", "BUY", callback_rate="1")
    other = made.algo("STOP_MARKET", "BUY", "4100", symbol=ETH)
    assert made.engine.cancel_all_algos(1, BTC, made.now_ms) == [algo, trailing]
    made.market("110000")
    assert (algo.status, trailing.status, other.status, made.position()) == ("CANCELED", "CANCELED", "NEW", 0)


def test_what_has_triggered_cannot_be_cancelled():
    made = desk()
    algo = made.algo("STOP", "BUY", "101000", price="100900")
    made.market("101000")
    with pytest.raises(Rejected) as caught:
        made.engine.cancel_algo(algo, made.now_ms)
    assert (caught.value.code, caught.value.msg) == (-2011, "Unknown order sent.")


def test_orders_are_found_by_either_id_by_their_owner_only():
    made = desk()
    algo = made.algo("STOP_MARKET", "BUY", "101000", client_algo_id="mine")
    find = made.engine.open_algo
    assert find(1, algo_id=algo.algo_id) is find(1, client_algo_id="mine") is algo
    assert find(2, algo_id=algo.algo_id) is find(2, client_algo_id="mine") is None
    assert made.engine.open_algos(1, ETH) == []


def test_a_good_till_date_ends_the_waiting():
    made = desk()
    changes = {"time_in_force": "GTD", "good_till_ms": NOON + 601_000, "price": "101000"}
    algo = made.algo("STOP", "BUY", "101000", **changes)
    made.now_ms = NOON + 600_000
    made.market("100000")
    assert algo.status == "EXPIRED"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"trigger": "101000.01"}, -4014),
        ({"trigger": "4529764.1"}, -4007),
        ({"trigger": "-1"}, -4006),
        ({"quantity": "0.0001"}, -1111),
        ({"quantity": "121"}, -4005),
        ({"quantity": None}, -4003),
        ({"kind": "STOP", "price": "106050.1"}, -4183),
        ({"kind": "STOP", "price": None}, -4013),
        ({"kind": "STOP", "side": "SELL", "trigger": "99000", "price": "94049.9"}, -4184),
        ({"quantity": "0.001", "kind": "STOP", "trigger": "100100", "price": "99000"}, -4164),
        ({"client_algo_id": "no spaces"}, -4015),
        ({"position_side": "LONG"}, -4061),
    ],
)
def test_the_filters_hold_for_conditional_orders_too(values, code):
    values = {"kind": "STOP_MARKET", "side": "BUY", "trigger": "101000"} | values
    kind, side, trigger = (values.pop(name) for name in ("kind", "side", "trigger"))
    assert refused(desk(), kind, side, trigger, **values)[0] == code


def test_nothing_triggers_while_the_symbol_pauses():
    made = desk()
    algo = made.algo("STOP_MARKET", "BUY", "101000")
    made.engine.set_status(BTC, "BREAK")
    made.market("101000")
    assert algo.status == "NEW"
    assert refused(made, "STOP_MARKET", "BUY", "102000")[0] == -4140

"""Orders from acceptance to their end."""

from __future__ import annotations

import pytest

from market.paper.engine.amounts import units
from market.paper.engine.types import Rejected
from market.paper.tests.futures_engine.desk import BTC, ETH, NOON, desk, quote


def refused(call, *values, **changes) -> tuple[int, str]:
    with pytest.raises(Rejected) as caught:
        call(*values, **changes)
    return caught.value.code, caught.value.msg


def test_an_order_at_market_pays_more_the_deeper_it_goes():
    made = desk("1000000")
    made.market("100000", level_qty=units("1"), gap=units("10"))

    order, fills = made.engine.place(*made.order("BUY", "2.5"))

    assert [(fill.price, fill.qty) for fill in fills] == [
        (units("100000.1"), units("1")),
        (units("100010.1"), units("1")),
        (units("100020.1"), units("0.5")),
    ]
    assert order.status == "FILLED"
    assert order.cum_quote == units("250020.25")
    assert order.average_price == units("100008.1")


def test_what_an_order_at_market_does_not_get_expires():
    made = desk("1000000")
    made.market("100000", level_qty=units("0.1"), levels=2)

    order = made.place("BUY", "0.5")

    assert (order.status, order.executed_qty, order.remaining_qty) == ("EXPIRED", units("0.2"), units("0.3"))
    assert made.engine.open_orders(1) == []


def test_a_limit_order_takes_up_to_its_price_and_rests_with_the_rest():
    made = desk("1000000")
    made.market("100000", level_qty=units("0.1"), gap=units("10"))

    order = made.place("BUY", "0.5", "100010.1")

    assert (order.status, order.executed_qty) == ("PARTIALLY_FILLED", units("0.2"))
    assert made.engine.open_orders(1) == [order]


@pytest.mark.parametrize(
    ("time_in_force", "status", "executed"), [("IOC", "EXPIRED", "0.2"), ("GTC", "PARTIALLY_FILLED", "0.2")]
)
def test_what_an_ioc_order_does_not_get_expires(time_in_force, status, executed):
    made = desk("1000000")
    made.market("100000", level_qty=units("0.1"), levels=2)

    order = made.place("BUY", "0.5", "101000", time_in_force=time_in_force)

    assert (order.status, order.executed_qty) == (status, units(executed))


def test_a_fok_order_gets_all_or_is_refused():
    made = desk("1000000")
    made.market("100000", level_qty=units("0.1"), levels=2)

    code, msg = refused(made.place, "BUY", "0.3", "101000", time_in_force="FOK")

    assert code == -5021
    assert msg.startswith("Due to the order could not be filled immediately, the FOK order has been rejected.")
    assert made.place("BUY", "0.2", "101000", time_in_force="FOK").status == "FILLED"


def test_a_post_only_order_that_would_take_is_refused():
    made = desk()
    code, msg = refused(made.place, "BUY", "0.01", "100000.1", time_in_force="GTX")
    assert code == -5022
    assert msg.startswith("Due to the order could not be executed as maker, the Post Only order will be rejected.")
    assert made.place("BUY", "0.01", "100000", time_in_force="GTX").status == "NEW"


def test_a_resting_order_is_filled_at_its_own_price_as_maker():
    made = desk()
    order = made.place("BUY", "0.01", "99000")

    assert made.market("99000.1") == []
    (fill,) = made.market("98000")

    assert (fill.price, fill.qty, fill.is_maker) == (units("99000"), units("0.01"), True)
    assert fill.commission == units("0.198")  # 0.02 % of 990
    assert order.status == "FILLED"


def test_takers_pay_five_basis_points():
    _, (fill,) = desk().engine.place(*desk().order("SELL", "0.01"))
    assert fill.commission == units("0.4999995")  # 0.05 % of 999.999


def test_resting_orders_share_what_a_step_brings_the_better_price_first_then_the_older_order():
    made = desk("100000")
    low = made.place("BUY", "0.1", "99000")
    older = made.place("BUY", "0.1", "99500")
    newer = made.place("BUY", "0.1", "99500")

    made.market("99500", level_qty=units("0.15"))
    assert [order.executed_qty for order in (low, older, newer)] == [0, units("0.1"), units("0.05")]

    made.market("99500", level_qty=units("0.15"))
    assert newer.status == "FILLED"
    assert low.status == "NEW"


def test_a_step_gives_no_more_when_it_is_told_twice():
    made = desk("100000")
    order = made.place("BUY", "0.3", "99500")
    made.market("99500", level_qty=units("0.1"))

    made.engine.on_quote(BTC, made.quotes[BTC], made.now_ms)

    assert order.executed_qty == units("0.1")


def test_a_price_far_beyond_the_limit_brings_more_levels():
    made = desk("100000")
    order = made.place("BUY", "0.3", "99500")
    made.market("99499.9", level_qty=units("0.1"))
    assert order.executed_qty == units("0.2")


def test_takers_of_one_step_leave_each_other_what_is_left():
    made = desk("1000000")
    made.engine.deposit(2, "USDT", units("1000000"), NOON)
    made.market("100000", level_qty=units("1"), gap=units("10"))

    first = made.place("BUY", "1")
    second = made.place("BUY", "1", account_id=2)

    assert first.average_price == units("100000.1")
    assert second.average_price == units("100010.1")


def test_a_client_order_id_is_unique_among_open_orders_only():
    made = desk()
    order = made.place("BUY", "0.01", "99000", client_order_id="mine")
    made.engine.deposit(2, "USDT", units("1000"), NOON)

    answer = refused(made.place, "BUY", "0.01", client_order_id="mine")
    assert answer == (-4116, "ClientOrderId is duplicated.")
    assert made.place("BUY", "0.01", client_order_id="mine", account_id=2).status == "FILLED"

    made.engine.cancel(order, made.now_ms)
    assert made.place("BUY", "0.01", client_order_id="mine").status == "FILLED"
    assert made.place("BUY", "0.01", client_order_id="mine").status == "FILLED"


def test_orders_are_found_by_either_id_by_their_owner_only():
    made = desk()
    order = made.place("BUY", "0.01", "99000", client_order_id="mine")
    find = made.engine.open_order
    assert find(1, BTC, order_id=order.order_id) is order
    assert find(1, BTC, client_order_id="mine") is order
    assert find(2, BTC, order_id=order.order_id) is None
    assert find(2, BTC, client_order_id="mine") is None


def test_ids_count_by_symbol_and_outgrow_32_bits():
    made = desk()
    first, second = made.place("BUY", "0.01", "99000"), made.place("BUY", "0.01", "99000")
    other = made.place("BUY", "0.1", "3900", symbol=ETH)
    assert second.order_id == first.order_id + 1
    assert other.order_id == first.order_id > 2**32


def test_a_cancelled_order_is_not_filled():
    made = desk()
    order = made.place("BUY", "0.01", "99000")
    made.engine.cancel(order, made.now_ms)
    assert made.market("98000") == []
    assert order.status == "CANCELED"


def test_cancel_all_takes_the_orders_of_one_account_and_symbol():
    made = desk()
    made.engine.deposit(2, "USDT", units("1000"), NOON)
    gone = [made.place("BUY", "0.01", "99000"), made.place("SELL", "0.01", "101000")]
    stays = [made.place("BUY", "0.1", "3900", symbol=ETH), made.place("BUY", "0.01", "99000", account_id=2)]

    assert made.engine.cancel_all(1, BTC, made.now_ms) == gone

    assert {order.status for order in gone} == {"CANCELED"}
    assert {order.status for order in stays} == {"NEW"}


def test_a_modified_order_rests_at_its_new_price():
    made = desk()
    order = made.place("BUY", "0.01", "99000")
    other = made.place("BUY", "0.01", "98500")

    made.engine.modify(order, "BUY", units("0.02"), units("98000"), made.quotes[BTC], made.now_ms)

    made.market("98400")
    assert (order.status, other.status) == ("NEW", "FILLED")
    made.market("98000")
    assert (order.status, order.executed_qty) == ("FILLED", units("0.02"))


def test_a_modified_order_may_take_at_once():
    made = desk()
    order = made.place("BUY", "0.01", "99000")
    _, (fill,) = made.engine.modify(order, "BUY", units("0.01"), units("100100"), made.quotes[BTC], made.now_ms)
    assert (order.status, fill.is_maker, fill.price) == ("FILLED", False, units("100000.1"))


def test_a_modification_to_what_is_filled_already_cancels():
    made = desk()
    order = made.place("BUY", "0.02", "99000")
    made.market("99000", level_qty=units("0.01"))
    made.engine.modify(order, "BUY", units("0.01"), units("99000"), made.quotes[BTC], made.now_ms)
    assert (order.status, order.orig_qty) == ("CANCELED", units("0.02"))


def test_a_post_only_order_that_would_take_after_its_modification_is_cancelled():
    made = desk()
    order = made.place("BUY", "0.02", "99000", time_in_force="GTX")
    made.engine.modify(order, "BUY", units("0.02"), units("100100"), made.quotes[BTC], made.now_ms)
    assert order.status == "CANCELED"


@pytest.mark.parametrize(
    ("side", "quantity", "price", "code"),
    [
        ("BUY", "0.01", "99000", -5027),
        ("SELL", "0.02", "99000", -1117),
        ("BUY", "0.01", "99000.01", -4014),
        ("BUY", "0.001", "99000", -5029),
        ("BUY", "5", "99000", -2019),
        ("BUY", "0.01", "106000", -4016),
    ],
)
def test_a_modification_that_is_refused_leaves_the_order_as_it_was(side, quantity, price, code):
    made = desk()
    order = made.place("BUY", "0.01", "99000")
    before = repr(made.engine.state())
    values = (order, side, units(quantity), units(price), made.quotes[BTC], made.now_ms)
    assert refused(made.engine.modify, *values)[0] == code
    assert repr(made.engine.state()) == before


def test_an_order_is_modified_only_so_often_and_only_while_its_symbol_trades():
    made = desk()
    order = made.place("BUY", "0.01", "99000")
    values = (order, "BUY", units("0.02"), units("99000"), made.quotes[BTC], made.now_ms)
    made.engine.modify(order, "BUY", units("0.03"), units("99000"), made.quotes[BTC], made.now_ms)
    assert order.modifications == 1
    order.modifications = 10_000
    assert refused(made.engine.modify, *values)[0] == -5026
    order.modifications = 0
    made.engine.set_status(BTC, "BREAK")
    assert refused(made.engine.modify, *values)[0] == -5024


def test_a_good_till_date_order_goes_at_its_date():
    made = desk()
    order = made.place("BUY", "0.01", "99000", time_in_force="GTD", good_till_ms=NOON + 700_000)
    made.now_ms = NOON + 698_999
    made.market("100000")
    assert order.status == "NEW"
    made.now_ms = NOON + 699_000
    made.market("100000")
    assert order.status == "EXPIRED"


def test_a_countdown_cancels_the_orders_of_its_symbol_when_it_ends():
    made = desk()
    order = made.place("BUY", "0.01", "99000")
    made.engine.set_countdown(1, BTC, 1500, made.now_ms)
    made.market("100000")
    assert order.status == "NEW"
    made.market("100000")
    assert order.status == "CANCELED"
    assert made.place("BUY", "0.01", "99000").status == "NEW"
    made.market("100000")
    assert len(made.engine.open_orders(1)) == 1


def test_a_countdown_needs_no_price():
    made = desk()
    order = made.place("BUY", "0.01", "99000")
    made.engine.set_countdown(1, BTC, 1500, made.now_ms)

    made.engine.on_time(made.now_ms + 1499)
    assert order.status == "NEW"
    made.engine.on_time(made.now_ms + 1500)
    assert order.status == "CANCELED"


@pytest.mark.parametrize("milliseconds", [0, 60_000])
def test_a_countdown_can_be_renewed_and_stopped(milliseconds):
    made = desk()
    order = made.place("BUY", "0.01", "99000")
    made.engine.set_countdown(1, BTC, 500, made.now_ms)
    made.engine.set_countdown(1, BTC, milliseconds, made.now_ms)
    made.market("100000")
    assert order.status == "NEW"
    assert made.engine.watches(BTC)


def test_a_symbol_that_pauses_keeps_its_orders_and_fills_none():
    made = desk()
    order = made.place("BUY", "0.01", "99000")
    made.engine.set_status(BTC, "BREAK")
    assert made.market("98000") == []
    made.engine.set_status(BTC, "TRADING")
    made.market("98000")
    assert order.status == "FILLED"


def test_only_symbols_where_something_can_happen_are_watched():
    made = desk()
    assert not made.engine.watches(BTC)
    order = made.place("BUY", "0.01", "99000")
    assert made.engine.watches(BTC)
    assert not made.engine.watches(ETH)
    made.engine.cancel(order, made.now_ms)
    assert not made.engine.watches(BTC)
    made.engine.set_countdown(1, BTC, 1000, made.now_ms)
    assert made.engine.watches(BTC)
    made.market("100000")
    assert not made.engine.watches(BTC)
    made.place("BUY", "0.01")
    assert made.engine.watches(BTC)


def test_checking_an_order_says_what_placing_would_say_and_places_nothing():
    made = desk()
    before = repr(made.engine.state())
    assert refused(made.engine.check, *made.order("BUY", "5")) == (-2019, "Margin is insufficient.")
    made.engine.check(*made.order("BUY", "0.1"))
    assert repr(made.engine.state()) == before


def test_a_fault_that_lets_a_taker_get_less_lets_the_rest_expire():
    made = desk()
    made.quotes[BTC] = quote("100000", most=units("0.02"))
    order = made.place("BUY", "0.05")
    assert (order.status, order.executed_qty) == ("EXPIRED", units("0.02"))

import pytest

from market.paper.engine.amounts import units
from market.paper.engine.journal import Journal
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.spot.types import SpotState
from market.paper.engine.types import Rejected
from market.paper.tests.spot.rules import NOON, RULES, amounts, engine_with, give, held, limit, order, quote

AT_50000 = quote("50000")


def test_market_buy_pays_the_ask_and_leaves_the_commission_in_base():
    engine = engine_with(USDT="10000")

    bought, (fill,) = engine.place(order(quantity="0.1"), AT_50000, NOON)

    assert (fill.price, fill.commission, fill.commission_asset) == (*amounts("50000.01", "0.0001"), "BTC")
    assert held(engine, "BTC") == amounts("0.0999", "0")
    assert held(engine, "USDT") == amounts("4999.999", "0")
    assert (bought.status, bought.cum_quote) == ("FILLED", units("5000.001"))


def test_market_sell_gets_the_bid_and_pays_the_commission_in_quote():
    engine = engine_with(BTC="1")

    _, (fill,) = engine.place(order(side="SELL", quantity="0.5"), AT_50000, NOON)

    assert (fill.price, fill.commission_asset) == (units("49999.99"), "USDT")
    assert fill.commission == units("24.999995")
    assert held(engine, "USDT") == (units("24999.995") - fill.commission, 0)


def test_quote_amount_buys_whole_lot_steps_and_is_never_exceeded():
    engine = engine_with(USDT="100")

    bought, _ = engine.place(order(quantity=None, quote_order_qty="100"), AT_50000, NOON)

    assert (bought.orig_qty, bought.orig_quote_order_qty) == amounts("0.00199", "100")
    assert held(engine, "USDT") == (units("100") - units("0.00199") * 5000001 // 100, 0)


def test_order_larger_than_a_level_walks_the_ladder_and_the_next_one_begins_where_it_ended():
    engine = engine_with(USDT="1000000")
    thin = quote("50000", level="2", gap="10", levels=3)

    _, first = engine.place(order(quantity="3"), thin, NOON)
    _, second = engine.place(order(quantity="1.5"), thin, NOON)
    _, later = engine.place(order(quantity="1"), quote("50000", level="2", gap="10", step=2), NOON)

    assert [(fill.price, fill.qty) for fill in first] == [amounts("50000.01", "2"), amounts("50010.01", "1")]
    assert [(fill.price, fill.qty) for fill in second] == [amounts("50010.01", "1"), amounts("50020.01", "0.5")]
    assert [(fill.price, fill.qty) for fill in later] == [amounts("50000.01", "1")]


def test_market_order_that_the_ladder_cannot_fill_expires_with_what_it_got():
    engine = engine_with(BTC="10")

    sold, fills = engine.place(order(side="SELL", quantity="5"), quote("50000", level="1", levels=3), NOON)

    assert (sold.status, sold.expiry_reason) == ("EXPIRED", "INSUFFICIENT_LIQUIDITY")
    assert sold.executed_qty == sum(fill.qty for fill in fills) == units("3")
    assert held(engine, "BTC") == amounts("7", "0")


@pytest.mark.parametrize(
    ("side", "asked", "paid"),
    [
        # 400,000 on two levels of 1 each: what they do not give is counted at the price of the second.
        ("BUY", "7.99859", "100010.02"),
        ("SELL", "8.00140", "99989.98"),
    ],
)
def test_quote_amount_that_the_ladder_cannot_fill_expires_with_what_it_got(side, asked, paid):
    engine = engine_with(USDT="1000000", BTC="20")
    thin = quote("50000", level="1", gap="10", levels=2)

    first, fills = engine.place(order(side=side, quantity=None, quote_order_qty="400000"), thin, NOON)
    second, none = engine.place(
        order(side=side, quantity=None, quote_order_qty="5000", client_order_id="c2"), thin, NOON
    )

    assert (first.status, first.expiry_reason) == ("EXPIRED", "INSUFFICIENT_LIQUIDITY")
    assert (first.orig_qty, first.executed_qty, first.cum_quote) == amounts(asked, "2", paid)
    assert [fill.qty for fill in fills] == list(amounts("1", "1"))
    assert (second.status, second.expiry_reason) == ("EXPIRED", "INSUFFICIENT_LIQUIDITY")
    assert (second.executed_qty, none) == (0, [])


def test_limit_order_takes_what_is_good_enough_and_rests_with_the_remainder():
    engine = engine_with(USDT="500000")

    placed, fills = engine.place(limit("50001", quantity="5"), quote("50000", level="2", gap="1", levels=9), NOON)

    assert [fill.price for fill in fills] == [units("50000.01")]
    assert (placed.status, placed.remaining_qty) == ("PARTIALLY_FILLED", units("3"))
    assert held(engine, "USDT")[1] == units("50001") * 3


def test_resting_buy_locks_its_price_and_a_cancel_gives_it_back():
    engine = engine_with(USDT="10000")

    resting, _ = engine.place(limit("40000"), AT_50000, NOON)
    status, locked = resting.status, held(engine, "USDT")
    pair, (canceled,) = engine.cancel(resting, NOON + 5)

    assert status == "NEW"
    assert locked == amounts("6000", "4000")
    assert (pair, canceled.status, canceled.update_ms) == (None, "CANCELED", NOON + 5)
    assert held(engine, "USDT") == amounts("10000", "0")
    assert not engine.open_orders(1)


@pytest.mark.parametrize(
    ("side", "price", "before", "reached"),
    [("BUY", "49000", "49000.01", "49000"), ("SELL", "51000", "50999.99", "51000")],
)
def test_resting_order_fills_at_its_limit_when_the_price_reaches_it(side, price, before, reached):
    engine = engine_with(USDT="10000", BTC="1")
    resting, _ = engine.place(limit(price, side=side), AT_50000, NOON)

    early = engine.on_quote("BTCUSDT", quote(before), NOON + 1)
    (fill,) = engine.on_quote("BTCUSDT", quote(reached), NOON + 2)

    assert not early
    assert resting.status == "FILLED"
    assert (fill.price, fill.is_maker) == (units(price), True)
    assert held(engine, "USDT")[1] == held(engine, "BTC")[1] == 0


def test_resting_order_gets_the_more_the_further_the_price_goes_beyond_it():
    engine = engine_with(USDT="500000")
    resting, _ = engine.place(limit("49000", quantity="10"), AT_50000, NOON)

    (first,) = engine.on_quote("BTCUSDT", quote("49000", level="2", gap="10"), NOON)
    (second,) = engine.on_quote("BTCUSDT", quote("48980", level="2", gap="10"), NOON)

    assert (first.qty, second.qty) == amounts("2", "6")
    assert (resting.status, held(engine, "USDT")[1]) == ("PARTIALLY_FILLED", units("98000"))


def test_prices_reach_the_better_limit_first():
    engine = engine_with(USDT="100000")
    for name, price in (("low", "48000"), ("high", "49000"), ("middle", "48500")):
        engine.place(limit(price, client_order_id=name), AT_50000, NOON)

    filled = engine.on_quote("BTCUSDT", quote("48400"), NOON)

    assert [fill.price for fill in filled] == list(amounts("49000", "48500"))
    assert [left.client_order_id for left in engine.open_orders(1)] == ["low"]


def test_marketable_limit_fills_at_the_ask_and_locks_nothing():
    engine = engine_with(USDT="10000")

    _, (fill,) = engine.place(limit("60000"), AT_50000, NOON)

    assert (fill.price, fill.is_maker) == (units("50000.01"), False)
    assert held(engine, "USDT")[1] == 0


@pytest.mark.parametrize(
    ("time_in_force", "reason"),
    [("IOC", "UNFILLED_IOC_QUANTITY_EXPIRED"), ("FOK", "UNFILLED_FOK_ORDER_EXPIRED")],
)
def test_order_that_must_not_wait_expires_without_a_trace_in_the_book(time_in_force, reason):
    engine = engine_with(USDT="10000")

    placed, _ = engine.place(limit("40000", time_in_force=time_in_force), AT_50000, NOON)

    assert (placed.status, placed.expiry_reason) == ("EXPIRED", reason)
    assert not engine.open_orders(1)
    assert held(engine, "USDT") == amounts("10000", "0")


@pytest.mark.parametrize(("time_in_force", "got"), [("IOC", "2"), ("FOK", "0")])
def test_only_all_or_nothing_refuses_a_part(time_in_force, got):
    engine = engine_with(BTC="10")
    new = limit("49999", side="SELL", quantity="3", time_in_force=time_in_force)

    placed, _ = engine.place(new, quote("50000", level="2", gap="10"), NOON)

    assert (placed.status, placed.executed_qty) == ("EXPIRED", units(got))
    assert held(engine, "BTC") == (units("10") - units(got), 0)


@pytest.mark.parametrize("time_in_force", ["IOC", "FOK"])
def test_order_that_must_not_wait_fills_when_the_price_is_good(time_in_force):
    engine = engine_with(USDT="10000")

    placed, _ = engine.place(limit("50001", time_in_force=time_in_force), AT_50000, NOON)

    assert placed.status == "FILLED"


def test_client_id_is_unique_among_open_orders_only():
    engine = engine_with(USDT="10000")
    give(engine, 2, USDT="10000")
    engine.place(limit("40000", client_order_id="mine"), AT_50000, NOON)

    with pytest.raises(Rejected, match="-2010 Duplicate order sent"):
        engine.place(order(client_order_id="mine"), AT_50000, NOON)
    engine.place(order(client_order_id="mine", account_id=2), AT_50000, NOON)
    engine.cancel(engine.open_orders(1)[0], NOON)
    again, _ = engine.place(order(client_order_id="mine"), AT_50000, NOON)

    assert again.status == "FILLED"


def test_account_never_sees_an_order_of_another():
    engine = engine_with(USDT="10000")
    give(engine, 2, USDT="1")
    resting, _ = engine.place(limit("40000"), AT_50000, NOON)

    assert engine.books["BTCUSDT"].by_id(2, resting.order_id) is None
    assert engine.books["BTCUSDT"].by_client_id(2, "c1") is None
    assert engine.open_orders(2) == []


def test_refused_order_changes_nothing():
    journal = Journal()
    engine = engine_with(journal, USDT="100")
    journal.take()

    with pytest.raises(Rejected, match="-2010 Account has insufficient balance for requested action"):
        engine.place(order(quantity="0.1"), AT_50000, NOON)

    assert held(engine, "USDT") == amounts("100", "0")
    assert not engine.open_orders(1)
    assert not journal


@pytest.mark.parametrize("status", ["BREAK", "HALT", "END_OF_DAY", "CANCEL_ONLY"])
def test_closed_market_takes_no_orders_fills_none_and_lets_them_be_cancelled(status):
    engine = engine_with(USDT="10000")
    resting, _ = engine.place(limit("40000"), AT_50000, NOON)

    engine.set_status("BTCUSDT", status)

    with pytest.raises(Rejected, match="-1013 Market is closed"):
        engine.place(order(client_order_id="c2"), AT_50000, NOON)
    assert not engine.on_quote("BTCUSDT", quote("1000"), NOON)
    engine.cancel(resting, NOON)
    assert held(engine, "USDT") == amounts("10000", "0")


def test_post_only_order_refuses_to_take():
    engine = engine_with(USDT="10000")

    with pytest.raises(Rejected, match="-2010 Order would immediately match and take"):
        engine.place(limit("50001", type="LIMIT_MAKER"), AT_50000, NOON)


def test_ids_are_numbered_by_symbol_and_go_on_after_a_restart():
    state = SpotState(next_order_ids={"BTCUSDT": 77}, next_trade_ids={"BTCUSDT": 99})
    engine = SpotEngine(RULES, Journal(), state)
    give(engine, 1, USDT="10000")

    bought, (fill,) = engine.place(order(), AT_50000, NOON)
    first, _ = engine.place(order(symbol="ETHUSDT"), quote("3000"), NOON)
    other, _ = engine.place(order(symbol="XRPUSDT", quantity="10"), quote("3"), NOON)

    assert (bought.order_id, fill.trade_id) == (77, 99)
    assert first.order_id == other.order_id > 2**32


def test_orders_that_come_and_go_leave_nothing_in_memory():
    engine = engine_with(USDT="10000", BTC="1")
    engine.place(limit("40001", client_order_id="stays", quantity="0.001"), AT_50000, NOON)
    for number in range(3000):
        side, price = ("BUY", "40000") if number % 2 else ("SELL", "60000")
        new = limit(price, side=side, client_order_id=f"c{number}", quantity="0.001")
        placed, _ = engine.place(new, AT_50000, NOON)
        engine.cancel(placed, NOON)

    book = engine.books["BTCUSDT"]
    assert len(book) == 1
    assert len(book._buys) + len(book._sells) < 1100
    (fill,) = engine.on_quote("BTCUSDT", quote("40001"), NOON)
    assert fill.price == units("40001")

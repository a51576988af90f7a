from decimal import Decimal

import pytest

from market.paper.engine.engine import Engine, State
from market.paper.engine.types import Rejected
from market.paper.tests.rules import NOON, RULES, engine_with, limit, open_account, order, quote

AT_50000 = quote("50000")


def held(engine: Engine, asset: str, account_id: int = 1) -> tuple[Decimal, Decimal]:
    balance = engine.balances.of(account_id, asset)
    return balance.free, balance.locked


def test_market_buy_pays_the_ask_and_leaves_the_commission_in_base():
    engine = engine_with(USDT="10000")

    effects = engine.place(order(quantity="0.1"), AT_50000, NOON)

    (fill,) = effects.fills
    assert (fill.price, fill.commission, fill.commission_asset) == (Decimal("50000.01"), Decimal("0.0001"), "BTC")
    assert held(engine, "BTC") == (Decimal("0.0999"), 0)
    assert held(engine, "USDT") == (Decimal("4999.999"), 0)
    assert effects.orders[-1].status == "FILLED"
    assert effects.orders[-1].cummulative_quote_qty == Decimal("5000.001")


def test_market_sell_gets_the_bid_and_pays_the_commission_in_quote():
    engine = engine_with(BTC="1")

    (fill,) = engine.place(order(side="SELL", quantity="0.5"), AT_50000, NOON).fills

    assert (fill.price, fill.commission_asset) == (Decimal("49999.99"), "USDT")
    assert fill.commission == Decimal("24.999995")
    assert held(engine, "USDT") == (Decimal("24999.995") - Decimal("24.999995"), 0)


def test_quote_amount_buys_whole_lot_steps_and_is_never_exceeded():
    engine = engine_with(USDT="100")

    effects = engine.place(order(quantity=None, quote_order_qty="100"), AT_50000, NOON)

    assert effects.orders[-1].orig_qty == Decimal("0.00199")
    assert effects.orders[-1].orig_quote_order_qty == 100
    assert held(engine, "USDT")[0] == 100 - Decimal("0.00199") * Decimal("50000.01")


def test_resting_buy_locks_its_price_and_a_cancel_gives_it_back():
    engine = engine_with(USDT="10000")

    (resting,) = engine.place(limit("40000"), AT_50000, NOON).orders
    locked = held(engine, "USDT")
    canceled = engine.cancel(engine.books["BTCUSDT"].by_id(1, resting.order_id), NOON + 5).orders[-1]

    assert resting.status == "NEW"
    assert locked == (6000, 4000)
    assert (canceled.status, canceled.update_ms) == ("CANCELED", NOON + 5)
    assert held(engine, "USDT") == (10000, 0)


@pytest.mark.parametrize(
    ("side", "price", "before", "reached"),
    [("BUY", "49000", "49000.01", "49000"), ("SELL", "51000", "50999.99", "51000")],
)
def test_resting_order_fills_at_its_limit_when_the_price_reaches_it(side, price, before, reached):
    engine = engine_with(USDT="10000", BTC="1")
    engine.place(limit(price, side=side), AT_50000, NOON)

    early = engine.on_price("BTCUSDT", Decimal(before), NOON + 1)
    effects = engine.on_price("BTCUSDT", Decimal(reached), NOON + 2)

    assert not early
    assert effects.orders[-1].status == "FILLED"
    assert (effects.fills[0].price, effects.fills[0].is_maker) == (Decimal(price), True)
    assert held(engine, "USDT")[1] == held(engine, "BTC")[1] == 0


def test_prices_reach_the_better_limit_first():
    engine = engine_with(USDT="100000")
    for name, price in (("low", "48000"), ("high", "49000"), ("middle", "48500")):
        engine.place(limit(price, client_order_id=name), AT_50000, NOON)

    filled = engine.on_price("BTCUSDT", Decimal("48400"), NOON).orders

    assert [done.client_order_id for done in filled] == ["high", "middle"]
    assert [left.client_order_id for left in engine.open_orders(1)] == ["low"]


def test_marketable_limit_fills_at_the_ask_and_locks_nothing():
    engine = engine_with(USDT="10000")

    effects = engine.place(limit("60000"), AT_50000, NOON)

    assert effects.fills[0].price == Decimal("50000.01")
    assert not effects.fills[0].is_maker
    assert held(engine, "USDT")[1] == 0


@pytest.mark.parametrize("time_in_force", ["IOC", "FOK"])
def test_order_that_must_not_wait_expires_without_a_trace_in_the_book(time_in_force):
    engine = engine_with(USDT="10000")

    effects = engine.place(limit("40000", time_in_force=time_in_force), AT_50000, NOON)

    assert effects.orders[-1].status == "EXPIRED"
    assert not engine.open_orders(1)
    assert held(engine, "USDT") == (10000, 0)


@pytest.mark.parametrize("time_in_force", ["IOC", "FOK"])
def test_order_that_must_not_wait_fills_when_the_price_is_good(time_in_force):
    engine = engine_with(USDT="10000")

    assert engine.place(limit("50001", time_in_force=time_in_force), AT_50000, NOON).orders[-1].status == "FILLED"


def test_client_id_is_unique_among_open_orders_only():
    engine = engine_with(USDT="10000")
    open_account(engine, 2, USDT="10000")
    engine.place(limit("40000", client_order_id="mine"), AT_50000, NOON)

    with pytest.raises(Rejected, match="-2010 Duplicate order sent"):
        engine.place(order(client_order_id="mine"), AT_50000, NOON)
    engine.place(order(client_order_id="mine", account_id=2), AT_50000, NOON)
    engine.cancel(engine.open_orders(1)[0], NOON)
    again = engine.place(order(client_order_id="mine"), AT_50000, NOON)

    assert again.orders[-1].status == "FILLED"


def test_account_never_sees_an_order_of_another():
    engine = engine_with(USDT="10000")
    open_account(engine, 2, USDT="1")
    (resting,) = engine.place(limit("40000"), AT_50000, NOON).orders

    assert engine.books["BTCUSDT"].by_id(2, resting.order_id) is None
    assert engine.books["BTCUSDT"].by_client_id(2, "c1") is None
    assert engine.open_orders(2) == []


def test_refused_order_changes_nothing():
    engine = engine_with(USDT="100")

    with pytest.raises(Rejected, match="-2010 Account has insufficient balance for requested action"):
        engine.place(order(quantity="0.1"), AT_50000, NOON)

    assert held(engine, "USDT") == (100, 0)
    assert not engine.open_orders(1)


def test_closed_market_takes_no_orders_and_fills_none():
    engine = engine_with(USDT="10000")
    engine.place(limit("40000"), AT_50000, NOON)

    engine.set_status("BTCUSDT", "BREAK")

    with pytest.raises(Rejected, match="-1013 Market is closed"):
        engine.place(order(client_order_id="c2"), AT_50000, NOON)
    assert not engine.on_price("BTCUSDT", Decimal(1000), NOON)
    engine.cancel(engine.open_orders(1)[0], NOON)
    assert held(engine, "USDT") == (10000, 0)


def test_post_only_order_refuses_to_take():
    engine = engine_with(USDT="10000")

    with pytest.raises(Rejected, match="-2010 Order would immediately match and take"):
        engine.place(limit("50001", type="LIMIT_MAKER"), AT_50000, NOON)


def test_engine_restored_from_its_state_goes_on_with_the_next_ids():
    engine = Engine(RULES, State(next_order_id=77, next_trade_id=99))
    open_account(engine, 1, USDT="10000")

    effects = engine.place(order(), AT_50000, NOON)

    assert (effects.orders[-1].order_id, effects.fills[0].trade_id) == (77, 99)


def test_orders_that_come_and_go_leave_nothing_in_memory():
    engine = engine_with(USDT="10000", BTC="1")
    engine.place(limit("40001", client_order_id="stays", quantity="0.001"), AT_50000, NOON)
    for number in range(3000):
        side, price = ("BUY", "40000") if number % 2 else ("SELL", "60000")
        new = limit(price, side=side, client_order_id=f"c{number}", quantity="0.001")
        (order,) = engine.place(new, AT_50000, NOON).orders
        engine.cancel(engine.books["BTCUSDT"].by_id(1, order.order_id), NOON)

    book = engine.books["BTCUSDT"]
    assert len(book) == 1
    assert len(book._buys) + len(book._sells) < 1100
    assert engine.on_price("BTCUSDT", Decimal(40001), NOON).orders[0].client_order_id == "stays"

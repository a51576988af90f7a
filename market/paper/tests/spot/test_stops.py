"""Stop orders. The trailing scenarios are those of Binance's FAQ on trailing stop orders."""

import pytest

from market.paper.engine.amounts import units
from market.paper.engine.types import Rejected
from market.paper.tests.spot.rules import NOON, amounts, engine_with, held, limit, order, quote, stop

AT_50000 = quote("50000")

KINDS = [
    ("BUY", "STOP_LOSS", "51000", "50999.99"),
    ("SELL", "STOP_LOSS", "49000", "49000.01"),
    ("SELL", "TAKE_PROFIT", "51000", "50999.99"),
    ("BUY", "TAKE_PROFIT", "49000", "49000.01"),
]


@pytest.mark.parametrize(("side", "kind", "trigger", "before"), KINDS)
def test_stop_order_sleeps_until_the_price_comes_to_it_and_then_trades_at_market(side, kind, trigger, before):
    engine = engine_with(USDT="10000", BTC="1")
    placed, fills = engine.place(stop(trigger, side=side, type=kind), AT_50000, NOON)
    working = placed.is_working

    early = engine.on_quote("BTCUSDT", quote(before), NOON + 1)
    (fill,) = engine.on_quote("BTCUSDT", quote(trigger), NOON + 2)

    assert (fills, early, working) == ([], [], False)
    assert (placed.status, placed.working_ms, placed.update_ms) == ("FILLED", NOON + 2, NOON + 2)
    assert not fill.is_maker
    assert fill.price == units(trigger) + units("0.01") * (1 if side == "BUY" else -1)
    assert held(engine, "USDT")[1] == held(engine, "BTC")[1] == 0
    assert not engine.watches("BTCUSDT")


@pytest.mark.parametrize(("side", "kind", "trigger", "before"), KINDS)
def test_stop_on_the_wrong_side_of_the_market_is_refused(side, kind, trigger, before):
    engine = engine_with(USDT="10000", BTC="1")

    for last in (trigger, "60000" if units(trigger) > units("50000") else "40000"):
        with pytest.raises(Rejected, match="-2010 Order would trigger immediately"):
            engine.place(stop(trigger, side=side, type=kind), quote(last), NOON)


def test_waiting_stop_locks_its_money_and_a_cancel_gives_it_back():
    engine = engine_with(USDT="10000", BTC="1")

    buy, _ = engine.place(stop("51000"), AT_50000, NOON)
    sell, _ = engine.place(stop("49000", side="SELL", client_order_id="c2"), AT_50000, NOON)
    trail, _ = engine.place(stop(None, trailing_delta=100, quantity="0.01", client_order_id="c3"), AT_50000, NOON)
    locked = held(engine, "USDT")[1], held(engine, "BTC")[1]
    for placed in (buy, sell, trail):
        engine.cancel(placed, NOON)

    assert locked == (units("5100") + units("505"), units("0.1"))
    assert (held(engine, "USDT"), held(engine, "BTC")) == (amounts("10000", "0"), amounts("1", "0"))
    assert not engine.watches("BTCUSDT")
    assert not engine.on_quote("BTCUSDT", quote("60000"), NOON)


def test_stop_limit_rests_at_its_limit_when_the_market_jumps_past_it():
    engine = engine_with(BTC="1")
    new = stop("49000", side="SELL", type="STOP_LOSS_LIMIT", price="48990")
    placed, _ = engine.place(new, AT_50000, NOON)

    jumped = engine.on_quote("BTCUSDT", quote("48000"), NOON + 1)
    (fill,) = engine.on_quote("BTCUSDT", quote("48990"), NOON + 2)

    assert jumped == []
    assert (fill.price, fill.is_maker, placed.working_ms) == (units("48990"), True, NOON + 1)
    assert (placed.status, placed.type) == ("FILLED", "STOP_LOSS_LIMIT")


def test_stop_limit_takes_what_its_limit_allows_at_once():
    engine = engine_with(BTC="9")
    new = stop("49000", side="SELL", type="STOP_LOSS_LIMIT", price="48985", quantity="5")
    placed, _ = engine.place(new, AT_50000, NOON)

    fills = engine.on_quote("BTCUSDT", quote("49000", level="2", gap="10"), NOON + 1)

    assert [fill.price for fill in fills] == list(amounts("48999.99", "48989.99"))
    assert (placed.status, held(engine, "BTC")) == ("PARTIALLY_FILLED", amounts("4", "1"))


def test_stop_that_cannot_be_paid_when_it_wakes_expires():
    engine = engine_with(USDT="5100")
    placed, _ = engine.place(stop("51000"), AT_50000, NOON)

    fills = engine.on_quote("BTCUSDT", quote("55000"), NOON + 1)

    assert (fills, placed.status, placed.expiry_reason) == ([], "EXPIRED", "REJECTED")
    assert held(engine, "USDT") == amounts("5100", "0")
    assert not engine.open_orders(1)


def follow(new, *path: str) -> list[bool]:
    """Whether the order has begun to work after each price. It is placed at 40000."""
    engine = engine_with(USDT="100000", BTC="1")
    placed, _ = engine.place(new, quote("40000"), NOON)
    worked = []
    for number, price in enumerate(path):
        engine.on_quote("BTCUSDT", quote(price), NOON + number)
        worked.append(placed.is_working)
    return worked


@pytest.mark.parametrize(
    ("kind", "side", "trigger", "delta", "price", "path"),
    [
        ("STOP_LOSS_LIMIT", "BUY", "44000", 500, "45000", "37000 44000 46000 42000 44099.99 44100"),
        ("STOP_LOSS_LIMIT", "SELL", "39000", 1000, "38000", "41500 39000 37000 41000 36900.01 36900"),
        ("TAKE_PROFIT_LIMIT", "BUY", "38000", 850, "38500", "42000 38000 37000 39000 38000 40144.99 40145"),
        ("TAKE_PROFIT_LIMIT", "SELL", "42000", 750, "41000", "41500 39000 42000 45000 44000 46500 43012.51 43012.5"),
        ("STOP_LOSS_LIMIT", "SELL", None, 700, "39000", "42000 39500 45500 42315.01 42315"),
    ],
    ids="ABCDE",
)
def test_trailing_order_works_when_the_market_has_turned_by_its_distance(kind, side, trigger, delta, price, path):
    new = stop(trigger, type=kind, side=side, trailing_delta=delta, price=price)

    worked = follow(new, *path.split())

    assert worked == [False] * (len(worked) - 1) + [True]


def test_trailing_order_remembers_when_it_began_to_follow_and_its_best_price():
    engine = engine_with(BTC="1")
    new = stop("51000", side="SELL", type="TAKE_PROFIT", trailing_delta=100)
    placed, _ = engine.place(new, AT_50000, NOON)
    before = placed.trailing_ms

    for number, price in enumerate(["50500", "51000", "52000", "51900"]):
        engine.on_quote("BTCUSDT", quote(price), NOON + number)

    assert before == -1
    assert (placed.trailing_ms, placed.trailing_best) == (NOON + 1, units("52000"))


def test_resting_orders_are_filled_before_stops_are_woken():
    engine = engine_with(USDT="10000", BTC="1")
    engine.place(limit("49000", client_order_id="rests"), AT_50000, NOON)
    engine.place(stop("49000", side="SELL"), AT_50000, NOON)

    fills = engine.on_quote("BTCUSDT", quote("49000"), NOON)

    assert [fill.is_maker for fill in fills] == [True, False]


def test_market_order_is_no_stop():
    engine = engine_with(USDT="10000")
    engine.place(order(), AT_50000, NOON)

    assert not engine.watches("BTCUSDT")

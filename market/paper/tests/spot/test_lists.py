from dataclasses import replace

import pytest

from market.paper.engine.amounts import units
from market.paper.engine.journal import Journal
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.types import Rejected
from market.paper.tests.spot.rules import NOON, RULES, amounts, engine_with, give, held, limit, oco, order, quote

AT_50000 = quote("50000")
BUY = {
    "side": "BUY",
    "stop": {"type": "STOP_LOSS_LIMIT", "stop_price": "52000", "price": "52100"},
    "other": {"price": "48000"},
}


def news_of(journal: Journal) -> list[tuple]:
    """The events of account 1 in short."""
    told = []
    for news in journal.take().news:
        if news.kind == "executionReport":
            told.append((news.order.client_order_id, news.details["execution"], news.order.status))
        elif news.kind == "listStatus":
            told.append(("list", news.details["status_type"], news.details["pair"].status))
    return told


def test_pair_locks_its_money_once():
    engine = engine_with(BTC="0.1", USDT="6000")

    for new in (oco(), oco("2", **BUY)):
        engine.place_list(new, AT_50000, NOON)

    assert held(engine, "BTC") == amounts("0", "0.1")
    assert held(engine, "USDT") == amounts("790", "5210")


def test_limit_order_of_a_pair_works_at_once_and_the_stop_waits():
    engine = engine_with(BTC="1")

    pair, (stop, other) = engine.place_list(oco(), AT_50000, NOON)

    assert (stop.status, stop.is_working, other.status, other.is_working) == ("NEW", False, "NEW", True)
    assert stop.order_list_id == other.order_list_id == pair.order_list_id
    assert pair.order_ids == (stop.order_id, other.order_id)
    assert engine.lists.of_account(1) == [pair]
    assert engine.open_orders(1) == [stop, other]


@pytest.mark.parametrize(("price", "level"), [("52000", "1000"), ("52000", "0.04")])
def test_stop_goes_when_the_limit_order_fills_even_in_part(price, level):
    engine = engine_with(BTC="1")
    pair, (stop, other) = engine.place_list(oco(), AT_50000, NOON)

    (fill,) = engine.on_quote("BTCUSDT", quote(price, level=level), NOON + 1)

    assert fill.order_id == other.order_id
    assert (stop.status, stop.expiry_reason, stop.update_ms) == ("EXPIRED", "OCO_TRIGGER", NOON + 1)
    assert (pair.status, pair.update_ms, engine.lists.everything()) == ("ALL_DONE", NOON + 1, [])
    assert held(engine, "BTC") == (units("0.9"), other.remaining_qty)
    assert not engine.on_quote("BTCUSDT", quote("47000"), NOON + 2)


def test_limit_order_goes_when_the_stop_wakes():
    engine = engine_with(BTC="1")
    pair, (stop, other) = engine.place_list(oco(), AT_50000, NOON)

    (fill,) = engine.on_quote("BTCUSDT", quote("48000"), NOON + 1)

    assert (fill.order_id, stop.status) == (stop.order_id, "FILLED")
    assert (other.status, other.expiry_reason, pair.status) == ("EXPIRED", "OCO_TRIGGER", "ALL_DONE")
    assert held(engine, "BTC") == amounts("0.9", "0")
    assert not engine.open_orders(1)


def test_bought_pair_gives_back_what_the_dearer_order_had_locked():
    engine = engine_with(USDT="6000")
    _, (stop, other) = engine.place_list(oco(**BUY), AT_50000, NOON)

    engine.on_quote("BTCUSDT", quote("48000", level="0.05"), NOON + 1)
    left = held(engine, "USDT")
    engine.cancel(other, NOON + 2)

    assert left == amounts("1200", "2400")
    assert (other.status, stop.status) == ("CANCELED", "EXPIRED")
    assert held(engine, "USDT") == amounts("3600", "0")


def test_pair_of_two_stops_keeps_the_one_that_wakes_first():
    engine = engine_with(BTC="1")
    new = oco(other={"type": "TAKE_PROFIT_LIMIT", "price": "51990", "stop_price": "52000"})
    _, (stop, other) = engine.place_list(new, AT_50000, NOON)

    engine.on_quote("BTCUSDT", quote("52000"), NOON + 1)

    assert (other.status, stop.status) == ("FILLED", "EXPIRED")
    assert held(engine, "BTC") == amounts("0.9", "0")


@pytest.mark.parametrize("leg", [0, 1])
def test_cancel_of_one_order_cancels_the_pair(leg):
    journal = Journal()
    engine = engine_with(journal, BTC="1")
    pair, legs = engine.place_list(oco(), AT_50000, NOON)
    journal.watched.add(1)

    done, canceled = engine.cancel(legs[leg], NOON + 1, cancel_id="why")

    assert (done, canceled, pair.status) == (pair, legs, "ALL_DONE")
    assert [each.status for each in legs] == ["CANCELED", "CANCELED"]
    assert held(engine, "BTC") == amounts("1", "0")
    assert not engine.open_orders(1)
    assert not engine.watches("BTCUSDT")
    assert news_of(journal) == [
        ("stop", "CANCELED", "CANCELED"),
        ("other", "CANCELED", "CANCELED"),
        ("list", "ALL_DONE", "ALL_DONE"),
    ]


def test_every_turn_of_a_pair_is_told():
    journal = Journal()
    engine = engine_with(journal, BTC="1")
    journal.watched.add(1)

    engine.place_list(oco(), AT_50000, NOON)
    placed = news_of(journal)
    engine.on_quote("BTCUSDT", quote("48000"), NOON + 1)

    assert placed == [("stop", "NEW", "NEW"), ("other", "NEW", "NEW"), ("list", "EXEC_STARTED", "EXECUTING")]
    assert news_of(journal) == [
        ("other", "EXPIRED", "EXPIRED"),
        ("list", "ALL_DONE", "ALL_DONE"),
        ("stop", "NEW", "NEW"),
        ("stop", "TRADE", "FILLED"),
    ]


@pytest.mark.parametrize(
    "new",
    [
        oco(stop={"stop_price": "50000"}),
        oco(stop={"stop_price": "50001"}),
        oco(other={"price": "50000"}),
        oco(other={"type": "TAKE_PROFIT", "price": None, "stop_price": "50000"}),
        oco(**BUY | {"stop": BUY["stop"] | {"stop_price": "50000"}}),
        oco(**BUY | {"other": {"price": "50000"}}),
    ],
)
def test_prices_of_a_pair_are_on_either_side_of_the_market(new):
    engine = engine_with(BTC="1", USDT="10000")

    with pytest.raises(Rejected, match="-2010 The relationship of the prices for the orders is not correct"):
        engine.place_list(new, AT_50000, NOON)
    assert not engine.open_orders(1)


def test_client_ids_of_a_pair_are_unique_among_open_orders_and_lists():
    engine = engine_with(BTC="1", USDT="100000")
    engine.place(limit("40000", client_order_id="taken"), AT_50000, NOON)

    for new in (
        oco(stop={"client_order_id": "taken"}),
        oco(other={"client_order_id": "taken"}),
        oco(stop={"client_order_id": "other"}),
    ):
        with pytest.raises(Rejected, match="-2010 Duplicate order sent"):
            engine.place_list(new, AT_50000, NOON)
    engine.place_list(oco(), AT_50000, NOON)
    with pytest.raises(Rejected, match="-2010 Duplicate order sent"):
        engine.place_list(replace(oco("2"), client_order_id="pair"), AT_50000, NOON)


def test_pair_needs_the_money_of_its_dearer_order():
    engine = engine_with(USDT="5209.99")

    with pytest.raises(Rejected, match="-2010 Account has insufficient balance"):
        engine.place_list(oco(**BUY), AT_50000, NOON)


def test_number_of_open_lists_is_limited():
    engine = SpotEngine({"BTCUSDT": replace(RULES["BTCUSDT"], max_num_order_lists=1)}, Journal())
    give(engine, 1, BTC="1")
    engine.place_list(oco(), AT_50000, NOON)

    with pytest.raises(Rejected, match="-1013 Filter failure: MAX_NUM_ORDER_LISTS"):
        engine.place_list(oco("2"), AT_50000, NOON)


def test_pair_counts_as_two_orders():
    engine = engine_with(BTC="1", USDT="100000")
    for number in range(199):
        engine.place(limit("40000", client_order_id=f"c{number}", quantity="0.001"), AT_50000, NOON)

    with pytest.raises(Rejected, match="-1013 Filter failure: MAX_NUM_ORDERS"):
        engine.place_list(oco(), AT_50000, NOON)
    engine.place(order(side="SELL", client_order_id="last"), AT_50000, NOON)


def test_of_two_trailing_orders_that_turn_together_only_one_works():
    engine = engine_with(BTC="1")
    stop = {"stop_price": None, "trailing_delta": 100}
    profit = {"type": "TAKE_PROFIT", "price": None, "stop_price": "52000", "trailing_delta": 100}
    _, legs = engine.place_list(oco(stop=stop, other=profit), AT_50000, NOON)

    for price in ("53000", "52470"):
        fills = engine.on_quote("BTCUSDT", quote(price), NOON)

    assert sorted(leg.status for leg in legs) == ["EXPIRED", "FILLED"]
    assert sum(fill.qty for fill in fills) == units("0.1")
    assert held(engine, "BTC") == amounts("0.9", "0")


def test_closed_market_takes_no_pairs():
    engine = engine_with(BTC="1")
    engine.set_status("BTCUSDT", "CANCEL_ONLY")

    with pytest.raises(Rejected, match="-1013 Market is closed"):
        engine.place_list(oco(), AT_50000, NOON)


def test_lists_are_found_by_symbol_and_forgotten_when_done():
    engine = engine_with(BTC="1", ETH="10")
    terms = {"quantity": "1", "stop": {"stop_price": "2800"}, "other": {"price": "3200"}}
    bitcoin, _ = engine.place_list(oco(), AT_50000, NOON)
    ether, _ = engine.place_list(oco("2", symbol="ETHUSDT", **terms), quote("3000"), NOON)

    assert engine.lists.of_account(1, "BTCUSDT") == [bitcoin]
    assert engine.lists.of_account(1) == [bitcoin, ether]
    for pair in (bitcoin, ether):
        engine.cancel_list(pair, NOON)
    assert not engine.lists._by_account


def test_order_of_a_pair_can_be_filled_on_command():
    engine = engine_with(BTC="1")
    _, (stop, other) = engine.place_list(oco(), AT_50000, NOON)

    (fill,) = engine.fill_resting(other, NOON)

    assert (fill.price, fill.is_maker, other.status) == (units("52000"), True, "FILLED")
    assert stop.status == "EXPIRED"
    assert held(engine, "BTC") == amounts("0.9", "0")

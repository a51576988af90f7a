from dataclasses import replace

import pytest

from market.paper.engine.amounts import units
from market.paper.engine.journal import Journal
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.types import Rejected
from market.paper.tests.spot.rules import NOON, RULES, amounts, engine_with, give, held, limit, oco, quote

AT_50000 = quote("50000")


def test_order_that_is_cut_down_keeps_its_id_and_gets_money_back():
    engine = engine_with(USDT="10000")
    resting, _ = engine.place(limit("40000"), AT_50000, NOON)
    number = resting.order_id

    engine.amend(resting, units("0.05"), "renamed", NOON + 1)

    assert (resting.order_id, resting.orig_qty, resting.update_ms) == (number, units("0.05"), NOON + 1)
    assert held(engine, "USDT") == amounts("8000", "2000")
    assert engine.books["BTCUSDT"].by_client_id(1, "renamed") is resting
    assert engine.books["BTCUSDT"].by_client_id(1, "c1") is None


def test_order_that_is_cut_down_keeps_its_place():
    engine = engine_with(USDT="10000")
    first, _ = engine.place(limit("40000"), AT_50000, NOON)
    engine.place(limit("40000", client_order_id="c2"), AT_50000, NOON)

    engine.amend(first, units("0.05"), "c1", NOON)
    (fill,) = engine.on_quote("BTCUSDT", quote("40000", level="0.05"), NOON)

    assert (fill.order_id, first.status) == (first.order_id, "FILLED")


@pytest.mark.parametrize(
    ("quantity", "name", "refusal"),
    [
        ("0.1", "c1", "-2038 The requested action would change no state; rejecting"),
        ("0.11", "c1", r"-2038 Order amend \(quantity increase\) is not supported"),
        ("0.02", "c1", "-2038 Invalid quantity"),
        ("0.050001", "c1", "-1013 Filter failure: LOT_SIZE"),
        ("0.05", "taken", "-2010 Duplicate order sent"),
    ],
)
def test_order_is_only_ever_cut_down_to_something_valid(quantity, name, refusal):
    engine = engine_with(USDT="100000")
    resting, _ = engine.place(limit("40000"), AT_50000, NOON)
    engine.place(limit("39000", client_order_id="taken"), AT_50000, NOON)
    engine.on_quote("BTCUSDT", quote("40000", level="0.02"), NOON)

    with pytest.raises(Rejected, match=refusal):
        engine.amend(resting, units(quantity), name, NOON)
    assert (resting.orig_qty, resting.client_order_id) == (units("0.1"), "c1")


def test_pair_is_cut_down_as_one():
    journal = Journal()
    engine = engine_with(journal, BTC="1")
    pair, (stop, other) = engine.place_list(oco(), AT_50000, NOON)
    journal.watched.add(1)
    journal.take()

    engine.amend(other, units("0.05"), "renamed", NOON + 1)

    assert stop.orig_qty == other.orig_qty == units("0.05")
    assert pair.client_ids == ("stop", "renamed")
    assert held(engine, "BTC") == amounts("0.95", "0.05")
    told = [
        (news.kind, news.details.get("execution") or news.details.get("status_type")) for news in journal.take().news
    ]
    assert told == [("executionReport", "REPLACED"), ("listStatus", "UPDATED"), ("outboundAccountPosition", None)]


def test_iceberg_shows_no_more_than_is_left_of_it():
    engine = engine_with(USDT="10000")
    resting, _ = engine.place(limit("40000", iceberg_qty="0.05"), AT_50000, NOON)

    engine.amend(resting, units("0.06"), "c1", NOON)
    unchanged = resting.iceberg_qty
    engine.amend(resting, units("0.02"), "c1", NOON)

    assert (unchanged, resting.iceberg_qty) == amounts("0.05", "0.02")


def test_order_is_amended_only_so_often():
    engine = SpotEngine({"BTCUSDT": replace(RULES["BTCUSDT"], max_num_order_amends=1)}, Journal())
    give(engine, 1, USDT="10000")
    resting, _ = engine.place(limit("40000"), AT_50000, NOON)
    engine.amend(resting, units("0.05"), "c1", NOON)

    with pytest.raises(Rejected, match="-2038 Filter failure: MAX_NUM_ORDER_AMENDS"):
        engine.amend(resting, units("0.04"), "c1", NOON)

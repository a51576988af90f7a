from dataclasses import replace

import pytest

from market.paper.engine.amounts import units
from market.paper.engine.journal import Journal
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.spot.rules import rules_of
from market.paper.tests.spot.rules import INFO, NOON, amounts, give, held, limit, order, quote

AT_50000 = quote("50000")
BNB = {"BNBUSDT": replace(rules_of(INFO["symbols"][0] | {"symbol": "BNBUSDT", "baseAsset": "BNB"}))}
RULES = {"BTCUSDT": rules_of(INFO["symbols"][0])} | BNB


@pytest.fixture
def engine():
    engine = SpotEngine(RULES, Journal())
    engine.bnb_price = units("500")
    engine.set_bnb_burn(1, burn=True)
    return engine


def test_commission_in_bnb_costs_a_quarter_less_and_leaves_the_bought_quantity_whole(engine):
    give(engine, 1, USDT="10000", BNB="0.0075")

    _, (fill,) = engine.place(order(quantity="0.1"), AT_50000, NOON)

    assert (fill.commission, fill.commission_asset) == (units("0.0075"), "BNB")
    assert held(engine, "BTC") == amounts("0.1", "0")
    assert held(engine, "BNB") == (0, 0)


@pytest.mark.parametrize(("price", "has"), [("500", "0.00749999"), (None, "1")])
def test_commission_is_paid_as_usual_when_there_is_too_little_bnb_or_no_price(engine, price, has):
    engine.bnb_price = None if price is None else units(price)
    give(engine, 1, USDT="10000", BNB=has)

    _, (fill,) = engine.place(order(quantity="0.1"), AT_50000, NOON)

    assert (fill.commission, fill.commission_asset) == (units("0.0001"), "BTC")
    assert held(engine, "BNB") == amounts(has, "0")


def test_account_that_does_not_want_it_pays_as_usual(engine):
    engine.set_bnb_burn(1, burn=False)
    give(engine, 1, BTC="1", BNB="1")

    _, (fill,) = engine.place(order(side="SELL"), AT_50000, NOON)

    assert fill.commission_asset == "USDT"


def test_resting_order_pays_in_bnb_too(engine):
    give(engine, 1, BTC="1", BNB="1")
    engine.place(limit("51000", side="SELL", quantity="0.01"), AT_50000, NOON)

    (fill,) = engine.on_quote("BTCUSDT", quote("51000"), NOON)

    assert (fill.commission, fill.commission_asset) == (units("0.000765"), "BNB")
    assert held(engine, "USDT") == amounts("510", "0")


def test_bnb_that_is_being_sold_cannot_pay_for_its_own_sale(engine):
    give(engine, 1, BNB="0.2")
    thin = quote("500", level="0.1")

    _, fills = engine.place(order(symbol="BNBUSDT", side="SELL", quantity="0.2"), thin, NOON)

    assert [fill.commission_asset for fill in fills] == ["USDT", "USDT"]
    assert held(engine, "BNB") == amounts("0", "0")


def test_bought_bnb_pays_for_itself(engine):
    give(engine, 1, USDT="1000")

    _, (fill,) = engine.place(order(symbol="BNBUSDT", quantity="1"), quote("500"), NOON)

    assert (fill.commission, fill.commission_asset) == (units("0.00075"), "BNB")
    assert held(engine, "BNB") == amounts("0.99925", "0")

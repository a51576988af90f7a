"""Reading the rules of a symbol from recorded and from odd exchangeInfo."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

import market
from market.rules import rules_of
from market.tests.factories import entry

RECORDED = Path(market.__file__).parent / "paper" / "data" / "exchange_info.json"
SYMBOLS = {item["symbol"]: item for item in json.loads(RECORDED.read_text())["symbols"]}


def filters(**changes: dict[str, object] | None) -> dict[str, object]:
    """The entry of BTCUSDT with changed filters; None takes a filter out."""
    base = entry()
    merged = {item["filterType"]: item for item in base["filters"]} | {
        name: change and {"filterType": name} | change for name, change in changes.items()
    }
    return base | {"filters": [item for item in merged.values() if item]}


@pytest.mark.parametrize("symbol", sorted(SYMBOLS))
def test_every_recorded_symbol_has_rules_that_can_be_traded_by(symbol):
    rules = rules_of(SYMBOLS[symbol])

    assert rules.is_trading
    assert (rules.symbol, rules.base_asset + rules.quote_asset) == (symbol, symbol)
    assert min(rules.tick_size, rules.lot_size, rules.min_quantity, rules.min_notional) > 0
    assert rules.max_quantity is not None
    assert rules.min_quantity < rules.max_quantity


def test_the_rules_of_recorded_bitcoin_are_those_of_the_exchange():
    rules = rules_of(SYMBOLS["BTCUSDT"])

    assert (rules.tick_size, rules.lot_size, rules.min_quantity) == (Decimal("0.01"), Decimal("1e-5"), Decimal("1e-5"))
    assert rules.max_quantity == Decimal("97.09521512")  # of MARKET_LOT_SIZE; LOT_SIZE allows 9000
    assert rules.min_notional == 5
    assert rules.max_notional is None


def test_the_stricter_of_both_lot_filters_counts():
    lot = {"minQty": "0.1", "maxQty": "50", "stepSize": "0.1"}
    market_lot = {"minQty": "0.01", "maxQty": "60", "stepSize": "1"}

    rules = rules_of(filters(LOT_SIZE=lot, MARKET_LOT_SIZE=market_lot))

    assert (rules.min_quantity, rules.max_quantity, rules.lot_size) == (Decimal("0.1"), Decimal(50), Decimal(1))


def test_a_symbol_without_a_filter_for_market_orders_has_the_general_ones():
    rules = rules_of(filters(MARKET_LOT_SIZE=None))

    assert (rules.lot_size, rules.max_quantity) == (Decimal("1e-5"), Decimal(9000))


@pytest.mark.parametrize(("for_market_orders", "minimum"), [(True, 10), (False, 0)])
def test_the_older_minimum_notional_counts_when_it_is_for_market_orders(for_market_orders, minimum):
    older = {"minNotional": "10.00", "applyToMarket": for_market_orders, "avgPriceMins": 5}

    rules = rules_of(filters(NOTIONAL=None, MIN_NOTIONAL=older))

    assert rules.min_notional == minimum


def test_a_largest_notional_counts_only_when_it_is_for_market_orders():
    notional = {"minNotional": "5", "applyMinToMarket": True, "maxNotional": "900"}

    counted = rules_of(filters(NOTIONAL=notional | {"applyMaxToMarket": True}))
    ignored = rules_of(filters(NOTIONAL=notional | {"applyMaxToMarket": False}))

    assert (counted.max_notional, ignored.max_notional) == (Decimal(900), None)


def test_a_symbol_in_a_break_is_not_trading():
    assert not rules_of(entry(status="BREAK")).is_trading


@pytest.mark.parametrize("name", ["LOT_SIZE", "PRICE_FILTER"])
def test_an_entry_without_a_filter_that_every_symbol_has_is_no_rules(name):
    with pytest.raises(KeyError):
        rules_of(filters(**{name: None}))


@pytest.mark.parametrize(
    ("quantity", "tradable"), [("0.000123456", "0.00012"), ("-0.000123456", "0.00012"), ("0.000009", "0"), ("0", "0")]
)
def test_the_tradable_part_of_a_quantity_is_a_multiple_of_the_lot_or_nothing(quantity, tradable):
    assert rules_of(entry()).tradable(Decimal(quantity)) == Decimal(tradable)

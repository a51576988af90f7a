"""Reading the rules of a symbol from recorded and from odd exchangeInfo."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import market
from market.rules import Band, Lot, rules_of
from market.tests.factories import entry, futures_entry
from market.types import OrderType, Side

DATA = Path(market.__file__).parent / "paper" / "data"


def recorded(name: str) -> dict[str, Any]:
    return {item["symbol"]: item for item in json.loads((DATA / name).read_text())["symbols"]}


SYMBOLS, FUTURES = recorded("exchange_info.json"), recorded("futures_exchange_info.json")


def filters(**changes: dict[str, object] | None) -> dict[str, object]:
    """The entry of BTCUSDT with changed filters; None takes a filter out."""
    base = entry()
    merged = {item["filterType"]: item for item in base["filters"]} | {
        name: change and {"filterType": name} | change for name, change in changes.items()
    }
    return base | {"filters": [item for item in merged.values() if item]}


@pytest.mark.parametrize("symbols", [SYMBOLS, FUTURES], ids=["spot", "futures"])
@pytest.mark.parametrize("symbol", sorted(SYMBOLS))
def test_every_recorded_symbol_has_rules_that_can_be_traded_by(symbols, symbol):
    rules = rules_of(symbols[symbol])

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


def test_recorded_bitcoin_on_spot_has_every_limit_that_a_check_needs():
    rules = rules_of(SYMBOLS["BTCUSDT"])

    assert not rules.is_futures
    assert (rules.min_price, rules.max_price) == (Decimal("0.01"), Decimal(1_000_000))
    assert rules.lot == Lot(Decimal("1e-5"), Decimal(9000), Decimal("1e-5"))
    assert rules.bands == dict.fromkeys(Side, Band(Decimal("0.2"), Decimal(5)))
    assert (rules.min_limit_notional, rules.max_limit_notional) == (5, 9_000_000)
    assert (rules.max_orders, rules.max_conditionals, rules.max_position) == (200, 5, None)
    assert rules.order_types == set(OrderType)
    assert rules.has_pairs


def test_recorded_bitcoin_on_futures_has_every_limit_that_a_check_needs():
    rules = rules_of(FUTURES["BTCUSDT"])

    assert rules.is_futures
    assert (rules.tick_size, rules.min_price, rules.max_price) == (Decimal("0.1"), Decimal("556.8"), Decimal(4_529_764))
    assert rules.lot == Lot(Decimal("0.001"), Decimal(1000), Decimal("0.001"), origin=Decimal("0.001"))
    assert rules.max_quantity == 120  # of MARKET_LOT_SIZE
    assert rules.bands == {Side.BUY: Band(up=Decimal("1.05")), Side.SELL: Band(down=Decimal("0.95"))}
    assert rules.min_notional == rules.min_limit_notional == 100
    assert rules.max_notional is rules.max_limit_notional is rules.max_position is None
    assert (rules.max_orders, rules.max_conditionals) == (200, 200)
    assert rules.order_types == set(OrderType)
    assert not rules.has_pairs


def test_an_older_band_is_the_same_for_both_sides():
    rules = rules_of(filters(PERCENT_PRICE={"multiplierUp": "5", "multiplierDown": "0.2", "avgPriceMins": 5}))

    assert rules.bands == dict.fromkeys(Side, Band(Decimal("0.2"), Decimal(5)))


def test_each_side_has_its_own_band():
    names = ("bidMultiplierUp", "bidMultiplierDown", "askMultiplierUp", "askMultiplierDown")
    by_side = dict(zip(names, ("1.2", "0.5", "2", "0.8"), strict=True))

    rules = rules_of(filters(PERCENT_PRICE_BY_SIDE=by_side))

    assert rules.bands[Side.BUY] == Band(Decimal("0.5"), Decimal("1.2"))
    assert rules.bands[Side.SELL] == Band(Decimal("0.8"), Decimal(2))


@pytest.mark.parametrize("market_entry", [entry, futures_entry])
def test_a_symbol_takes_the_order_types_that_it_lists(market_entry):
    rules = rules_of(market_entry(orderTypes=["LIMIT", "MARKET", "STOP_LOSS", "TAKE_PROFIT_MARKET"]))

    conditional = {OrderType.TARGET} if rules.is_futures else {OrderType.STOP}
    assert rules.order_types == {OrderType.LIMIT, OrderType.MARKET} | conditional


def test_zeros_are_no_limits():
    nothing = {"minPrice": "0", "maxPrice": "0", "tickSize": "0"}

    rules = rules_of(filters(PRICE_FILTER=nothing, MAX_POSITION={"maxPosition": "0"}))

    assert (rules.min_price, rules.max_price, rules.tick_size, rules.max_position) == (0, None, 0, None)


def test_quantities_of_futures_are_rounded_to_steps_from_their_minimum():
    lot = {"filterType": "LOT_SIZE", "minQty": "0.015", "maxQty": "20", "stepSize": "0.01"}
    others = [item for item in futures_entry()["filters"] if "LOT" not in item["filterType"]]

    rules = rules_of(futures_entry(filters=[*others, lot]))

    assert rules.tradable(Decimal("0.0349")) == Decimal("0.025")
    assert rules.tradable(Decimal("0.0149")) == 0
    assert rules.tradable(Decimal(100)) == Decimal("19.995")

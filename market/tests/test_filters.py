"""Our check before the send and the exchange's filters agree on every market order."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from market.filters import check_market_order, smallest_quantity
from market.rules import rules_of
from market.tests.factories import entry
from market.tests.strategies import entries

BTC = rules_of(entry())
PRICE = Decimal(100_000)


def broken_filters(symbol: dict[str, Any], quantity: Decimal, price: Decimal) -> list[str]:
    """What Binance's documentation says of a market order, filter by filter and in fractions."""
    filters = {item["filterType"]: item for item in symbol["filters"]}
    broken = [name for name in ("LOT_SIZE", "MARKET_LOT_SIZE") if breaks_lot(filters[name], Fraction(quantity))]
    value = Fraction(quantity) * Fraction(price)
    newer, older = filters.get("NOTIONAL", {}), filters.get("MIN_NOTIONAL", {})
    if newer.get("applyMinToMarket") and value < Fraction(newer["minNotional"]):
        broken.append("NOTIONAL")
    if newer.get("applyMaxToMarket") and 0 < Fraction(newer["maxNotional"]) < value:
        broken.append("NOTIONAL")
    if older.get("applyToMarket") and value < Fraction(older["minNotional"]):
        broken.append("NOTIONAL")
    return broken


def breaks_lot(lot: dict[str, Any], quantity: Fraction) -> bool:
    """A limit of 0 is none, as in the MARKET_LOT_SIZE of most spot symbols."""
    least, most, step = Fraction(lot["minQty"]), Fraction(lot["maxQty"]), Fraction(lot["stepSize"])
    return quantity <= 0 or quantity < least or 0 < most < quantity or (step > 0 and quantity % step != 0)


def quantities() -> st.SearchStrategy[Decimal]:
    return st.one_of(
        st.decimals(min_value=-1, max_value=10_000, places=8),
        st.integers(min_value=0, max_value=2000).map(lambda tenths: Decimal(tenths) / 10),
    )


def prices() -> st.SearchStrategy[Decimal]:
    return st.decimals(min_value="0.00000001", max_value=200_000, places=8)


@given(symbol=entries(), quantity=quantities(), price=prices())
def test_an_order_passes_exactly_when_every_filter_of_the_exchange_lets_it_pass(symbol, quantity, price):
    violation = check_market_order(rules_of(symbol), quantity=quantity, price=price)

    broken = broken_filters(symbol, quantity, price)
    assert (violation is None) == (broken == [])
    if violation:
        assert violation.filter in {name.removeprefix("MARKET_") for name in broken}


@given(symbol=entries(), price=prices())
def test_the_smallest_quantity_meets_every_minimum(symbol, price):
    rules = rules_of(symbol)
    smallest = smallest_quantity(rules, price=price)
    assume(smallest > 0)
    assume(rules.max_quantity is None or smallest <= rules.max_quantity)
    assume(rules.max_notional is None or smallest * price <= rules.max_notional)

    violation = check_market_order(rules, quantity=smallest, price=price)

    assert violation is None


@given(symbol=entries(), price=prices())
def test_one_step_less_than_the_smallest_quantity_is_refused(symbol, price):
    rules = rules_of(symbol)
    less = smallest_quantity(rules, price=price) - rules.lot_size

    violation = check_market_order(rules, quantity=less, price=price)

    assert violation is not None


@given(symbol=entries(), quantity=quantities())
def test_what_a_market_order_can_move_breaks_no_lot_filter(symbol, quantity):
    rules = rules_of(symbol)
    tradable = rules.tradable(quantity)
    assume(tradable > 0)
    assume(rules.max_quantity is None or tradable <= rules.max_quantity)

    violation = check_market_order(rules, quantity=tradable, price=Decimal(1))

    assert tradable <= abs(quantity)
    assert violation is None or violation.filter == "NOTIONAL"


@pytest.mark.parametrize(
    ("quantity", "broken", "detail"),
    [
        ("0", "LOT_SIZE", "quantity 0 BTC is below the minimum 0.00001"),
        ("0.000009", "LOT_SIZE", "quantity 0.000009 BTC is below the minimum 0.00001"),
        ("100.00001", "LOT_SIZE", "quantity 100.00001 BTC is above the maximum 100"),
        ("0.000105", "LOT_SIZE", "quantity 0.000105 is no multiple of the lot size 0.00001"),
        ("0.00004", "NOTIONAL", "0.00004 BTC at 100000 is worth 4.00 USDT; the minimum is 5 USDT, that is 0.00005 BTC"),
    ],
)
def test_a_violation_names_value_and_bound(quantity, broken, detail):
    violation = check_market_order(BTC, quantity=Decimal(quantity), price=PRICE)

    assert violation is not None
    assert (violation.filter, violation.detail) == (broken, detail)


@pytest.mark.parametrize(
    ("quantity", "price"),
    [("0.00001", "500000"), ("100", "100000"), ("0.00005", "100000"), ("90", "100000")],
    ids=["the smallest quantity", "the largest quantity", "the smallest notional", "the largest notional"],
)
def test_a_bound_itself_is_allowed(quantity, price):
    rules = replace(BTC, max_notional=Decimal(9_000_000) if quantity == "90" else None)

    assert check_market_order(rules, quantity=Decimal(quantity), price=Decimal(price)) is None


def test_a_smallest_quantity_below_the_minimum_notional_grows_to_the_next_step():
    smallest = smallest_quantity(BTC, price=Decimal(90_000))

    assert smallest == Decimal("0.00006")  # 5 USDT are 0.0000555… BTC

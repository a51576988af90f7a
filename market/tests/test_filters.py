"""Our check before the send: what it lets pass and what it says of the rest. Whether the exchange agrees on every
order is tested in test_filters_agree.py.
"""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from market.filters import Draft, Violation, check_order, smallest_quantity
from market.rules import Rules, rules_of
from market.tests.factories import entry, futures_entry
from market.tests.strategies import entries
from market.types import OrderType, Side

BTC, BTC_FUTURES = rules_of(entry()), rules_of(futures_entry())
PRICE = Decimal(100_000)


def check_market_order(rules: Rules, *, quantity: Decimal, price: Decimal) -> Violation | None:
    return check_order(rules, Draft(OrderType.MARKET, Side.BUY, quantity, price))


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
        assert violation.filter in broken


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
        ("100.00001", "MARKET_LOT_SIZE", "quantity 100.00001 BTC is above the maximum 100"),
        ("0.000105", "LOT_SIZE", "quantity 0.000105 BTC is no multiple of the lot size 0.00001"),
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


LIMIT = Draft(OrderType.LIMIT, Side.BUY, Decimal("0.01"), PRICE, price=PRICE)
STOP = Draft(OrderType.STOP, Side.SELL, Decimal("0.01"), PRICE, price=Decimal(95_000))
HALF = {"bidMultiplierUp": "1.5", "bidMultiplierDown": "0.5", "askMultiplierUp": "2", "askMultiplierDown": "0.8"}
STRICT = rules_of(
    entry(
        filters=[
            *entry()["filters"],
            {"filterType": "PERCENT_PRICE_BY_SIDE", "avgPriceMins": 5, **HALF},
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
            {"filterType": "MAX_POSITION", "maxPosition": "10"},
        ],
        orderTypes=["LIMIT", "MARKET", "STOP_LOSS"],
    )
)


def number(text: str) -> Decimal:
    return Decimal(text)


@pytest.mark.parametrize(
    ("order", "broken", "detail"),
    [
        (
            replace(LIMIT, price=number("0.001")),
            "PRICE_FILTER",
            "price 0.001 USDT is below the minimum 0.01",
        ),
        (replace(LIMIT, price=number("-5")), "PRICE_FILTER", "price -5 USDT is below the minimum 0.01"),
        (
            replace(STOP, price=number("1000000.01")),
            "PRICE_FILTER",
            "trigger price 1000000.01 USDT is above the maximum 1000000",
        ),
        (
            replace(STOP, price=number("95000.005")),
            "PRICE_FILTER",
            "trigger price 95000.005 is no multiple of the tick size 0.01",
        ),
        (
            replace(LIMIT, price=number("150000.01")),
            "PERCENT_PRICE",
            "price 150000.01 is above 150000, 1.5 times the reference price 100000",
        ),
        (
            replace(LIMIT, price=number("49999.99")),
            "PERCENT_PRICE",
            "price 49999.99 is below 50000, 0.5 times the reference price 100000",
        ),
        (
            replace(LIMIT, side=Side.SELL, price=number("79999.99")),
            "PERCENT_PRICE",
            "price 79999.99 is below 80000, 0.8 times the reference price 100000",
        ),
        (
            replace(LIMIT, quantity=number("0.0001"), price=number("49000"), reference=number("40000")),
            "NOTIONAL",
            "0.0001 BTC at 49000 is worth 4.90 USDT; the minimum is 5 USDT, that is 0.00011 BTC",
        ),
        (
            replace(LIMIT, quantity=number("9000"), price=number("100000")),
            "NOTIONAL",
            "900000000.00 USDT is above the maximum 9000000",
        ),
        (
            replace(STOP, quantity=number("0.00005")),
            "NOTIONAL",
            "0.00005 BTC at 95000 is worth 4.75 USDT; the minimum is 5 USDT, that is 0.00006 BTC",
        ),
        (
            replace(STOP, quantity=number("100.1")),
            "MARKET_LOT_SIZE",
            "quantity 100.1 BTC is above the maximum 100",
        ),
        (
            replace(LIMIT, open_orders=200),
            "MAX_NUM_ORDERS",
            "200 orders are open on BTCUSDT; the maximum is 200",
        ),
        (
            replace(STOP, open_conditionals=5),
            "MAX_NUM_ALGO_ORDERS",
            "5 conditional orders are open; the maximum is 5",
        ),
        (
            replace(LIMIT, held=number("9.99001")),
            "MAX_POSITION",
            "10.00001 BTC would be held; the maximum is 10",
        ),
        (replace(STOP, type=OrderType.TARGET), "ORDER_TYPES", "BTCUSDT takes no target orders"),
    ],
)
def test_every_filter_names_value_and_bound(order, broken, detail):
    violation = check_order(STRICT, order)

    assert violation == Violation(broken, detail)


def test_a_price_of_nothing_is_below_a_minimum_that_is_none():
    violation = check_order(replace(STRICT, min_price=number("0")), replace(LIMIT, price=number("0")))

    assert violation == Violation("PRICE_FILTER", "price 0 USDT is below the minimum 0")


@pytest.mark.parametrize(
    "order",
    [
        LIMIT,
        STOP,
        replace(LIMIT, price=number("150000")),
        replace(LIMIT, price=number("50000")),
        replace(LIMIT, side=Side.SELL, price=number("200000")),
        replace(LIMIT, open_orders=199),
        replace(STOP, open_conditionals=4),
        replace(LIMIT, open_conditionals=5),  # it is none itself
        replace(LIMIT, held=number("9.99")),
        replace(LIMIT, side=Side.SELL, held=number("11")),
        replace(LIMIT, quantity=number("90")),  # as much as NOTIONAL lets a limit order be worth
        replace(STOP, price=number("40000")),  # PERCENT_PRICE is not about triggers
    ],
)
def test_what_is_just_within_a_filter_passes(order):
    rules = replace(STRICT, max_position=None) if order.quantity == 90 else STRICT

    assert check_order(rules, order) is None


FUTURES_MARKET = Draft(OrderType.MARKET, Side.BUY, Decimal("0.01"), PRICE)


@pytest.mark.parametrize(
    ("order", "broken"),
    [
        (replace(LIMIT, price=number("105000.1")), "PERCENT_PRICE"),
        (replace(LIMIT, side=Side.SELL, price=number("94999.9")), "PERCENT_PRICE"),
        (replace(FUTURES_MARKET, best=number("105000.1")), "PERCENT_PRICE"),
        (replace(FUTURES_MARKET, side=Side.SELL, best=number("94999.9")), "PERCENT_PRICE"),
        (replace(LIMIT, quantity=number("0.0005")), "LOT_SIZE"),
        (replace(LIMIT, quantity=number("0.0015")), "LOT_SIZE"),
        (replace(FUTURES_MARKET, quantity=number("121")), "MARKET_LOT_SIZE"),
        (replace(STOP, quantity=number("121")), "MARKET_LOT_SIZE"),
        (replace(FUTURES_MARKET, quantity=number("0.001"), reference=number("99000")), "NOTIONAL"),
        (replace(LIMIT, open_orders=200), "MAX_NUM_ORDERS"),
        (replace(STOP, open_conditionals=200), "MAX_NUM_ALGO_ORDERS"),
    ],
)
def test_futures_have_filters_of_their_own(order, broken):
    violation = check_order(BTC_FUTURES, order)

    assert violation is not None
    assert violation.filter == broken


@pytest.mark.parametrize(
    "order",
    [
        replace(LIMIT, price=number("10000")),  # a buyer may ask for as little as he likes
        replace(LIMIT, side=Side.SELL, price=number("900000")),
        replace(FUTURES_MARKET, best=number("105000")),
        replace(FUTURES_MARKET, quantity=number("0.001"), reference=number("99000"), reduce_only=True),
        replace(STOP, quantity=number("0.001"), reduce_only=True),
        replace(FUTURES_MARKET, open_orders=200),  # it does not rest
        replace(STOP, open_orders=200),
        replace(LIMIT, held=number("1000000")),
    ],
)
def test_futures_take_what_spot_would_not(order):
    assert check_order(BTC_FUTURES, order) is None


def test_the_steps_of_a_futures_lot_are_counted_from_its_minimum():
    rules = replace(
        BTC_FUTURES,
        lot=replace(BTC_FUTURES.lot, minimum=number("0.015"), step=number("0.01"), origin=number("0.015")),
        extra_market_lot=replace(BTC_FUTURES.extra_market_lot, step=number("0"), origin=number("0")),
    )

    assert check_order(rules, replace(FUTURES_MARKET, quantity=number("0.025"))) is None
    assert check_order(rules, replace(FUTURES_MARKET, quantity=number("0.02"))) is not None
    assert rules.tradable(number("0.0299")) == number("0.025")
    assert smallest_quantity(rules, price=number("4500")) == number("0.025")  # 100 USDT are 0.0222… BTC

from dataclasses import replace
from decimal import Decimal

import pytest

from market.paper.engine.engine import Engine
from market.paper.engine.rules import PercentPrice, rules_of
from market.paper.engine.types import Rejected
from market.paper.tests.rules import INFO, NOON, RULES, engine_with, limit, open_account, order, quote

AT_50000 = quote("50000")
RICH = {"USDT": "100000000", "BTC": "1000"}

BROKEN = [
    ("a price below the minimum", limit("0.001"), "-1013 Filter failure: PRICE_FILTER"),
    ("a price above the maximum", limit("1000000.01"), "-1013 Filter failure: PRICE_FILTER"),
    ("a price between two ticks", limit("50000.005"), "-1013 Filter failure: PRICE_FILTER"),
    ("a bid far below the average", limit("9999.99"), "-1013 Filter failure: PERCENT_PRICE_BY_SIDE"),
    ("an offer far above the average", limit("250000.01", side="SELL"), "-1013 Filter failure: PERCENT_PRICE_BY_SIDE"),
    ("a quantity below the minimum", order(quantity="0.000001"), "-1013 Filter failure: LOT_SIZE"),
    ("a quantity above the maximum", limit("50000", quantity="9000.00001"), "-1013 Filter failure: LOT_SIZE"),
    ("a quantity between two steps", order(quantity="0.000011"), "-1013 Filter failure: LOT_SIZE"),
    ("a quote amount too small for one step", order(quantity=None, quote_order_qty="0.4"), "LOT_SIZE"),
    ("a market order that is too small", order(quantity="0.00009"), "-1013 Filter failure: NOTIONAL"),
    ("a limit order that is too small", limit("40000", quantity="0.0001"), "-1013 Filter failure: NOTIONAL"),
    ("a limit order that is too big", limit("50000", quantity="180.1"), "-1013 Filter failure: NOTIONAL"),
    ("a quote amount that is too small", order(quantity=None, quote_order_qty="4.99"), "NOTIONAL"),
    ("a market order that is too big", order(quantity="97.1"), "-1013 Filter failure: MARKET_LOT_SIZE"),
    (
        "a quantity of nine decimals",
        order(quantity="0.123456789"),
        "-1111 Parameter 'quantity' has too much precision.",
    ),
    ("a price of nine decimals", limit("1.123456789"), "-1111 Parameter 'price' has too much precision."),
    ("no quantity at all", order(quantity="0"), "-1013 Invalid quantity."),
    ("no price at all", limit("0"), "-1013 Invalid price."),
]


@pytest.mark.parametrize(("new", "refusal"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_order_is_refused_with_the_code_and_text_of_the_filter(new, refusal):
    engine = engine_with(**RICH)

    with pytest.raises(Rejected, match=refusal):
        engine.place(new, AT_50000, NOON)


@pytest.mark.parametrize(
    "new",
    [
        limit("10000", quantity="0.0005"),
        limit("250000", side="SELL"),
        order(quantity="0.0001"),
        order(quantity=None, quote_order_qty="5"),
        order(quantity="97.09521"),
        limit("50000", quantity="180"),
    ],
    ids=["lowest bid", "highest offer", "least market", "least quote", "most market", "most limit"],
)
def test_bounds_themselves_are_allowed(new):
    engine = engine_with(**RICH)

    engine.place(new, AT_50000, NOON)


def test_number_of_open_orders_is_limited():
    engine = engine_with(**RICH)
    for number in range(200):
        engine.place(limit("40000", client_order_id=f"c{number}", quantity="0.001"), AT_50000, NOON)

    with pytest.raises(Rejected, match="-1013 Filter failure: MAX_NUM_ORDERS"):
        engine.place(limit("40000", client_order_id="one too many", quantity="0.001"), AT_50000, NOON)


def test_position_is_limited_counting_what_is_held_and_what_is_on_order():
    engine = Engine({"BTCUSDT": replace(RULES["BTCUSDT"], max_position=Decimal(1))})
    open_account(engine, 1, USDT="1000000", BTC="0.5")
    engine.place(limit("40000", quantity="0.4", client_order_id="first"), AT_50000, NOON)

    with pytest.raises(Rejected, match="-1013 Filter failure: MAX_POSITION"):
        engine.place(order(quantity="0.11"), AT_50000, NOON)
    engine.place(order(quantity="0.1"), AT_50000, NOON)


def test_older_filters_of_the_same_meaning_are_understood():
    entry = INFO["symbols"][0] | {
        "filters": [
            {"filterType": "MIN_NOTIONAL", "minNotional": "10", "applyToMarket": True, "avgPriceMins": 5},
            {"filterType": "PERCENT_PRICE", "multiplierUp": "5", "multiplierDown": "0.2", "avgPriceMins": 5},
        ]
    }
    rules = rules_of(entry)
    engine = Engine({"BTCUSDT": rules})
    open_account(engine, 1, USDT="1000")

    assert rules.percent == PercentPrice("PERCENT_PRICE", Decimal("0.2"), Decimal(5), Decimal("0.2"), Decimal(5))
    with pytest.raises(Rejected, match="-1013 Filter failure: MIN_NOTIONAL"):
        engine.place(order(quantity="0.0001"), AT_50000, NOON)


def test_checks_come_in_the_order_of_binance():
    """Precision, filters, market open, duplicate id, balance, post-only: each fault hides the ones after it."""
    engine = engine_with(USDT="10")
    engine.balances.restore([replace(engine.balances.of(1, "USDT"), free=Decimal(5000))])
    engine.place(limit("40000", client_order_id="taken"), AT_50000, NOON)
    engine.set_status("BTCUSDT", "BREAK")
    faults = {"type": "LIMIT_MAKER", "client_order_id": "taken"}

    heard = []
    for change in (
        lambda: limit("60000.123456789", quantity="0.00000001", **faults),
        lambda: limit("60000", quantity="0.00000001", **faults),
        lambda: limit("60000", quantity="1", **faults),
        lambda: (engine.set_status("BTCUSDT", "TRADING"), limit("60000", quantity="1", **faults))[1],
        lambda: limit("60000", quantity="1", **faults | {"client_order_id": "free"}),
        lambda: limit("60000", quantity="0.001", **faults | {"client_order_id": "free"}),
    ):
        with pytest.raises(Rejected) as refusal:
            engine.place(change(), AT_50000, NOON)
        heard.append(refusal.value.msg.split()[0] + " " + str(refusal.value.code))

    assert heard == [
        "Parameter -1111",
        "Filter -1013",
        "Market -1013",
        "Duplicate -2010",
        "Account -2010",
        "Order -2010",
    ]

from dataclasses import replace

import pytest

from market.paper.engine.amounts import units
from market.paper.engine.journal import Journal
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.spot.rules import PercentPrice, Trailing, rules_of
from market.paper.engine.types import Rejected
from market.paper.tests.spot.rules import INFO, NOON, RULES, engine_with, give, limit, order, quote, stop

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
    engine = SpotEngine({"BTCUSDT": replace(RULES["BTCUSDT"], max_position=units("1"))}, Journal())
    give(engine, 1, USDT="1000000", BTC="0.5")
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
    engine = SpotEngine({"BTCUSDT": rules}, Journal())
    give(engine, 1, USDT="1000")

    assert rules.percent == PercentPrice("PERCENT_PRICE", *(units("0.2"), units("5")) * 2)
    with pytest.raises(Rejected, match="-1013 Filter failure: MIN_NOTIONAL"):
        engine.place(order(quantity="0.0001"), AT_50000, NOON)


def test_amount_has_no_more_decimals_than_its_asset():
    rules = replace(RULES["BTCUSDT"], base_precision=5, quote_precision=2)
    engine = SpotEngine({"BTCUSDT": rules}, Journal())
    give(engine, 1, USDT="1000")

    for new, name in (
        (order(quantity="0.100001"), "quantity"),
        (limit("40000.001"), "price"),
        (order(quantity=None, quote_order_qty="10.001"), "quoteOrderQty"),
        (stop("50000.001"), "stopPrice"),
        (limit("40000", iceberg_qty="0.000001"), "icebergQty"),
    ):
        with pytest.raises(Rejected, match=f"-1111 Parameter '{name}' has too much precision."):
            engine.place(new, AT_50000, NOON)


def test_number_of_open_stop_orders_is_limited():
    engine = engine_with(**RICH)
    for number in range(5):
        engine.place(stop("51000", client_order_id=f"c{number}"), AT_50000, NOON)

    with pytest.raises(Rejected, match="-1013 Filter failure: MAX_NUM_ALGO_ORDERS"):
        engine.place(stop("51000", client_order_id="one too many"), AT_50000, NOON)
    engine.place(limit("40000", client_order_id="not a stop"), AT_50000, NOON)


def test_number_of_open_icebergs_is_limited():
    engine = SpotEngine({"BTCUSDT": replace(RULES["BTCUSDT"], max_num_iceberg_orders=1)}, Journal())
    give(engine, 1, **RICH)
    engine.place(limit("40000", iceberg_qty="0.01"), AT_50000, NOON)

    with pytest.raises(Rejected, match="-1013 Filter failure: MAX_NUM_ICEBERG_ORDERS"):
        engine.place(limit("40000", iceberg_qty="0.01", client_order_id="second"), AT_50000, NOON)


@pytest.mark.parametrize(
    ("visible", "refusal"),
    [
        ("0.000011", "-1013 Filter failure: LOT_SIZE"),
        ("0.1", "-2010 IcebergQty exceeds QTY."),
        ("0.00999", "-1013 Filter failure: ICEBERG_PARTS"),
    ],
)
def test_iceberg_shows_a_part_that_is_neither_too_small_nor_the_whole(visible, refusal):
    engine = engine_with(**RICH)

    with pytest.raises(Rejected, match=refusal):
        engine.place(limit("40000", iceberg_qty=visible), AT_50000, NOON)
    placed, _ = engine.place(limit("40000", iceberg_qty="0.01"), AT_50000, NOON)
    assert placed.iceberg_qty == units("0.01")


@pytest.mark.parametrize("delta", [9, 2001])
def test_trailing_order_keeps_a_distance_that_the_symbol_allows(delta):
    engine = engine_with(**RICH)

    with pytest.raises(Rejected, match="-1013 Filter failure: TRAILING_DELTA"):
        engine.place(stop(None, trailing_delta=delta), AT_50000, NOON)


def test_distance_that_is_allowed_depends_on_the_side_of_the_trigger():
    rules = replace(RULES["BTCUSDT"], trailing=Trailing(min_above=10, max_above=20, min_below=30, max_below=40))
    engine = SpotEngine({"BTCUSDT": rules}, Journal())
    give(engine, 1, **RICH)
    above, below = {"side": "BUY", "trailing_delta": 15}, {"side": "SELL", "trailing_delta": 35}

    for number, (allowed, kind) in enumerate(((above, "STOP_LOSS"), (below, "STOP_LOSS"), (above, "TAKE_PROFIT"))):
        new = stop(None, type=kind, client_order_id=f"c{number}", **allowed)
        if kind == "STOP_LOSS":
            engine.place(new, AT_50000, NOON)
        else:
            with pytest.raises(Rejected, match="TRAILING_DELTA"):
                engine.place(new, AT_50000, NOON)


def test_stop_price_is_held_to_the_price_filter_but_not_to_the_band_around_the_average():
    engine = engine_with(**RICH)

    with pytest.raises(Rejected, match="-1013 Filter failure: PRICE_FILTER"):
        engine.place(stop("51000.005"), AT_50000, NOON)
    engine.place(stop("260000", quantity="0.001"), AT_50000, NOON)


def test_symbol_refuses_what_it_does_not_know():
    plain = replace(RULES["BTCUSDT"], order_types=frozenset({"LIMIT", "STOP_LOSS"}), allowed=frozenset())
    engine = SpotEngine({"BTCUSDT": plain}, Journal())
    give(engine, 1, **RICH)

    for new, refusal in (
        (order(), "Market orders are not supported for this symbol."),
        (stop("51000", type="STOP_LOSS_LIMIT", price="51000"), "Stop loss limit orders are not supported"),
        (stop(None, trailing_delta=100), "Trailing stop orders are not supported for this symbol."),
        (limit("40000", iceberg_qty="0.01"), "Iceberg orders are not supported for this symbol."),
    ):
        with pytest.raises(Rejected, match=f"-2010 {refusal}"):
            engine.place(new, AT_50000, NOON)


def test_checks_come_in_the_order_of_binance():
    """Filters, market open, duplicate id, balance, post-only and trigger: each fault hides the ones after it."""
    engine = engine_with(USDT="5010")
    engine.place(limit("40000", client_order_id="taken"), AT_50000, NOON)
    engine.set_status("BTCUSDT", "BREAK")
    maker = {"price": "60000", "type": "LIMIT_MAKER"}
    trigger = {"stop_price": "49000", "type": "STOP_LOSS"}

    def heard(**faults) -> str:
        with pytest.raises(Rejected) as refusal:
            engine.place(order(**faults), AT_50000, NOON)
        return f"{refusal.value.code} {refusal.value.msg.split()[0]}"

    closed = [heard(quantity=size, client_order_id="taken", **maker) for size in ("0.00000001", "1")]
    engine.set_status("BTCUSDT", "TRADING")

    assert closed == ["-1013 Filter", "-1013 Market"]
    assert heard(quantity="1", client_order_id="taken", **maker) == "-2010 Duplicate"
    assert heard(quantity="1", client_order_id="free", **maker) == "-2010 Account"
    assert heard(quantity="0.001", client_order_id="free", **maker) == "-2010 Order"
    assert heard(quantity="1", client_order_id="free", **trigger) == "-2010 Account"
    assert heard(quantity="0.001", client_order_id="free", **trigger) == "-2010 Order"

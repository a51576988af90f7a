"""Our filters and those of the paper exchange, which are written from Binance's documentation, agree on every order."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import market
from market.filters import Draft, check_order
from market.paper.engine.amounts import SCALE, units
from market.paper.engine.futures import filters as futures_filters
from market.paper.engine.futures.rules import futures_rules_of
from market.paper.engine.futures.types import NewFuturesOrder
from market.paper.engine.spot import filters as spot_filters
from market.paper.engine.spot.rules import rules_of as spot_rules_of
from market.paper.engine.spot.types import NewOrder
from market.paper.engine.types import Quote, Rejected
from market.rounding import plain
from market.rules import SPOT_TYPES, rules_of
from market.types import OrderType, Side

DATA = Path(market.__file__).parent / "paper" / "data"


def recorded(name: str) -> dict[str, Any]:
    symbols = json.loads((DATA / name).read_text())["symbols"]
    return next(entry for entry in symbols if entry["symbol"] == "BTCUSDT")


SPOT, FUTURES = recorded("exchange_info.json"), recorded("futures_exchange_info.json")


def changed(entry: dict[str, Any], filters: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The entry with other values in some of its filters, and with further filters."""
    known = {item["filterType"]: item for item in entry["filters"]}
    merged = {name: {"filterType": name, **known.get(name, {}), **filters.get(name, {})} for name in known | filters}
    return entry | {"filters": list(merged.values())}


def mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """The value that breaks nothing, mostly: an order that breaks one filter tells nothing of the others."""
    return st.one_of(*[st.just(usual)] * 3, st.sampled_from(others))


def amounts(usual: str, *others: str) -> st.SearchStrategy[Decimal]:
    """Bounds, what is just beyond them, and what usually passes."""
    return mostly(usual, *others).map(Decimal)


@st.composite
def spot_entries(draw: st.DrawFn) -> dict[str, Any]:
    multipliers = [f"{side}Multiplier{way}" for side in ("bid", "ask") for way in ("Up", "Down")]
    return changed(
        SPOT,
        {
            "PRICE_FILTER": {
                "minPrice": draw(mostly("0", "100", "120")),
                "maxPrice": draw(mostly("0", "100", "120")),
                "tickSize": draw(mostly("0.01", "1")),
            },
            "LOT_SIZE": {
                "minQty": draw(mostly("0.01", "10")),
                "maxQty": draw(mostly("1000", "10")),
                "stepSize": draw(mostly("0.01", "0.1")),
            },
            "MARKET_LOT_SIZE": {
                "minQty": draw(mostly("0", "10")),
                "maxQty": draw(mostly("0", "10")),
                "stepSize": draw(mostly("0", "1")),
            },
            "PERCENT_PRICE_BY_SIDE": {
                name: draw(mostly("5" if name.endswith("Up") else "0.2", "1.2", "1", "0.8")) for name in multipliers
            },
            "NOTIONAL": {
                "minNotional": draw(mostly("1", "1000")),
                "maxNotional": draw(mostly("9000000", "1000")),
                "applyMinToMarket": draw(st.booleans()),
                "applyMaxToMarket": draw(st.booleans()),
            },
            "MAX_NUM_ORDERS": {"maxNumOrders": 3},
            "MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders": 2},
            "MAX_POSITION": {"maxPosition": draw(mostly("0", "30"))},
        },
    )


@st.composite
def futures_entries(draw: st.DrawFn) -> dict[str, Any]:
    # A minimum that is no multiple of the step shows from where the steps are counted.
    lot = {"minQty": draw(mostly("0.01", "0.005", "10")), "maxQty": draw(mostly("1000", "10")), "stepSize": "0.01"}
    return changed(
        FUTURES,
        {
            "PRICE_FILTER": {
                "minPrice": draw(mostly("0.01", "100", "120")),
                "maxPrice": draw(mostly("9000", "100", "120")),
                "tickSize": draw(mostly("0.01", "1")),
            },
            "LOT_SIZE": lot,
            "MARKET_LOT_SIZE": lot | {"maxQty": draw(mostly("1000", "10"))},
            "PERCENT_PRICE": {
                "multiplierUp": draw(mostly("5", "1.2", "1")),
                "multiplierDown": draw(mostly("0.2", "0.8", "1")),
            },
            "MIN_NOTIONAL": {"notional": draw(mostly("1", "1000"))},
            "MAX_NUM_ORDERS": {"limit": 3},
        },
    )


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    kind = draw(st.sampled_from(OrderType))
    prices = amounts("100", "80", "79.99", "99.99", "100.01", "100.5", "120", "120.01", "0", "-1")
    return Draft(
        type=kind,
        side=draw(st.sampled_from(Side)),
        quantity=draw(amounts("10", "0", "0.005", "0.01", "0.015", "8.33", "8.34", "9.99", "9.995", "10.01", "12.5")),
        reference=Decimal(100),
        price=None if kind is OrderType.MARKET else draw(prices),
        best=draw(amounts("100", "80", "79.99", "120", "120.01")),
        reduce_only=draw(st.booleans()),
        open_orders=draw(mostly(0, 2, 3)),
        open_conditionals=draw(mostly(0, 1, 2)),
        held=draw(amounts("0", "20", "20.01", "30")),
    )


def passes(check: Callable[[], None]) -> bool:
    try:
        check()
    except Rejected:
        return False
    return True


def quote_of(order: Draft) -> Quote:
    reference, best = units(plain(order.reference)), units(plain(order.best or 0))
    return Quote(
        step=0,
        last=reference,
        bid=best,
        ask=best,
        average=reference,
        gap=0,
        level_qty=0,
        levels=0,
        mark=reference,
        index=reference,
    )


def judge_on_spot(entry: dict[str, Any], order: Draft) -> None:
    rules, price = spot_rules_of(entry), order.price and units(plain(order.price))
    new = NewOrder(
        account_id=1,
        symbol="BTCUSDT",
        side=order.side.value,
        type=SPOT_TYPES[order.type],
        client_order_id="tb-1",
        quantity=units(plain(order.quantity)),
        price=price if order.type is OrderType.LIMIT else None,
        stop_price=price if order.type.is_conditional else None,
    )
    spot_filters.check_precision(new, rules)
    spot_filters.check_filters(new, new.quantity or 0, rules, quote_of(order))
    spot_filters.check_count(order.open_orders + 1, rules)
    if order.type.is_conditional:
        spot_filters.check_special_counts([new], [new] * order.open_conditionals, rules)
    if order.side is Side.BUY:
        spot_filters.check_position(units(plain(order.held)) + (new.quantity or 0), rules)


def judge_on_futures(entry: dict[str, Any], order: Draft) -> None:
    """As the engine's own judge, which wants accounts and positions beside that."""
    rules = futures_rules_of(entry, [])
    quantity, market = units(plain(order.quantity)), order.type is not OrderType.LIMIT
    price = units(plain(order.price)) if order.price is not None else 0
    if order.price is not None:
        futures_filters.check_trigger_price(price, rules)
    futures_filters.check_quantity(quantity, rules, market=market)
    if not order.type.is_conditional:
        futures_filters.check_percent_price(order.side.value, price, rules, quote_of(order))
    new = NewFuturesOrder(
        account_id=1,
        symbol="BTCUSDT",
        side=order.side.value,
        type="LIMIT",
        client_order_id="tb-1",
        reduce_only=order.reduce_only,
    )
    if not futures_filters.reduces(new):
        futures_filters.check_notional((price or quote_of(order).mark) * quantity // SCALE, rules)
    if not market and order.open_orders >= rules.max_orders:
        raise Rejected(-2025, "Reach max open order limit.")


@settings(max_examples=200)
@given(entry=spot_entries(), order=drafts())
def test_what_spot_takes_passes_and_nothing_else(entry, order):
    violation = check_order(rules_of(entry), order)

    assert (violation is None) == passes(lambda: judge_on_spot(entry, order)), violation


@settings(max_examples=200)
@given(entry=futures_entries(), order=drafts())
def test_what_futures_take_passes_and_nothing_else(entry, order):
    violation = check_order(rules_of(entry), order)

    assert (violation is None) == passes(lambda: judge_on_futures(entry, order)), violation

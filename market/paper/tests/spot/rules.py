"""What spot's engine tests share: the recorded rules, quotes, orders. Amounts are written as text."""

from __future__ import annotations

import json
from typing import Any

from market.paper.engine.amounts import units
from market.paper.engine.journal import Journal
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.spot.rules import rules_of
from market.paper.engine.spot.types import NewList, NewOrder
from market.paper.engine.types import Quote
from market.paper.prices.recording import DATA

INFO = json.loads((DATA / "exchange_info.json").read_text())
RULES = {entry["symbol"]: rules_of(entry) for entry in INFO["symbols"]}
NOON = 1_737_720_000_000
AMOUNTS = ("quantity", "quote_order_qty", "price", "stop_price", "iceberg_qty")


def quote(
    last: str, *, half_spread: str = "0.01", step: int = 1, gap: str = "1", level: str = "1000000", levels: int = 3
) -> Quote:
    """The market at a price; deep enough for everything unless told otherwise."""
    price, half = units(last), units(half_spread)
    return Quote(
        step=step,
        last=price,
        bid=price - half,
        ask=price + half,
        average=price,
        gap=units(gap),
        level_qty=units(level),
        levels=levels,
        mark=price,
        index=price,
    )


def engine_with(journal: Journal | None = None, **balances: str) -> SpotEngine:
    """An engine with account 1 holding these balances."""
    engine = SpotEngine(RULES, Journal() if journal is None else journal)  # an empty one is false
    give(engine, 1, **balances)
    return engine


def give(engine: SpotEngine, account_id: int, **balances: str) -> None:
    """Deposit into an account."""
    for asset, text in balances.items():
        engine.deposit(account_id, asset, units(text), NOON)


def held(engine: SpotEngine, asset: str, account_id: int = 1) -> tuple[int, int]:
    """Free and locked."""
    balance = engine.balances.of(account_id, asset)
    return balance.free, balance.locked


def amounts(*texts: str) -> tuple[int, ...]:
    """Several amounts at once, to compare with."""
    return tuple(units(text) for text in texts)


def order(**changes: Any) -> NewOrder:
    """A valid market order to buy 0.1 BTC."""
    values: dict[str, Any] = {
        "account_id": 1,
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "MARKET",
        "client_order_id": "c1",
        "quantity": "0.1",
    } | changes
    for name in AMOUNTS:
        if isinstance(values.get(name), str):
            values[name] = units(values[name])
    return NewOrder(**values)


def limit(price: str, **changes: Any) -> NewOrder:
    """A valid limit order."""
    return order(**({"type": "LIMIT", "price": price} | changes))


def stop(trigger: str | None, **changes: Any) -> NewOrder:
    """A valid stop order to buy at market when the price rises to this."""
    return order(**({"type": "STOP_LOSS", "stop_price": trigger} | changes))


def oco(suffix: str = "", **changes: Any) -> NewList:
    """A valid pair to sell 0.1 BTC: at 52000, or when the price falls to 48000. One leg's changes go by its name."""
    legs: dict[str, dict[str, Any]] = {
        "stop": {"type": "STOP_LOSS", "stop_price": "48000"},
        "other": {"type": "LIMIT_MAKER", "price": "52000"},
    }
    both = {"side": "SELL"} | {name: value for name, value in changes.items() if name not in legs}
    stop, other = (
        order(**{"client_order_id": leg + suffix} | values | both | changes.get(leg, {}))
        for leg, values in legs.items()
    )
    return NewList("pair" + suffix, stop, other)

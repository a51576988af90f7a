"""What engine tests share: the recorded rules, quotes, orders."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from market.paper.engine.effects import Effects
from market.paper.engine.engine import Engine
from market.paper.engine.rules import rules_of
from market.paper.engine.types import Account, NewOrder, Quote
from market.paper.prices.recording import DATA

INFO = json.loads((DATA / "exchange_info.json").read_text())
RULES = {entry["symbol"]: rules_of(entry) for entry in INFO["symbols"]}
NOON = 1_737_720_000_000


def quote(last: str, half_spread: str = "0.01") -> Quote:
    price, half = Decimal(last), Decimal(half_spread)
    return Quote(price, price - half, price + half, price)


def engine_with(**balances: str) -> Engine:
    """An engine with account 1 holding these balances."""
    engine = Engine(RULES)
    open_account(engine, 1, **balances)
    return engine


def open_account(engine: Engine, account_id: int, **balances: str) -> Effects:
    account = Account(account_id, "test", f"key{account_id}", "secret", NOON)
    return engine.open_account(account, {asset: Decimal(text) for asset, text in balances.items()}, NOON)


def order(**changes: Any) -> NewOrder:
    """A valid market order to buy 0.1 BTC; amounts as strings."""
    values: dict[str, Any] = {
        "account_id": 1,
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "MARKET",
        "client_order_id": "c1",
        "quantity": "0.1",
    } | changes
    for name in ("quantity", "quote_order_qty", "price"):
        if values.get(name) is not None:
            values[name] = Decimal(values[name])
    return NewOrder(**values)


def limit(price: str, **changes: Any) -> NewOrder:
    """A valid limit order."""
    return order(**({"type": "LIMIT", "price": price} | changes))

"""What is told of a row: whose it is, which bot's, and the message as it goes to every viewer of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from market.rounding import plain

# What a role must let its owner see before it is told.
RIGHTS = {
    "bot": "bots.view_botconfig",
    "order": "trades.view_order",
    "fill": "trades.view_fill",
    "trade": "trades.view_trade",
    "event": "trades.view_event",
}
FIELDS: dict[str, tuple[str, ...]] = {
    "bot": (
        *("name", "account", "market", "symbol", "interval", "strategy", "desired_state", "entries_paused"),
        *("status", "reason", "message", "changed_at", "quantity", "entry_price", "realized_pnl", "opened_at"),
    ),
    "order": (
        *("client_order_id", "account", "symbol", "purpose", "side", "type", "status", "quantity", "filled_quantity"),
        *("price", "reduce_only", "reason", "error", "exchange_order_id", "created_at", "finished_at"),
    ),
    "fill": (
        *("order", "", "executed_at", "account", "symbol", "side", "price", "quantity", "quote_quantity"),
        *("commission", "commission_asset", "exchange_trade_id"),
    ),
    "trade": (
        *("order", "account", "environment", "market", "symbol", "purpose", "side", "price", "quantity_filled"),
        *("quote_quantity", "commission", "commission_asset", "realized_pnl", "binance_order_id", "created_at"),
    ),
    "event": ("order", "kind", "message", "data", "created_at", "account", "symbol"),
}


class Key(NamedTuple):
    """One version of one row."""

    kind: str
    number: int
    version: str


@dataclass(frozen=True)
class Change:
    """One message to be. ``owner`` None: of the platform, for operators; ``bot`` None: of none."""

    key: Key
    owner: int | None
    bot: int | None
    data: bytes

    @property
    def kind(self) -> str:
        return self.key.kind

    def message(self, mark: str) -> bytes:
        """As it goes over the wire."""
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (mark.encode(), self.kind.encode(), self.data)


def change_of(kind: str, row: Sequence[Any]) -> Change:
    """A row of one of the statements, which begins with owner, bot, number, version, and whether it is open."""
    owner, bot, number = row[:3]
    told = {"id": number, "owner": owner} | ({} if kind == "bot" else {"bot": bot})
    told |= {name: value for name, value in zip(FIELDS[kind], row[5:], strict=True) if name}
    if kind == "event":
        told["data"] = orjson.Fragment(told["data"])
    return Change(Key(kind, number, row[3]), owner, bot, orjson.dumps(told, default=_amount, option=orjson.OPT_UTC_Z))


def _amount(value: Any) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    raise TypeError(f"{type(value)} is in no statement")


Tell = Callable[[list[Change]], None]

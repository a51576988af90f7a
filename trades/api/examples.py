"""What the journal answers, to read in its schema."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer

_OF = {"position": 3, "account": 2, "bot": 7, "environment": "paper", "market": "spot", "symbol": "BTCUSDT"}
_AT = "2026-01-31T12:00:00.250000Z"

_FACTS = {
    "id": 21,
    "exchange_trade_id": 987654,
    "price": "50000.5",
    "quantity": "0.002",
    "quote_quantity": "100.001",
    "commission": "0.100001",
    "commission_asset": "USDT",
    "commission_quote": "0.100001",
    "executed_at": _AT,
}
FILL = {**_FACTS, **_OF, "order": 11, "side": "BUY"}
TRADE = {
    "id": 31,
    "order": 11,
    **_OF,
    "binance_order_id": 123456,
    "purpose": "entry",
    "side": "BUY",
    "price": "50000.5",
    "quantity_filled": "0.002",
    "quote_quantity": "100.001",
    "commission": "0.100001",
    "commission_asset": "USDT",
    "commission_quote": "0.100001",
    "realized_pnl": "-0.100001",
    "created_at": _AT,
}
ORDER = {
    "id": 11,
    **_OF,
    "client_order_id": "tb-7-0f8fad5b",
    "exchange_order_id": 123456,
    "purpose": "entry",
    "side": "BUY",
    "type": "market",
    "quantity": "0.002",
    "filled_quantity": "0.002",
    "price": None,
    "reference_price": "50000",
    "reduce_only": False,
    "status": "filled",
    "error": "",
    "created_at": _AT,
    "reason": "EMA 9 crossed EMA 21 upwards, RSI 55.2",
    "cancel_requested_at": None,
    "finished_at": _AT,
}
ORDER_DETAIL = {**ORDER, "fills": [_FACTS], "trade": TRADE}
POSITION = {
    "id": 3,
    "account": 2,
    "bot": 7,
    "environment": "paper",
    "market": "spot",
    "symbol": "BTCUSDT",
    "base_asset": "BTC",
    "quote_asset": "USDT",
    "by_hand": False,
    "is_open": True,
    "quantity": "0.002",
    "entry_price": "50000.5",
    "last_price": "50100",
    "last_price_at": _AT,
    "unrealized_pnl": "0.199",
    "realized_pnl": "12.5",
    "fees": "0.8",
    "funding": "0",
    "round": 4,
    "opened_at": _AT,
    "closed_at": None,
    "naked_since": None,
}
EVENT = {
    "id": 41,
    "kind": "order_filled",
    "message": "BUY 0.002 BTCUSDT at 50000.5",
    "position": 3,
    "account": 2,
    "bot": 7,
    "symbol": "BTCUSDT",
    "user": None,
    "order": 11,
    "data": {"price": "50000.5"},
    "created_at": _AT,
}
TRANSFER = {
    "id": 51,
    "account": 2,
    "environment": "paper",
    "asset": "USDT",
    "amount": "100",
    "to_futures": True,
    "status": "done",
    "transaction_id": 777,
    "error": "",
    "idempotency_key": "monday",
    "asked_by": "bob",
    "created_at": _AT,
    "finished_at": _AT,
}


def like(example: dict[str, Any]) -> Any:
    """A serializer that answers like this."""
    return extend_schema_serializer(examples=[OpenApiExample("one", value=example, response_only=True)])

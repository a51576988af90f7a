"""Everything that changes orders, fills, trades and positions."""

from trades.services.accounts import reconcile_account, reconcile_accounts, to_reconcile, watch_futures
from trades.services.orders import (
    Intent,
    cancel_order,
    exit_key,
    intend_order,
    new_client_id,
    submit_order,
    submit_pair,
    take_back_unsent,
)
from trades.services.reconciliation import reconcile_orders
from trades.services.records import record_report
from trades.services.terms import agree_on_terms, forget_terms, note_liquidation_price

__all__ = [
    "Intent",
    "agree_on_terms",
    "cancel_order",
    "exit_key",
    "forget_terms",
    "intend_order",
    "new_client_id",
    "note_liquidation_price",
    "reconcile_account",
    "reconcile_accounts",
    "reconcile_orders",
    "record_report",
    "submit_order",
    "submit_pair",
    "take_back_unsent",
    "to_reconcile",
    "watch_futures",
]

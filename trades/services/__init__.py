"""Everything that changes orders, fills, trades and positions."""

from trades.services.booking import record_report
from trades.services.orders import Intent, cancel_intended_entries, exit_key, intend_order, submit_order
from trades.services.reconciliation import reconcile_orders

__all__ = [
    "Intent",
    "cancel_intended_entries",
    "exit_key",
    "intend_order",
    "reconcile_orders",
    "record_report",
    "submit_order",
]

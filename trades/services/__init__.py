"""Everything that changes orders, fills, trades and positions."""

from trades.services.booking import record_report
from trades.services.orders import Intent, exit_key, intend_order, submit_order, take_back_unsent
from trades.services.reconciliation import reconcile_orders

__all__ = [
    "Intent",
    "exit_key",
    "intend_order",
    "reconcile_orders",
    "record_report",
    "submit_order",
    "take_back_unsent",
]

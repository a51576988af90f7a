"""Everything that changes orders, fills, trades and positions."""

from trades.services.accounts import reconcile_account, reconcile_accounts, to_reconcile, watch_futures
from trades.services.asked import (
    PLACES_ORDERS,
    KeyNamesAnother,
    TooManyUnfinished,
    accounts_for,
    ask_for_order,
    asked_before,
    asked_in_vain,
    execute_asked,
)
from trades.services.asked_rows import TOO_OLD
from trades.services.asking import ANSWERED_BY_THE_EXCHANGE, Answers, ask_exchange, known_answers
from trades.services.canceling import CantBeCanceled, NotByHand, cancel_by_hand
from trades.services.hands import HandOrder, OrderDenied, place_order
from trades.services.intents import Intent
from trades.services.kill_switch import (
    PLATFORM,
    MayNotEase,
    NotYourSwitch,
    Outcome,
    Pressed,
    Standing,
    SwitchMoved,
    Target,
    is_operator,
    press,
    press_all,
    standings,
)
from trades.services.orders import (
    cancel_order,
    exit_key,
    intend_order,
    new_client_id,
    submit_order,
    submit_orders,
    take_back_unsent,
)
from trades.services.portfolios import PACKET_EVERY, packets_of_portfolios, sync_portfolios
from trades.services.reconciliation import reconcile_order, reconcile_orders
from trades.services.records import record_report
from trades.services.terms import agree_on_terms, forget_terms, known_brackets, note_liquidation_price
from trades.services.transfer_sweep import reconcile_transfers
from trades.services.transfers import request_transfer, send_transfer, settle_transfer
from trades.services.withdrawing import withdraw_halted

__all__ = [
    "ANSWERED_BY_THE_EXCHANGE",
    "PACKET_EVERY",
    "PLACES_ORDERS",
    "PLATFORM",
    "TOO_OLD",
    "Answers",
    "CantBeCanceled",
    "HandOrder",
    "Intent",
    "KeyNamesAnother",
    "MayNotEase",
    "NotByHand",
    "NotYourSwitch",
    "OrderDenied",
    "Outcome",
    "Pressed",
    "Standing",
    "SwitchMoved",
    "Target",
    "TooManyUnfinished",
    "accounts_for",
    "agree_on_terms",
    "ask_exchange",
    "ask_for_order",
    "asked_before",
    "asked_in_vain",
    "cancel_by_hand",
    "cancel_order",
    "execute_asked",
    "exit_key",
    "forget_terms",
    "intend_order",
    "is_operator",
    "known_answers",
    "known_brackets",
    "new_client_id",
    "note_liquidation_price",
    "packets_of_portfolios",
    "place_order",
    "press",
    "press_all",
    "reconcile_account",
    "reconcile_accounts",
    "reconcile_order",
    "reconcile_orders",
    "reconcile_transfers",
    "record_report",
    "request_transfer",
    "send_transfer",
    "settle_transfer",
    "standings",
    "submit_order",
    "submit_orders",
    "sync_portfolios",
    "take_back_unsent",
    "to_reconcile",
    "watch_futures",
    "withdraw_halted",
]

"""Which work may be sent once more, and what makes two failures one piece of work.

A task is named here with what makes it harmless when it runs twice, or with why it is not sent again. Of what nobody
has named nobody knows, so it is not.
"""

from collections.abc import Callable
from typing import Any

HARMLESS = {
    "bots.tasks.resume_minute": "one caller claims what is missing of the present minute",
    "bots.tasks.run_bot": "decides anew under the bot's lock; an act has one key, so its order exists once",
    "bots.tasks.protect_positions": "looks at what is missing at present",
    "bots.tasks.protect_bot": "decides anew under the bot's lock; what rests already is not sent again",
    "bots.tasks.run_backtest": "one worker has it at a time; one that has ended is not run again",
    "bots.tasks.keep_decisions": "makes what is missing, drops what is too old",
    "bots.tasks.reactivate_bots_after_reset": "only asks what is missing of the present minute",
    "bots.tasks.update_market_data": "one at a time, and brings up to date what is not",
    "trades.tasks.reconcile_orders": "one sweep at a time; it asks, and books each fill once",
    "trades.tasks.book_fundings": "each payment has its number, and is booked once",
    "trades.tasks.reconcile_accounts": "compares, and books each fill once",
    "trades.tasks.sync_portfolios": "each account has one turn in two minutes",
    "trades.tasks.sync_packet": "each account has one turn in two minutes",
    "trades.tasks.execute_trade_async": "what was asked for becomes one order, or none when it is too old",
    "trades.tasks.transfer_between_wallets": "sent once: only who moves the transfer from intended to submitted",
    "trades.tasks.reconcile_transfers": "asks, and each transfer has one outcome",
    "market.tasks.warmup_spot_symbols_cache": "reads what the exchange says at present",
    "market.tasks.warmup_futures_symbols_cache": "reads what the exchange says at present",
    "market.tasks.measure_clocks": "measures the present",
    "market.tasks.process_order_book": "only looks",
    "bots.tasks.calculate_indicators": "only looks",
    "ops.tasks.keep_dead_letters": "drops what is too old",
    "ops.tasks.keep_api_rows": "drops what is too old",
    "ops.tasks.keep_notifications": "drops what is too old",
    "ops.tasks.cleanup_log_files": "compresses and drops what is old",
    "ops.tasks.distribute_notifications": "each event is told once, by its key",
    "ops.tasks.send_trade_notification": "each event is told once, by its key",
    "ops.tasks.send_alert_notification": "what was told by its key is not told again",
    "ops.tasks.send_bulk_notifications": "what was told by its key is not told again",
    "ops.tasks.send_notification": "sent by whoever claims it; what has arrived is not claimed again",
    "ops.tasks.send_email_notification": "sent by whoever claims it; what has arrived is not claimed again",
    "ops.tasks.send_telegram_notification": "sent by whoever claims it; what has arrived is not claimed again",
    "ops.tasks.send_channel_code": "the same code of the same day",
    "ops.tasks.generate_trading_report": "what waits is made once; what has failed is asked for anew",
    "ops.tasks.resume_reports": "sends what still waits",
    "ops.tasks.calculate_portfolio_performance": "each day is written once",
    "ops.tasks.calculate_risk_metrics": "only looks",
    "ops.tasks.generate_system_analytics": "only looks",
    "ops.tasks.system_health_check": "looks, and writes down what it sees at present",
    "ops.tasks.cleanup_old_analytics": "drops what is too old",
    "ops.tasks.cleanup_old_trades": "writes what no file has; deletes what one is proved to have",
    "ops.tasks.database_maintenance": "one at a time; drops what is too old",
    "celery.backend_cleanup": "drops results that are too old",
}
NEVER = {
    "bots.tasks.run_all_active_bots": "its minute is over, and the present one has begun by itself",
    "bots.tasks.evaluate_series": "its minute is over: the present one looks at fresh data, and counts for itself",
}


def why_never(task: str) -> str:
    """Why the task is not sent again; empty when it may be."""
    if task in HARMLESS:
        return ""
    return NEVER.get(task, "nobody has said that it is harmless when it runs twice (ops/dead_letters/policy.py)")


# What tells apart failures of these tasks; of all others their arguments do.
_APART: dict[str, Callable[[str, Any, Any], Any]] = {
    "bots.tasks.evaluate_series": lambda task_id, args, kwargs: None,  # each minute another tick
}


def told_apart_by(task: str, task_id: str, args: Any, kwargs: Any) -> Any:
    """What has to be the same for a failure to be counted with an earlier one of the task, as JSON."""
    apart = _APART.get(task)
    return apart(task_id, args, kwargs) if apart else [args, kwargs]

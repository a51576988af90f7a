"""Tasks of ops: thin faces of the services. Each is called `ops.tasks.<its function>`, whichever module it is in.

health.py         a look at everything
notifications.py  what people are told, and its sending
reports.py        how trading fares
upkeep.py         what is old goes
"""

from ops.tasks.health import system_health_check
from ops.tasks.notifications import (
    distribute_notifications,
    send_alert_notification,
    send_bulk_notifications,
    send_channel_code,
    send_email_notification,
    send_notification,
    send_telegram_notification,
    send_trade_notification,
)
from ops.tasks.reports import (
    calculate_portfolio_performance,
    calculate_risk_metrics,
    generate_system_analytics,
    generate_trading_report,
    resume_reports,
    send_report,
)
from ops.tasks.upkeep import (
    cleanup_log_files,
    cleanup_old_analytics,
    cleanup_old_trades,
    database_maintenance,
    keep_api_rows,
    keep_dead_letters,
    keep_notifications,
)

__all__ = [
    "calculate_portfolio_performance",
    "calculate_risk_metrics",
    "cleanup_log_files",
    "cleanup_old_analytics",
    "cleanup_old_trades",
    "database_maintenance",
    "distribute_notifications",
    "generate_system_analytics",
    "generate_trading_report",
    "keep_api_rows",
    "keep_dead_letters",
    "keep_notifications",
    "resume_reports",
    "send_alert_notification",
    "send_bulk_notifications",
    "send_channel_code",
    "send_email_notification",
    "send_notification",
    "send_report",
    "send_telegram_notification",
    "send_trade_notification",
    "system_health_check",
]

"""The admin of all that ops keeps, and of schedules and results."""

from ops.admin import (
    alerts,
    changes,
    dead_letters,
    health,
    notification_channels,
    notifications,
    reports,
    results,
    schedules,
    tokens,
    verbosity,
)

__all__ = [
    "alerts",
    "changes",
    "dead_letters",
    "health",
    "notification_channels",
    "notifications",
    "reports",
    "results",
    "schedules",
    "tokens",
    "verbosity",
]

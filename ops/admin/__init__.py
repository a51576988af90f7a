"""The admin of schedules, results, dead letters, health, reports, tokens, notifications, and of what people changed."""

from ops.admin import (
    changes,
    dead_letters,
    health,
    notification_channels,
    notifications,
    reports,
    results,
    schedules,
    tokens,
)

__all__ = [
    "changes",
    "dead_letters",
    "health",
    "notification_channels",
    "notifications",
    "reports",
    "results",
    "schedules",
    "tokens",
]

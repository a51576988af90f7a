"""The admin of schedules, task results, dead letters and tokens, of notifications, and of what people changed."""

from ops.admin import changes, dead_letters, notification_channels, notifications, results, schedules, tokens

__all__ = ["changes", "dead_letters", "notification_channels", "notifications", "results", "schedules", "tokens"]

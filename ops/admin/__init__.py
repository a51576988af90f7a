"""The admin of schedules and task results, and the list of what people changed."""

from ops.admin import changes, results, schedules

__all__ = ["changes", "results", "schedules"]

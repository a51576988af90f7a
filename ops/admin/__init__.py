"""The admin of schedules and task results, and the list of what people changed."""

from ops.admin import changes, schedules

__all__ = ["changes", "schedules"]

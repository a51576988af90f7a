"""The admin of schedules, task results, dead letters, reports and tokens, and the list of what people changed."""

from ops.admin import changes, dead_letters, reports, results, schedules, tokens

__all__ = ["changes", "dead_letters", "reports", "results", "schedules", "tokens"]

"""The admin of schedules, task results and dead letters and tokens, and the list of what people changed."""

from ops.admin import changes, dead_letters, results, schedules, tokens

__all__ = ["changes", "dead_letters", "results", "schedules", "tokens"]

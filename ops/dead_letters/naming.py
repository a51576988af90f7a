"""How a task calls its arguments."""

import inspect
from collections.abc import Sequence
from typing import Any

from celery import current_app


def named_arguments(task: str, args: Sequence[Any]) -> list[str]:
    """The names of positional arguments; empty where the task, or the position, is unknown."""
    known = current_app.tasks.get(task)
    names = list(inspect.signature(known.run).parameters)[: len(args)] if known else []
    return names + [""] * (len(args) - len(names))

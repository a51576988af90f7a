"""What is counted of tasks, requests, deliveries and failures; docs/metrics.md says what each one means."""

import time
from datetime import datetime
from typing import Any

from django.conf import settings

from market.telemetry import OTHER, Counter, Histogram
from ops.queues import SENT_AT

TASKS, QUEUES, STATES = 80, 9, 6  # tasks that are registered; queues that are configured, and others
KINDS, OUTCOMES = 8, 4
VIEWS = 600  # of 330 views with some methods and statuses each
APPS = ("market", "trades", "bots", "ops", "tradebot_site", OTHER)

TASK_SECONDS = Histogram(
    "tradebot_task_seconds",
    "A task from its begin to its end, in the process that worked on it",
    "task",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 150, 600),
    most=TASKS,
)
TASKS_DONE = Counter(
    "tradebot_tasks_total",
    "Tasks by the state in which a worker left them; LOST: its process was killed",
    *("task", "queue", "state"),
    most=TASKS * STATES,
)
TASK_WAIT_SECONDS = Histogram(
    "tradebot_task_wait_seconds",
    "How long a task was due before a worker began with it",
    "queue",
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300),
    most=QUEUES,
)
REQUEST_SECONDS = Histogram(
    "tradebot_http_request_seconds",
    "A request from its first middleware to its answer",
    *("method", "view", "status"),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    most=VIEWS,
)
DELIVERIES = Counter(
    "tradebot_deliveries_total",
    "Tries to send a notification: sent, refused, later (to be tried again), broken (our own sender failed)",
    *("kind", "outcome"),
    most=KINDS * OUTCOMES,
)
DELIVERY_SECONDS = Histogram(
    "tradebot_delivery_seconds",
    "One try to send a notification",
    "kind",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    most=KINDS,
)
DEAD_LETTERS = Counter("tradebot_dead_letters_total", "Failures kept as dead letters", "queue", most=QUEUES)
LOG_ERRORS = Counter(
    "tradebot_log_errors_total", "Lines logged as errors, or worse", "app", "level", most=len(APPS) * 2
)


def queue_label(name: str) -> str:
    """A queue of ours, or other: messages may come from anybody."""
    return name if name in settings.CELERY_TASK_QUEUES else OTHER


def count_begin(request: Any) -> None:
    """A worker begins with a task: how long it had been due."""
    sent_at = (request.headers or {}).get(SENT_AT)
    if isinstance(sent_at, int | float):
        due_at = datetime.fromisoformat(request.eta).timestamp() if request.eta else sent_at
        queue = (request.delivery_info or {}).get("routing_key") or ""
        TASK_WAIT_SECONDS.observe(time.time() - max(sent_at, due_at), queue=queue_label(queue))


def count_end(task: str, request: Any, state: str, *, seconds: float | None) -> None:
    """A task has ended; ``seconds`` None: nobody knows how long it took."""
    queue = (request.delivery_info or {}).get("routing_key") or ""
    TASKS_DONE.inc(task=task, queue=queue_label(queue), state=state)
    if seconds is not None:
        TASK_SECONDS.observe(seconds, task=task)


def begin_at_zero() -> None:
    """Show what is rare before it happens: Prometheus sees no increase in what begins with its first value."""
    for queue in (*settings.CELERY_TASK_QUEUES, OTHER):
        DEAD_LETTERS.inc(0, queue=queue)
    for app in APPS:
        for level in ("ERROR", "CRITICAL"):
            LOG_ERRORS.inc(0, app=app, level=level)

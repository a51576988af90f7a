"""How a process begins that serves no pages: workers, beat, the event stream, the watcher."""

from django.conf import settings

from market import telemetry
from ops.metrics.process import begin_at_zero


def begin_service() -> None:
    """For the main process, before it starts others: forget an earlier run, and tell metrics on METRICS_PORT."""
    telemetry.begin_service(host=settings.METRICS_HOST, port=settings.METRICS_PORT)
    begin_at_zero()

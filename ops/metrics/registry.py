"""What is told at a scrape."""

import logging
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from market.telemetry import process_registry
from ops.metrics.state import collectors

logger = logging.getLogger(__name__)


def site_registry() -> CollectorRegistry:
    """What the web's processes have counted, and the state of the whole system, which is read as it is asked for."""
    registry = process_registry()
    for collector in collectors():
        registry.register(_Guarded(collector))
    return registry


class _Guarded(Collector):
    """What can't be read now must not hide the rest: that is when somebody looks."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterable[Metric]:
        try:
            return list(self._collector.collect())
        except Exception:
            logger.exception("metrics: %s can't be read", type(self._collector).__name__)
            return []

    def describe(self) -> Iterable[Metric]:
        """Nothing: to register it reads nothing."""
        return []

"""What is told at a scrape."""

import logging
from collections.abc import Iterable, Sequence
from importlib import import_module

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from market.telemetry import process_registry

logger = logging.getLogger(__name__)


def site_registry() -> CollectorRegistry:
    """What the web's processes have counted, and the state of the whole system, which is read as it is asked for."""
    registry = process_registry()
    for collector in _state_collectors():
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


def _state_collectors() -> Sequence[Collector]:
    # For the integrator: import `ops.metrics.state.collectors` directly, once it is there.
    try:
        state = import_module("ops.metrics.state")
    except ModuleNotFoundError:
        return ()
    found: Sequence[Collector] = state.collectors()
    return found

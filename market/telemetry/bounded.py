"""Counters and histograms that are safe to use anywhere: counting never raises, and series never grow without end."""

import logging
import os
from collections.abc import Sequence
from threading import RLock
from typing import Any, Generic, TypeVar

import prometheus_client
from prometheus_client import CollectorRegistry

from market.telemetry import values  # noqa: F401 - before the first metric: it is what they count with

logger = logging.getLogger(__name__)

OTHER = "other"  # every label of what comes beyond the series that a metric may have
REGISTRY = CollectorRegistry()  # of this process
Made = TypeVar("Made", prometheus_client.Counter, prometheus_client.Histogram)

# Held at each fork: else a child may begin with the library's own locks held for ever by a thread that it lacks.
making = RLock()
os.register_at_fork(before=making.acquire, after_in_parent=making.release, after_in_child=making.release)


class _Bounded(Generic[Made]):
    def __init__(self, metric: Made, labels: Sequence[str], most: int) -> None:
        self._metric: Made = metric
        self._labels, self._most = labels, most
        self._series: dict[tuple[str, ...], Made] = {}

    def _one(self, labels: dict[str, object]) -> Made:
        key = tuple([str(labels[name]) for name in self._labels])
        return self._series.get(key) or self._new(key)

    def _new(self, key: tuple[str, ...]) -> Made:
        with making:
            if not key:
                found = self._metric
            elif len(self._series) < self._most:
                found = self._metric.labels(*key)
            else:
                return self._metric.labels(*[OTHER] * len(key))
        self._series[key] = found
        return found


class Counter(_Bounded[prometheus_client.Counter]):
    """A number of things that have happened. Its name ends in _total.

    ``labels``: their values have to be of a closed set; beyond ``most`` series further ones are counted as "other".
    """

    def __init__(self, name: str, text: str, *labels: str, most: int = 1) -> None:
        super().__init__(prometheus_client.Counter(name, text, labels, registry=REGISTRY), labels, most)

    def inc(self, amount: float = 1, **labels: object) -> None:
        """Count; an ``amount`` of 0 shows a series before anything happens, so that its first change is one."""
        try:
            self._one(labels).inc(amount)
        except Exception as error:
            _tell(self._metric, error)


class Histogram(_Bounded[prometheus_client.Histogram]):
    """How long something took, in seconds. Its name ends in _seconds, ``buckets`` are upper bounds."""

    def __init__(self, name: str, text: str, *labels: str, buckets: Sequence[float], most: int = 1) -> None:
        made = prometheus_client.Histogram(name, text, labels, buckets=buckets, registry=REGISTRY)
        super().__init__(made, labels, most)

    def observe(self, seconds: float, **labels: object) -> None:
        try:
            self._one(labels).observe(max(seconds, 0.0))  # clocks of two machines may disagree
        except Exception as error:
            _tell(self._metric, error)


def _tell(metric: Any, error: Exception) -> None:
    logger.warning("metric %s is not counted: %s: %s", metric, type(error).__name__, error)

"""Adds up what the processes of a service have counted. Others write meanwhile, and any of them may be killed."""

import logging
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from market.telemetry.bounded import REGISTRY, making
from market.telemetry.values import directory

logger = logging.getLogger(__name__)


class ProcessMetrics(Collector):
    """Those of all processes of this service; without a directory those of this process."""

    def collect(self) -> Iterable[Metric]:
        where = directory()
        if where is not None:
            return _added_up(where)
        with making:
            return list(REGISTRY.collect())

    def describe(self) -> Iterable[Metric]:
        """Nothing: who registers us need not look through the files for it."""
        return []


def process_registry() -> CollectorRegistry:
    """What the processes of this service have counted."""
    registry = CollectorRegistry()
    registry.register(ProcessMetrics())
    return registry


def _added_up(where: Path) -> Iterable[Metric]:
    paths = sorted(str(path) for path in where.glob("*.db"))
    try:
        return list(MultiProcessCollector.merge(paths))
    except Exception:  # one that is being made, or wiped, or broken: the others are all the same
        return list(MultiProcessCollector.merge([path for path in paths if _is_readable(path)]))


def _is_readable(path: str) -> bool:
    try:
        for _ in MmapedDict.read_all_values_from_file(path):
            pass
    except Exception as error:
        logger.warning("metrics: %s is left out: %s: %s", path, type(error).__name__, error)
        return False
    return True

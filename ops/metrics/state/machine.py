"""The machine, or the container's host, on which the web runs."""

from collections.abc import Iterator
from typing import Any

import psutil
from django.conf import settings

from ops.metrics.state.gauges import CPU, DISK, MEMORY, Reading

_before = psutil.cpu_times()  # psutil's own percentages are counted for each thread apart


def read() -> Iterator[Reading]:
    """How busy it is. The disk is that of BASE_DIR; under `make up` the data lie there, too."""
    global _before
    before, _before = _before, psutil.cpu_times()
    yield CPU.at(_busy(before, _before))
    yield MEMORY.at(psutil.virtual_memory().percent / 100)
    yield DISK.at(psutil.disk_usage(str(settings.BASE_DIR)).percent / 100)


def _busy(before: Any, after: Any) -> float:
    """The share of the time between two looks in which CPUs worked; guests' time is counted in that of users, too."""
    spent = {name: getattr(after, name) - getattr(before, name) for name in after._fields if "guest" not in name}
    total = sum(spent.values())
    idle = spent["idle"] + spent.get("iowait", 0)
    return min(max(1 - idle / total, 0), 1) if total > 0 else 0.0

"""This machine: CPU, memory, disks, and the log files."""

import os
import threading
import time
from collections import deque
from datetime import datetime
from pathlib import Path

import psutil
from django.conf import settings

from ops.health.bounds import level_of, told
from ops.health.checks.mends import mend
from ops.health.findings import Finding, Level

WINDOW_SECONDS = 60.0  # a tick makes a machine busy for a moment: what counts is the minute
SAMPLE_SECONDS = 0.1  # where nobody has looked before
SECTION = "Machine full"
MEGABYTE = 1_000_000

_samples: deque[tuple[float, float, float]] = deque()  # when, busy and all seconds of the CPU since the machine started
_lock = threading.Lock()


def cpu(now: datetime) -> list[Finding]:
    """How busy all cores have been since a look of at least a minute ago, or of all looks there have been."""
    with _lock:
        if not _samples or time.monotonic() - _samples[0][0] < SAMPLE_SECONDS:
            _samples.append(_sample())
            time.sleep(SAMPLE_SECONDS)
        _samples.append(_sample())
        while len(_samples) > 2 and _samples[-1][0] - _samples[1][0] >= WINDOW_SECONDS:
            _samples.popleft()
        (_, busy_before, all_before), (_, busy, everything) = _samples[0], _samples[-1]
    percent = 100 * (busy - busy_before) / max(everything - all_before, 0.001)
    bounds = settings.HEALTH_CPU_PERCENT
    return [_judged("cpu", percent, bounds, f"the CPU is busy to {percent:.0f} %", "What uses it: top, docker stats.")]


def _sample() -> tuple[float, float, float]:
    times = psutil.cpu_times()
    everything = sum(times[:8])  # what guests take is counted among the rest
    return time.monotonic(), everything - times.idle - getattr(times, "iowait", 0.0), everything


def memory(now: datetime) -> list[Finding]:
    """What can't be had any more without swapping."""
    percent = psutil.virtual_memory().percent
    advice = "What uses it: top, docker stats; lower -c of a worker."
    return [
        _judged("memory", percent, settings.HEALTH_MEMORY_PERCENT, f"{percent:.0f} % of the memory are taken", advice)
    ]


def disk(now: datetime) -> list[Finding]:
    """Each disk on which we know to have something here. The database's is told by its own machine."""
    places: dict[int, Path] = {}
    for place in (Path(settings.BASE_DIR), *_log_directory()):
        places.setdefault(place.stat().st_dev, place)
    found = []
    for place in places.values():
        percent = psutil.disk_usage(str(place)).percent
        text = f"the disk of {place} is full to {percent:.0f} %"
        advice = f"What lies there: du -xsh {place}/*; drop what nobody needs, or take a larger one."
        found.append(_judged("disk", percent, settings.HEALTH_DISK_PERCENT, text, advice, subject=str(place)))
    return found


def logs(now: datetime) -> list[Finding]:
    """How much all log files take together; none where logs go to stdout alone."""
    size = sum(entry.stat().st_size for place in _log_directory() for entry in os.scandir(place) if entry.is_file())
    megabytes, bounds = size / MEGABYTE, settings.HEALTH_LOGS_MEGABYTES
    text = f"log files take {megabytes:,.0f} MB"
    advice = "Delete old files of LOG_DIR; is the schedule cleanup-log-files enabled?"
    return [_judged("logs", megabytes, bounds, text, advice, unit=" MB")]


def _log_directory() -> list[Path]:
    name = getattr(settings, "LOG_DIR", "")
    return [Path(name)] if name and Path(name).is_dir() else []


def _judged(
    check: str, value: float, bounds: list[float], text: str, advice: str, *, subject: str = "", unit: str = " %"
) -> Finding:
    level = level_of(value, bounds)
    what = "" if level is Level.OK else mend(advice, SECTION)
    return Finding(check, level, f"{text} {told(bounds, unit)}", what, subject=subject, value=round(value, 1))

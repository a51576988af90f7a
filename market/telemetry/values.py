"""One number of a series, for prometheus_client: what it counts with is chosen here, before there is any metric.

Its own `MultiProcessValue` names files by process ids, which grow with each process that is replaced, opens them as
soon as a metric is imported, and ends the process whose disk is full. Ours are files of a slot, opened when first
counted.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock, get_ident
from typing import Any

from prometheus_client import disable_created_metrics, values
from prometheus_client.mmap_dict import mmap_key

from market.telemetry.files import NumbersFile
from market.telemetry.slots import Slot, wipe

logger = logging.getLogger(__name__)

_lock = Lock()
_holder = 0  # the thread that has it
_life = 1  # begins anew with each fork
_directory: Path | None = None
_slot: Slot | None = None
_is_in_memory = True
_series: dict[tuple[str, ...], list["Value"]] = {}


class Value:
    """A number that only grows, and survives its process when there is a directory."""

    _multiprocess = False

    def __init__(
        self,
        typ: str,
        metric_name: str,
        name: str,
        labelnames: Sequence[str],
        labelvalues: Sequence[str],
        help_text: str,
        **_: Any,
    ) -> None:
        self._kind = typ
        self._key = mmap_key(metric_name, name, list(labelnames), list(labelvalues), help_text)
        is_bucket = tuple(labelnames[-1:]) == ("le",)
        # A histogram is told with all of its buckets, or it is none.
        self._siblings = _series.setdefault((metric_name, *labelvalues[: len(labelvalues) - is_bucket]), [])
        self._siblings.append(self)
        self._life = 0
        self._number = 0.0
        self._file: NumbersFile | None = None
        self._place = 0

    def inc(self, amount: float) -> None:
        global _holder
        me = get_ident()
        if _holder == me:
            return  # a signal's handler, in the midst of another `inc` of its thread: waiting would be for ever
        with _lock:
            _holder = me
            try:
                if self._life != _life:
                    for sibling in self._siblings:
                        sibling._begin()
                self._number += amount
                if self._file is not None:
                    self._file.write(self._place, self._number)
            finally:
                _holder = 0

    def get(self) -> float:
        """What this process, and its predecessors in its slot, have counted."""
        return self._number if self._life == _life else 0.0

    def get_exemplar(self) -> None:
        return None

    def _begin(self) -> None:
        """Find our place in the files of this process. What was counted before a fork is the parent's."""
        self._life, self._number, self._file = _life, 0.0, None
        file = _file_of(self._kind)
        if file is None:
            return
        try:
            self._place = file.place(self._key)
        except OSError as error:  # it can't grow: this series alone is not told
            logger.warning("metrics: %s is kept in memory: %s", self._key, error)
            return
        self._number, self._file = file.read(self._place), file


def keep_in(directory: Path | None) -> None:
    """Count in files of this directory from now on; None: in memory. Nothing is opened before something is counted."""
    global _directory
    with _lock:
        _directory = directory
        _start_anew()


def begin() -> None:
    """Forget what an earlier run has counted: for the main process of a service, before it starts others."""
    with _lock:
        if _directory is None:
            return
        try:
            wipe(_directory)
        except OSError as error:
            logger.warning("metrics in %s begin with what is there: %s", _directory, error)
        _start_anew()


def directory() -> Path | None:
    """Where the numbers of all processes of this service are; None while this process counts in memory."""
    return None if _is_in_memory else _directory


def _file_of(kind: str) -> NumbersFile | None:
    global _slot
    if _is_in_memory or _directory is None:
        return None
    try:
        _slot = _slot or Slot(_directory)
        return _slot.file(kind)
    except OSError as error:
        _stay_in_memory(error)
        return None


def _stay_in_memory(error: OSError) -> None:
    """Until this process ends: nothing that trades may stumble over what is counted about it."""
    global _is_in_memory
    if not _is_in_memory:
        _is_in_memory = True
        logger.warning("metrics can't be kept in %s, this process counts for itself: %s", _directory, error)


def _start_anew() -> None:
    """Nothing of this process is open, and its next count claims a slot. The lock is held."""
    global _life, _slot, _is_in_memory, _holder
    _holder = 0
    _life += 1
    if _slot is not None:
        _slot.leave()
        _slot = None
    _is_in_memory = _directory is None


def _in_child() -> None:
    _start_anew()
    _lock.release()


os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_in_child)
values.ValueClass = Value
disable_created_metrics()

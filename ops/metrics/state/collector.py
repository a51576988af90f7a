"""All lanes at one time, for many scrapes at once."""

import threading
from collections.abc import Iterable, Iterator
from time import monotonic

from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ops.metrics.state import database, machine, redis
from ops.metrics.state.gauges import GAUGES, Reading
from ops.metrics.state.lanes import Lane, Look

SECONDS = 2.7  # for all lanes, so that a scrape takes less than three
KEEP_SECONDS = 2.0  # who asks again so soon is told the same
LANES = (database.LANE, redis.CACHE, redis.BROKER)


class StateCollector(Collector):
    """Tells Prometheus how things stand. Never raises, and never takes longer than three seconds."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._looks: dict[Lane, Look] = {}
        self._known: list[Reading] = []
        self._known_until = 0.0

    def describe(self) -> Iterator[Metric]:
        """All gauges, without values: to register them asks nobody."""
        return iter(_families(()))

    def collect(self) -> Iterator[Metric]:
        """Those that can be read now."""
        with self._one_at_a_time:
            if monotonic() >= self._known_until:
                self._known = self._look()
                self._known_until = monotonic() + KEEP_SECONDS
        return (family for family in _families(self._known) if family.samples)

    def _look(self) -> list[Reading]:
        now, deadline = timezone.now(), monotonic() + SECONDS
        looks = [self._begin(Look(lane, now)) for lane in LANES]
        return [*machine.read(), *(reading for look in looks for reading in look.found_by(deadline))]

    def _begin(self, look: Look) -> Look:
        """Start it, unless an earlier one of its lane hangs: then it finds nothing."""
        before = self._looks.get(look.lane)
        if before is None or not before.is_alive():
            self._looks[look.lane] = look
            look.start()
        return look


def _families(readings: Iterable[Reading]) -> list[GaugeMetricFamily]:
    families = {gauge: GaugeMetricFamily(gauge.name, gauge.text, labels=gauge.labels) for gauge in GAUGES}
    for gauge, labels, value in readings:
        families[gauge].add_metric(labels, value)
    return list(families.values())

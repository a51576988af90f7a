"""How things stand, read from PostgreSQL, Redis and the machine when Prometheus asks the web. See docs/metrics.md.

gauges.py     what there is to read: names, labels, meaning
lanes.py      one server's readings: a thread of its own, for who hangs must not hold up the others
collector.py  all lanes at one time, within three seconds, for many scrapes at once
database.py, fleet.py, work.py, exchange.py, redis.py, machine.py: the readings
"""

from functools import cache

from prometheus_client.registry import Collector

from ops.metrics.state.collector import StateCollector


@cache
def collectors() -> tuple[Collector, ...]:
    """What the web reads at each scrape: always the same of a process, for they share looks and know who hangs."""
    return (StateCollector(),)

"""Everything that `manage.py db_monitor` tells, seen at one moment."""

from datetime import datetime
from typing import Any

from ops.monitor.counts import counts
from ops.monitor.probes import probed
from ops.monitor.reading import snapshot
from ops.monitor.server import server


def look_at_database(*, now: datetime) -> dict[str, Any]:
    """Counts, state of the server, probes. Raises Django's DatabaseError when nobody answers."""
    with snapshot() as cursor:
        probes = probed(cursor, now=now)
        healthy = all(probe["count"] == 0 for probe in probes)
        return {"healthy": healthy, "at": now, **counts(cursor, now=now), **server(cursor), "probes": probes}

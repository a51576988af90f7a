"""What PostgreSQL tells: of itself, of the fleet, of the work, of the exchanges' data."""

from collections.abc import Iterator
from datetime import datetime

from django.db import connection

from ops.metrics.state import exchange, fleet, work
from ops.metrics.state.gauges import DATABASE_BYTES, DATABASE_CONNECTIONS, Reading
from ops.metrics.state.lanes import Lane

SIZES = """
    SELECT pg_database_size(current_database()), count(*) FROM pg_stat_activity WHERE datname = current_database()
"""


def sizes(now: datetime) -> Iterator[Reading]:
    """Bytes on disk, and connections, of which this is one."""
    with connection.cursor() as cursor:
        cursor.execute(SIZES)
        size, connected = cursor.fetchone()
    yield DATABASE_BYTES.at(size)
    yield DATABASE_CONNECTIONS.at(connected)


LANE = Lane("database", (sizes, *fleet.READS, *work.READS, *exchange.DATABASE_READS))

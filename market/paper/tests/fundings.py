"""A funding that a test need not wait hours for."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from market.paper.prices.funding import next_funding_ms

# The real clock must not overtake a funding while the exchange starts: then it would pass in silence.
START_MS = 30_000
EARLIER_MS = 1000


def go_to_the_next_funding(ledger: Path) -> datetime:
    """Set the clock of a stopped exchange to a second before a funding that is still to come; returns that moment."""
    with closing(sqlite3.connect(ledger)) as connection, connection:
        (latest,) = connection.execute("SELECT max(update_ms) FROM orders").fetchone()
        clock = next_funding_ms(max(latest, int(time.time() * 1000)) + START_MS) - EARLIER_MS
        connection.execute("INSERT OR REPLACE INTO settings VALUES ('clock', ?)", [str(clock)])
    return datetime.fromtimestamp(clock / 1000, tz=UTC)

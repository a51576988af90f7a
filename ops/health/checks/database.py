"""PostgreSQL: does it answer, and does it have the tables of this release?"""

import time
from datetime import datetime
from functools import cache

from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from ops.health.checks.mends import mend
from ops.health.findings import Finding, Level

SLOW_SECONDS = 1.0  # of a statement that needs nothing


def database(now: datetime) -> list[Finding]:
    """A statement that touches nothing, with the way there."""
    began = time.monotonic()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return [_away(error)]
    seconds = time.monotonic() - began
    if seconds > SLOW_SECONDS:
        text = f"PostgreSQL took {seconds:.1f} s to answer (bound {SLOW_SECONDS:g} s)"
        advice = mend("What it works on: manage.py db_monitor.", "Database away")
        return [Finding("database", Level.WARNING, text, advice, value=seconds)]
    return [Finding("database", Level.OK, f"PostgreSQL answers in {seconds * 1000:.0f} ms", value=seconds)]


def _away(error: DatabaseError) -> Finding:
    """The server's own words name host and user, no password; of several lines the first says it."""
    words = str(error).strip().partition("\n")[0]
    advice = mend("Start PostgreSQL, or mend DATABASE_URL; manage.py doctor shows when it answers.", "Database away")
    return Finding("database", Level.CRITICAL, f"PostgreSQL does not answer: {words[:200]}", advice)


def migrations(now: datetime) -> list[Finding]:
    """Whether the tables are those that this release needs."""
    applied = set(MigrationRecorder(connection).applied_migrations())
    missing = sorted(f"{app}.{name}" for app, name in _known() - applied)
    if not missing:
        return [Finding("migrations", Level.OK, "all migrations are applied", value=0)]
    text = f"{len(missing)} migrations are not applied: {', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}"
    advice = mend("Run manage.py prepare.", "Migrations missing")
    return [Finding("migrations", Level.CRITICAL, text, advice, value=len(missing))]


@cache
def _known() -> frozenset[tuple[str, str]]:
    """Those on disk, which do not change while a process lives; to read them takes a tenth of a second."""
    return frozenset(MigrationLoader(None).disk_migrations)

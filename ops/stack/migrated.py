"""A mark in the embedded database that says which migrations it has seen, so that nobody has to load Django to know.

With it the second `make up` starts workers and web at once instead of after `migrate`, and a command saves three
seconds. It is the database's own comment, so it goes wherever the data goes.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from ops.stack.environment import DATABASE
from ops.stack.places import ROOT

APPS = ("market", "trades", "bots", "ops", "tradebot_site")


def fingerprint(root: Path = ROOT) -> str:
    """Changes with our migrations, with the packages that bring theirs, and with the list of apps."""
    files = [root / "requirements.txt", root / "tradebot_site" / "settings.py"]
    for app in APPS:
        files += sorted((root / app / "migrations").glob("*.py"))
    digest = hashlib.sha256()
    for path in files:
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_up_to_date(environment: Mapping[str, str]) -> bool:
    """True when the embedded database was marked with the present migrations."""
    question = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    found = _execute(environment, question)
    return found == fingerprint()


def mark(environment: Mapping[str, str]) -> None:
    """Say that all migrations have been applied."""
    _execute(environment, f"COMMENT ON DATABASE {DATABASE} IS '{fingerprint()}'")


def unmark(environment: Mapping[str, str]) -> None:
    """Say that somebody migrates by hand, perhaps backwards."""
    if not environment["DATABASE_URL"].startswith(f"postgresql://{DATABASE}@//"):
        return  # not an embedded one
    _execute(environment, f"COMMENT ON DATABASE {DATABASE} IS NULL")


def _execute(environment: Mapping[str, str], statement: str) -> str | None:
    import psycopg

    sockets = environment["DATABASE_URL"].partition("@/")[2].rpartition("/")[0]
    with psycopg.connect(
        host=sockets, user=DATABASE, dbname=DATABASE, autocommit=True, connect_timeout=5
    ) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return str(row[0]) if row and row[0] else None

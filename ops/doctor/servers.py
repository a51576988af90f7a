"""Versions of the servers, and how far their clocks are from ours."""

import time
from datetime import datetime
from itertools import product
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from redis.exceptions import RedisError

from market.clock import BOUND, MS, clock_key, trouble_with
from market.types import Market
from ops.health import Finding, Level
from ops.redis_roles import CACHE, client_of

OLDEST_POSTGRES = 14  # what Django 5.2 takes
OLDEST_REDIS = (6, 0)  # the protocol that redis-py 8 speaks
FAR_SECONDS, TOO_FAR_SECONDS = 0.5, 5.0  # between the database's clock and ours


def postgres() -> list[Finding]:
    """Its version and its clock. Says nothing when it does not answer: others do."""
    try:
        with psycopg.connect(**_parameters(), autocommit=True) as asked:
            begun = time.time()
            row = asked.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
            ours, number = (begun + time.time()) / 2, asked.info.server_version
    except psycopg.Error:
        return []
    return [_postgres_version(number // 10_000), _postgres_clock(float(row[0]) - ours if row else 0.0)]


def redis() -> list[Finding]:
    """The cache's version. Says nothing when it does not answer."""
    try:
        with client_of(CACHE) as client:
            told: Any = client.info("server")
    except (RedisError, OSError, ValueError):
        return []
    number = str(told.get("valkey_version") or told["redis_version"])
    if tuple(map(int, number.split(".")[:2])) >= OLDEST_REDIS:
        return [Finding("versions", Level.OK, f"Redis is {number}", subject="redis")]
    text, mend = f"Redis is {number}; 6.0 or newer is needed", "install a newer Redis or Valkey"
    return [Finding("versions", Level.CRITICAL, text, mend, subject="redis")]


def exchange_clocks(*, now: datetime) -> list[Finding]:
    """What `measure_clocks` has written down of this machine; no exchange is asked. Nothing where nothing is."""
    places = list(product(settings.ENVIRONMENTS, Market))
    try:
        with client_of(CACHE) as client:
            found: Any = client.mget([clock_key(environment, market) for environment, market in places])
    except (RedisError, OSError, ValueError):
        return []
    measured = zip(places, found, strict=True)
    return [_exchange_clock(f"{it[0]} {it[1]}", int(told.split()[0])) for it, told in measured if told]


def _parameters() -> dict[str, Any]:
    """Those of Django's connection, with the patience of somebody who has seconds."""
    parameters = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname", "sslmode")
    own = {name: parameters[name] for name in names if parameters.get(name)}
    return own | {"connect_timeout": 2, "options": "-c statement_timeout=2000"}


def _postgres_version(major: int) -> Finding:
    if major >= OLDEST_POSTGRES:
        return Finding("versions", Level.OK, f"PostgreSQL is {major}", subject="postgres")
    text, mend = f"PostgreSQL is {major}; {OLDEST_POSTGRES} or newer is needed", "upgrade it: dump, install, restore"
    return Finding("versions", Level.CRITICAL, text, mend, subject="postgres")


def _postgres_clock(seconds: float) -> Finding:
    if abs(seconds) <= FAR_SECONDS:
        text = f"the database's clock is {abs(seconds) * 1000:.0f} ms from ours"
        return Finding("clock", Level.OK, text, subject="database", value=seconds)
    level = Level.CRITICAL if abs(seconds) > TOO_FAR_SECONDS else Level.WARNING
    text = f"the database's clock is {abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} ours"
    mend = f"set both machines' clocks by NTP; more than {FAR_SECONDS} s make ages and expiries wrong"
    return Finding("clock", level, text, mend, subject="database", value=seconds)


def _exchange_clock(place: str, offset_ms: int) -> Finding:
    trouble = trouble_with(offset_ms * MS)
    if not trouble:
        text = f"the clock of {place} is {abs(offset_ms)} ms from ours, {BOUND // MS} ms are allowed"
        return Finding("clock", Level.OK, text, subject=place, value=offset_ms / 1000)
    mend = "no bot enters: set this machine's clock by NTP (timedatectl)"
    return Finding("clock", Level.CRITICAL, f"{place}: {trouble}", mend, subject=place, value=offset_ms / 1000)

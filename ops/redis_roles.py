"""The two Redis servers that we use, each tried by a connection of its own in bounded time: `manage.py redis_ping`.

The cache may be lost at any time and should forget what is oldest when it is full. The broker holds messages: it must
refuse rather than forget, and should keep them on its disk. Under `make up` one server is both.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from market.redaction import redacted_text
from ops.health import Finding, Level, worst_first

CACHE, BROKER = "cache", "broker"
NAMED_BY = {CACHE: "REDIS_URL", BROKER: "CELERY_BROKER_URL"}
COUNTER, COUNTER_SECONDS = "smoke:test:counter", 60
PATIENCE_SECONDS = 2.0  # for each step
PINGS = 100
SLOW_MS = 20.0  # of the slowest of a hundred pings
FULL = 0.9  # of the memory that it may take


class RoleFailed(Exception):
    """A step failed; the message names role, step and mend, and no secret."""


@dataclass(frozen=True)
class Step:
    """One command and what it was answered."""

    role: str
    command: str
    answer: str
    milliseconds: float


def url_of(role: str) -> str:
    """The address as redis-py understands it; kombu's spelling of a socket is another one. It may hold a password."""
    url: str = settings.CELERY_BROKER_URL if role == BROKER else settings.REDIS_URL
    if not url.startswith("redis+socket://"):
        return url
    parts = urlsplit(url)
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    database = parse_qs(parts.query).get("virtual_host", ["0"])[0]
    return f"unix://{user}{parts.path}?db={database}"


@contextmanager
def client_of(role: str) -> Iterator[Redis]:
    """A connection that is not shared, gives up after seconds, and is closed at the end."""
    client = Redis.from_url(
        url_of(role),
        socket_timeout=PATIENCE_SECONDS,
        socket_connect_timeout=PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        yield client
    finally:
        client.close()


def smoke_test(role: str, tell: Callable[[Step], None]) -> None:
    """PING, INCR, EXPIRE, GET and the end of the connection, each told when it is done. Raises RoleFailed."""
    command = "CONNECT"
    try:
        with client_of(role) as client:
            steps: tuple[tuple[str, Callable[[], Any]], ...] = (
                ("PING", client.ping),
                (f"INCR {COUNTER}", lambda: client.incr(COUNTER)),
                (f"EXPIRE {COUNTER} {COUNTER_SECONDS}", lambda: client.expire(COUNTER, COUNTER_SECONDS)),
                (f"GET {COUNTER}", lambda: client.get(COUNTER)),
            )
            for command, ask in steps:
                tell(_timed(role, command, ask))
        tell(Step(role, "CLOSED", "ok", 0.0))
    except (RedisError, OSError, ValueError) as error:
        raise RoleFailed(_failure(role, command, error)) from error


def details(role: str) -> dict[str, Any]:
    """What the server says of itself, and the latency of a hundred pings. Raises RoleFailed."""
    try:
        with client_of(role) as client:
            told: Any = client.info()
            milliseconds = sorted(_timed(role, "PING", client.ping).milliseconds for _ in range(PINGS))
    except (RedisError, OSError, ValueError) as error:
        raise RoleFailed(_failure(role, "INFO", error)) from error
    return {
        "run_id": told["run_id"],
        "version": told.get("valkey_version") or told["redis_version"],
        "memory_used_bytes": told["used_memory"],
        "memory_max_bytes": told["maxmemory"],
        "eviction_policy": told["maxmemory_policy"],
        "append_only_file": bool(told["aof_enabled"]),
        "last_write_ok": told["aof_last_write_status"] == "ok" and told["rdb_last_bgsave_status"] == "ok",
        "clients": told["connected_clients"],
        "evicted_keys": told["evicted_keys"],
        "latency_median_ms": round(milliseconds[PINGS // 2], 3),
        "latency_p99_ms": round(milliseconds[PINGS * 99 // 100], 3),
    }


def judge(found: dict[str, dict[str, Any]]) -> list[Finding]:
    """What is wrong with the servers, by what `details` found for each role; the worst first."""
    shared = len({it["run_id"] for it in found.values()}) < len(found)
    return worst_first(finding for role, told in found.items() for finding in _judge_one(role, told, shared=shared))


def _judge_one(role: str, told: dict[str, Any], *, shared: bool) -> Iterator[Finding]:
    policy, most = told["eviction_policy"], told["memory_max_bytes"]
    if role == BROKER and policy != "noeviction":
        text = f"the broker may forget messages: its maxmemory-policy is {policy}"
        mend = "start it with --maxmemory-policy noeviction; the cache, if it shares the server, needs one of its own"
        yield Finding(BROKER, Level.CRITICAL, text, mend)
    if role == CACHE and not shared and (policy == "noeviction" or not most):
        text = f"the cache can't make room: maxmemory {most or 'has no bound'}, maxmemory-policy {policy}"
        yield Finding(CACHE, Level.WARNING, text, "start it with --maxmemory 256mb --maxmemory-policy allkeys-lru")
    if role == BROKER and not told["append_only_file"]:
        text = "what waits in the broker is lost when it ends: it has no append-only file"
        yield Finding(BROKER, Level.WARNING, text, "start it with --appendonly yes --appendfsync everysec")
    if role == BROKER and not told["last_write_ok"]:
        mend = "is its disk full, or not writable? INFO persistence tells; then restart it"
        yield Finding(BROKER, Level.CRITICAL, "the broker could not write its data to the disk", mend)
    if role == BROKER and most and told["memory_used_bytes"] > FULL * most:
        used = 100 * told["memory_used_bytes"] / most
        mend = "manage.py queues tells what waits; raise maxmemory, or add workers for the longest queue"
        yield Finding(BROKER, Level.CRITICAL, f"the broker's memory is {used:.0f} % full: soon it refuses", mend)
    if told["latency_p99_ms"] > SLOW_MS:
        text = f"{role}: the slowest of {PINGS} pings took {told['latency_p99_ms']:.0f} ms, above {SLOW_MS:.0f} ms"
        yield Finding(role, Level.WARNING, text, "is its machine busy, or far away? SLOWLOG GET tells what holds it up")


def _timed(role: str, command: str, ask: Callable[[], Any]) -> Step:
    begun = perf_counter()
    answer = ask()
    milliseconds = (perf_counter() - begun) * 1000
    return Step(role, command, _told(answer), round(milliseconds, 3))


def _told(answer: Any) -> str:
    if answer is True:
        return "ok"
    return answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)


def _failure(role: str, command: str, error: Exception) -> str:
    reason = redacted_text(str(error) or type(error).__name__).replace("\n", " ")
    return f"{role}: {command} failed: {reason}; is the server of {NAMED_BY[role]} there? docs/runbook.md: {role} away"

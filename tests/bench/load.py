"""The benchmark's client: ``python -m tests.bench.load <pid of the server>``, with its task on stdin.

A process of its own: a few sockets with one request under way on each, everything but the wire prepared beforehand, so
that the client is not what is measured. What it takes of the machine all the same is in its figures.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.bench.machine import watching

# Requests are signed before the first is sent; Binance's widest window lets them wait that long.
RECV_WINDOW_MS = 60_000


@dataclass(slots=True)
class Connection:
    """One socket and the request under way on it."""

    socket: socket.socket
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)


def main() -> None:
    """Do the task on stdin, print what came of it."""
    task = json.load(sys.stdin)
    requests = list(prepared(task))
    with watching(int(sys.argv[1])) as busy:
        figures = drive((task["host"], task["port"]), requests, task["connections"], task["expected"].encode())
    print(json.dumps(figures | busy))  # noqa: T201


def prepared(task: dict[str, Any]) -> Iterator[bytes]:
    """The bytes of every request: a random one of the task's calls, signed by a random key where it says so."""
    dice = random.Random(task["seed"])
    timestamp = int(time.time() * 1000)
    for number in range(task["count"]):
        method, path, query, signed = dice.choice(task["calls"])
        head = ""
        if signed:
            key, secret = dice.choice(task["keys"])
            query = query.replace("{id}", f"b{task['seed']}-{number}")
            query = f"{query}&recvWindow={RECV_WINDOW_MS}&timestamp={timestamp}"
            query += "&signature=" + hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
            head = f"X-MBX-APIKEY: {key}\r\n"
        yield f"{method} {path}?{query} HTTP/1.1\r\nHost: exchange\r\n{head}\r\n".encode()


def drive(
    address: tuple[str, int], requests: list[bytes], connections: int, expected: bytes, *, each: bool = False
) -> dict[str, Any]:
    """Send all requests, each connection the next one when its answer is there; ``expected`` is in every good body.

    ``each``: with how long each has taken.
    """
    selector, todo = selectors.DefaultSelector(), iter(requests)
    latencies: list[float] = []
    refused: Counter[str] = Counter()
    answer: bytes | None = None
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(connections):
        connection = Connection(socket.create_connection(address))
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        _send(connection, next(todo))
    while len(latencies) < len(requests):
        for key, _ in selector.select():
            connection = key.data
            if (answer := _received(connection)) is None:
                continue
            latencies.append(time.perf_counter() - connection.sent_at)
            if not answer.startswith(b"HTTP/1.1 200") or expected not in answer:
                refused[answer[:300].decode("utf-8", "replace")] += 1
            if request := next(todo, None):
                _send(connection, request)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    latencies.sort()
    more = {"latencies_ms": [1000 * latency for latency in latencies], "bytes": len(answer or b"")} if each else {}
    return more | {
        "per_second": len(requests) / seconds,
        "seconds": seconds,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[len(latencies) * 99 // 100],
        "max_ms": 1000 * latencies[-1],
        "client_cores": cpu / seconds,
        "refused": sum(refused.values()),
        "first_refusal": next(iter(refused), ""),
    }


def _send(connection: Connection, request: bytes) -> None:
    connection.sent_at = time.perf_counter()
    connection.socket.sendall(request)


def _received(connection: Connection) -> bytes | None:
    """The whole answer once it is there."""
    chunk = connection.socket.recv(262_144)
    if not chunk:
        raise SystemExit("the exchange closed a connection")
    received = connection.received
    received += chunk
    head = received.find(b"\r\n\r\n")
    if head < 0 or len(received) < head + 4 + _content_length(received, head):
        return None
    answer = bytes(received)
    received.clear()
    return answer


def _content_length(received: bytearray, head: int) -> int:
    start = received.lower().find(b"content-length:", 0, head) + 15
    return int(received[start : received.find(b"\r\n", start)])


if __name__ == "__main__":
    main()

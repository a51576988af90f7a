"""What this machine could do at most, with the same servers in the same directory, and nothing else to do."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import psycopg

from tests.bench import BenchmarkFailed, machine
from tests.system.stack import Stack

TABLE = "CREATE TABLE IF NOT EXISTS bench_commit (id bigserial PRIMARY KEY, text text)"
COMMIT = "INSERT INTO bench_commit (text) VALUES ('one transaction, one row')"
ORDER = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.0005&newClientOrderId={id}"


def limits(stack: Stack, *, seconds: float, orders: int) -> dict[str, int]:
    """Fsyncs, commits of one row by one session and by two, bare orders at the paper exchange: per second."""
    return {
        "fsyncs_per_second": round(machine.syncs_per_second(stack.places.local)),
        "commits_per_second_1_session": round(_commits_per_second(stack.database, 1, seconds)),
        "commits_per_second_2_sessions": round(_commits_per_second(stack.database, 2, seconds)),
        "bare_paper_orders_per_second": round(_paper_orders_per_second(stack, orders)),
    }


def _commits_per_second(database: dict[str, Any], sessions: int, seconds: float) -> float:
    with psycopg.connect(**database, autocommit=True) as connection:
        connection.execute(TABLE)
    counts: list[int] = []

    def work() -> None:
        with psycopg.connect(**database, autocommit=True) as connection:
            count, until = 0, time.monotonic() + seconds
            while time.monotonic() < until:
                connection.execute(COMMIT)
                count += 1
            counts.append(count)

    threads = [threading.Thread(target=work) for _ in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def _paper_orders_per_second(stack: Stack, count: int) -> float:
    """Market orders of one account over eight connections, each answered after its fsync."""
    url = stack.environment["PAPER_URL"]
    body = json.dumps({"label": "bare", "balances": {"USDT": "100000000"}, "futures": {}}).encode()
    headers = {"X-Paper-Token": stack.environment["PAPER_ADMIN_TOKEN"]}
    with urlopen(Request(f"{url}/paper/accounts", data=body, headers=headers, method="POST"), timeout=5) as reply:
        key = json.load(reply)
    host, _, port = urlsplit(url).netloc.partition(":")
    task = {
        "host": host,
        "port": int(port),
        "connections": 8,
        "calls": [("POST", "/api/v3/order", ORDER, True)],
        "count": count,
        "expected": '"status":"FILLED"',
        "keys": [(key["api_key"], key["api_secret"])],
        "seed": 1,
    }
    command = [sys.executable, "-m", "tests.bench.load", str(stack.pid("paper"))]
    done = subprocess.run(
        command, cwd=machine.ROOT, input=json.dumps(task), stdout=subprocess.PIPE, text=True, check=True
    )
    figures = json.loads(done.stdout)
    if figures["refused"]:
        raise BenchmarkFailed(figures["first_refusal"])
    return float(figures["per_second"])

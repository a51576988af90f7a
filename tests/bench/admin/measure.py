"""The run: what is started and seeded, which pages there are, what is printed."""

from __future__ import annotations

import re
import secrets
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import requests
from redis import Redis

from ops.stack import services
from ops.stack.servers import free_port
from tests.bench import BenchmarkFailed, machine
from tests.system import paper
from tests.system import stack as stacks
from tests.system.stack import Stack

WEB, USER, PASSWORD = "web", "bench", "DJANGO_SUPERUSER_PASSWORD"  # the last is read by createsuperuser
SERIES, PARAMS = 60, 100
STATEMENTS = "X-Statements"  # the header that site.py adds
NOTHING_KEPT = "dashboard, nothing kept"  # nobody has looked for some seconds: every figure is worked out
# So many of a hundred bots hold something: at the last price that a tick would have seen.
HELD_PERCENT = 20
HOLD_SQL = """
    WITH seen AS (
        INSERT INTO bots_seriesreading (environment, market, symbol, interval, evaluated_at, price, texts)
        SELECT 'paper', 'spot', b.symbol, b.interval, now(), max(t.price), '{}'
          FROM bots_botconfig b LEFT JOIN trades_trade t ON t.position_id = b.position_id GROUP BY 3, 4
     RETURNING symbol, interval, price)
    UPDATE trades_position p
       SET quantity = ceil(100 / coalesce(seen.price, 1) / p.smallest_quantity) * p.smallest_quantity,
           entry_price = coalesce(seen.price, 1), opened_at = now(), round = p.round + 1
      FROM bots_botconfig b, seen
     WHERE b.position_id = p.id AND seen.symbol = b.symbol AND seen.interval = b.interval AND b.id %% 100 < %(percent)s
"""
STATE_SQL = """
    UPDATE bots_botstate s SET status = v.status, reason = v.reason, changed_at = now()
      FROM (VALUES (0, 'running', ''), (1, 'waiting', 'no signal'), (2, 'waiting', 'stale market data'),
                   (3, 'paused', 'max daily loss reached'), (4, 'error', 'price fetch')) AS v(number, status, reason)
     WHERE s.bot_id %% 5 = v.number
"""
ADMIN = "/admin"
LISTS = {
    "bots": "bots/botconfig",
    "decisions": "bots/decision",
    "signals": "bots/externalsignal",
    "ticks": "bots/tick",
    "positions": "trades/position",
    "orders": "trades/order",
    "fills": "trades/fill",
    "trades": "trades/trade",
    "transfers": "trades/transfer",
    "events": "trades/event",
    "accounts": "market/exchangeaccount",
    "kill switches": "market/switch",
    "risk limits": "market/risklimits",
    "symbol rules": "market/symbolrules",
    "readings": "bots/seriesreading",
    "periodic tasks": "django_celery_beat/periodictask",
    "task results": "django_celery_results/taskresult",
    "users": "auth/user",
    "changes": "ops/change",
}
FILTERED = {
    "bots that wait": "bots/botconfig/?status=waiting",
    "bots in error": "bots/botconfig/?status=error",
    "decisions of one bot": "bots/decision/?bot=000123",
    "decisions in error": "bots/decision/?status=error",
    "decisions with a reason that nothing has": "bots/decision/?reason=clock+off",
    "rejected orders": "trades/order/?status__exact=rejected",
    "orders of one bot": "trades/order/?bot=000123",
    "orders of a month ago": "trades/order/?created_at_from={ago}&created_at_to={ago}",
    "orders, page 200": "trades/order/?p=200",
    "trades of a symbol": "trades/trade/?symbol=BTCUSDT",
    "denials": "trades/event/?kind__exact=order_denied",
}


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure. Raises BenchmarkFailed when a page does not answer."""
    sizes = {"bots": 10_000, "trades": 1_000_000, "decisions": 5_000_000}
    if quick:
        sizes = {"bots": 60, "trades": 600, "decisions": 600}
    home = machine.ROOT / ".local"  # not /tmp, which may be memory: this is about promises of a disk
    home.mkdir(exist_ok=True)
    with stacks.temporary(_stack, parent=home) as stack:
        began = time.monotonic()
        _seed(stack, sizes)
        seeded = time.monotonic() - began
        stack.start(WEB)
        pages = _Reader(stack).pages(times=3 if quick else 100)
    return sizes | {"seed_seconds": round(seeded, 1), "pages": pages, "machine": machine.describe()}


def _stack(directory: Path) -> Stack:
    stack = Stack(directory, options={"paper": ("--weight-limit", "1000000", *paper.options_for(SERIES))})
    stack.environment |= {"WEB_HOST": "127.0.0.1", "WEB_PORT": str(free_port()), "HTTPS_ONLY": "false"}
    stack.environment[PASSWORD] = secrets.token_urlsafe()
    usual = services.web(stack.environment)
    argv = ["tests.bench.admin.site" if part == "tradebot_site.wsgi" else part for part in usual.argv]
    stack.add(replace(usual, argv=argv))
    return stack


def _seed(stack: Stack, sizes: dict[str, int]) -> None:
    stack.run("manage.py", "migrate", "--verbosity=0")
    numbers = {**sizes, "series": SERIES, "params": PARAMS}
    stack.run("manage.py", "seed_fleet", *(f"--{name}={number}" for name, number in numbers.items()))
    stack.run("manage.py", "createsuperuser", "--noinput", f"--username={USER}", "--email=bench@example.com")
    with psycopg.connect(**stack.database, autocommit=True) as database:
        database.execute(HOLD_SQL, {"percent": HELD_PERCENT})
        database.execute(STATE_SQL, {})
        database.execute("VACUUM ANALYZE")


class _Reader:
    """Somebody who is logged in and turns pages."""

    def __init__(self, stack: Stack) -> None:
        self._url = services.web_url(stack.environment)
        self._session = requests.Session()
        self._redis = Redis.from_url(stack.environment["REDIS_URL"])
        with psycopg.connect(**stack.database) as database:
            row = database.execute("SELECT min(id), (now() - interval '30 days')::date FROM bots_botconfig").fetchone()
        assert row is not None
        self._bot, self._ago = row
        self._log_in(stack)

    def _log_in(self, stack: Stack) -> None:
        login = f"{self._url}{ADMIN}/login/"
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self._session.get(login, timeout=60).text)
        assert token is not None
        data = {"csrfmiddlewaretoken": token[1], "username": USER, "password": stack.environment[PASSWORD]}
        answer = self._session.post(login, data=data, headers={"Referer": login}, timeout=60)
        if "/login/" in answer.url:
            raise BenchmarkFailed(f"nobody gets in: {answer.status_code}")

    def pages(self, *, times: int) -> list[dict[str, Any]]:
        """Every page, each opened so many times."""
        addresses = {
            "dashboard": f"{ADMIN}/",
            NOTHING_KEPT: f"{ADMIN}/",
            "dashboard, its figures anew": f"{ADMIN}/dashboard/cards/",
            "one bot": f"{ADMIN}/bots/botconfig/{self._bot}/change/",
            "its chart": f"{ADMIN}/bots/botconfig/{self._bot}/chart/",
            "its timeline": f"{ADMIN}/bots/botconfig/{self._bot}/timeline/",
            **{name: f"{ADMIN}/{path}/" for name, path in LISTS.items()},
            **{name: f"{ADMIN}/{path.format(ago=self._ago)}" for name, path in FILTERED.items()},
        }
        return [self._page(name, address, times) for name, address in addresses.items()]

    def _forget_figures(self) -> None:
        for key in self._redis.scan_iter("*figures:*"):
            self._redis.delete(key)

    def _page(self, name: str, address: str, times: int) -> dict[str, Any]:
        took, statements = [], 0
        for _ in range(times):
            if name == NOTHING_KEPT:
                self._forget_figures()
            began = time.perf_counter()
            answer = self._session.get(f"{self._url}{address}", timeout=120)
            took.append(1000 * (time.perf_counter() - began))
            if answer.status_code != 200 or "/login/" in answer.url:
                raise BenchmarkFailed(f"{name}: {address} answers {answer.status_code} at {answer.url}")
            statements = max(statements, int(answer.headers[STATEMENTS]))
        took.sort()
        sys.stderr.write(f"{name}: {median(took):.1f} ms\n")
        return {
            "name": name,
            "median_ms": round(median(took), 1),
            "p99_ms": round(took[min(len(took) * 99 // 100, len(took) - 1)], 1),
            "queries": statements,
        }

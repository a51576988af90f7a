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

import requests
from redis import Redis

from ops.stack import services
from ops.stack.servers import free_port
from tests.bench import BenchmarkFailed, machine
from tests.bench.admin.seeding import PASSWORD, SERIES, TRADER, USER, keys, seed
from tests.system import paper
from tests.system import stack as stacks
from tests.system.stack import Stack

WEB = "web"
STATEMENTS = "X-Statements"  # the header that site.py adds
NOTHING_KEPT = "dashboard, nothing kept"  # nobody has looked for some seconds: every figure is worked out
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
    "orders of an account of few": "trades/order/?account={account}",
    "orders of an owner of few": "trades/order/?owner={owner}",
    "orders of an owner of many": "trades/order/?owner={big_owner}",
    "trades of an owner of few": "trades/trade/?owner={owner}",
    "decisions of an owner of few": "bots/decision/?owner={owner}",
    "decisions of an owner of many": "bots/decision/?owner={big_owner}",
}
OF_A_TRADER = ("bots", "positions", "orders", "fills", "trades", "events", "decisions")


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure. Raises BenchmarkFailed when a page does not answer."""
    sizes = {"bots": 10_000, "trades": 1_000_000, "decisions": 5_000_000}
    if quick:
        sizes = {"bots": 60, "trades": 600, "decisions": 600}
    home = machine.ROOT / ".local"  # not /tmp, which may be memory: this is about promises of a disk
    home.mkdir(exist_ok=True)
    with stacks.temporary(_stack, parent=home) as stack:
        began = time.monotonic()
        seed(stack, sizes)
        seeded = time.monotonic() - began
        stack.start(WEB)
        times = 3 if quick else 100
        pages = _Reader(stack, USER).pages(times=times) + _Reader(stack, TRADER).own_pages(times=times)
    return sizes | {"seed_seconds": round(seeded, 1), "pages": pages, "machine": machine.describe()}


def _stack(directory: Path) -> Stack:
    stack = Stack(directory, options={"paper": ("--weight-limit", "1000000", *paper.options_for(SERIES))})
    stack.environment |= {"WEB_HOST": "127.0.0.1", "WEB_PORT": str(free_port()), "HTTPS_ONLY": "false"}
    stack.environment[PASSWORD] = secrets.token_urlsafe()
    usual = services.web(stack.environment)
    argv = ["tests.bench.admin.site" if part == "tradebot_site.wsgi" else part for part in usual.argv]
    stack.add(replace(usual, argv=argv))
    return stack


class _Reader:
    """Somebody who is logged in and turns pages."""

    def __init__(self, stack: Stack, user: str) -> None:
        self._url = services.web_url(stack.environment)
        self._session = requests.Session()
        self._redis = Redis.from_url(stack.environment["REDIS_URL"])
        self._keys = keys(stack)
        self._log_in(stack, user)

    def _log_in(self, stack: Stack, user: str) -> None:
        login = f"{self._url}{ADMIN}/login/"
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self._session.get(login, timeout=60).text)
        assert token is not None
        data = {"csrfmiddlewaretoken": token[1], "username": user, "password": stack.environment[PASSWORD]}
        answer = self._session.post(login, data=data, headers={"Referer": login}, timeout=60)
        if "/login/" in answer.url:
            raise BenchmarkFailed(f"nobody gets in: {answer.status_code}")

    def pages(self, *, times: int) -> list[dict[str, Any]]:
        """Every page, each opened so many times."""
        bot = self._keys["bot"]
        addresses = {
            "dashboard": f"{ADMIN}/",
            NOTHING_KEPT: f"{ADMIN}/",
            "dashboard, its figures anew": f"{ADMIN}/dashboard/cards/",
            "one bot": f"{ADMIN}/bots/botconfig/{bot}/change/",
            "its chart": f"{ADMIN}/bots/botconfig/{bot}/chart/",
            "its timeline": f"{ADMIN}/bots/botconfig/{bot}/timeline/",
            **{name: f"{ADMIN}/{path}/" for name, path in LISTS.items()},
            **{name: f"{ADMIN}/{path.format(**self._keys)}" for name, path in FILTERED.items()},
        }
        return [self._page(name, address, times) for name, address in addresses.items()]

    def own_pages(self, *, times: int) -> list[dict[str, Any]]:
        """The lists of who sees only what is his own."""
        return [self._page(f"a trader's {name}", f"{ADMIN}/{LISTS[name]}/", times) for name in OF_A_TRADER]

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

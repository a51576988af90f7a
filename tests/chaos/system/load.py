"""What makes the fleet trade: prices that jump, acts that are new, tasks that are sent. A thread of its own."""

from __future__ import annotations

import json
import random
import threading
from contextlib import suppress
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import psycopg
from kombu.exceptions import OperationalError as BrokerAway
from redis.exceptions import RedisError

from tests.chaos.system.fleet import SYMBOLS
from tests.system.broker import Broker

TURN_SECONDS = 0.1
BOTS_PER_TURN = 2
ENOUGH_WAITING = 6  # tasks in the queue: a sweep that waits behind more of them would expire
# Any two of them are further apart than the bots' stop loss and take profit.
LEVELS = (0.984, 0.992, 1.0, 1.008, 1.016)
TURNS_PER_JUMP = 10
# A bot whose last entry is done may enter again on the same candle when its owner edits it. One that failed is not
# edited: its bot has to try the very same act again, at most as often as it may.
EDIT_SQL = """
    UPDATE bots_botconfig b SET revision = revision + 1
     WHERE NOT EXISTS (SELECT FROM trades_order o WHERE o.position_id = b.position_id
                          AND o.status IN ('intended', 'submitted', 'unknown', 'open'))
       AND (SELECT o.filled_quantity > 0 OR o.attempt >= 3 FROM trades_order o
             WHERE o.position_id = b.position_id AND o.purpose = 'entry' ORDER BY o.created_at DESC LIMIT 1)
"""
NEW_KEY_SQL = "UPDATE market_exchangeaccount SET key_error = '' WHERE key_error <> ''"
AWAY = (URLError, OSError, psycopg.Error, BrokerAway, RedisError)


class Paper:
    """The admin side of the paper exchange."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.url, self._token = environment["PAPER_URL"], environment["PAPER_ADMIN_TOKEN"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What an endpoint answers. Raises OSError while the exchange is away, or misbehaves as it was told to."""
        headers = {"X-Paper-Token": self._token}
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}{path}", data=data, headers=headers, method=method)
        try:
            with urlopen(request, timeout=2) as reply:
                return json.load(reply)
        except HTTPError as error:
            if path.startswith("/api/"):  # a fault that was ordered
                raise
            raise AssertionError(f"{method} {path} {body}: {error.read()!r}") from error


class Load:
    """Keeps the fleet busy while it runs; whoever is away just then is tried again."""

    def __init__(self, environment: dict[str, str], database: dict[str, Any], bots: list[int], seed: int) -> None:
        self.bots = bots
        self._paper, self._broker, self._database = Paper(environment), Broker(environment), database
        self._dice = random.Random(f"load {seed}")
        self._busy, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._prices: dict[str, float] = {}
        self._level = 1.0
        self.trouble: Exception | None = None  # a mistake of ours, after which it sends nothing any more

    def start(self) -> None:
        """Begin, or go on."""
        self._busy.set()
        if not self._thread.is_alive():
            self._thread.start()

    def pause(self) -> None:
        """Send nothing more, for now."""
        self._busy.clear()

    def end(self) -> None:
        """For good."""
        self._ended.set()
        self._busy.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            self._turns()
        except Exception as error:  # must not end the thread unheard
            self.trouble = error

    def _turns(self) -> None:
        turn = 0
        while not self._ended.wait(TURN_SECONDS):
            self._busy.wait()
            turn += 1
            steps = [self._send_bots]
            if turn % TURNS_PER_JUMP == 0:
                steps += [self.jump, self._make_new, self._deliver_again]
            for step in steps:
                with suppress(*AWAY):
                    step()

    def _send_bots(self) -> None:
        if self._broker.waiting() < ENOUGH_WAITING:
            for bot in self._dice.sample(self.bots, BOTS_PER_TURN):
                self._broker.send("bots.tasks.run_bot", bot)

    def jump(self) -> None:
        """Hold each price at another level: what is held reaches its stop loss or its take profit."""
        if not self._prices:
            told = self._paper.ask("GET", "/api/v3/ticker/price")
            self._prices = {row["symbol"]: float(row["price"]) for row in told if row["symbol"] in SYMBOLS}
        self._level = self._dice.choice([level for level in LEVELS if level != self._level])
        for symbol, price in self._prices.items():
            self._paper.ask("POST", "/paper/prices", {"symbol": symbol, "price": f"{price * self._level:.4f}"})

    def _deliver_again(self) -> None:
        """Do what brokers do: bring the task of an order by hand once more."""
        with psycopg.connect(**self._database, autocommit=True) as connection:
            newest = connection.execute("SELECT max(id) FROM trades_orderbyhand").fetchone()
        if newest and newest[0]:
            self._broker.send("trades.tasks.execute_trade_async", newest[0])

    def _make_new(self) -> None:
        """Do what owners do: edit bots, save a refused key again."""
        with psycopg.connect(**self._database, autocommit=True) as connection:
            connection.execute(EDIT_SQL)
            connection.execute(NEW_KEY_SQL)

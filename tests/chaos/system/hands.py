"""People who place orders over HTTP while everything is killed: each request has a key, and is sent until answered."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import UUID

from tests.chaos.system.fleet import TOKEN
from tests.chaos.system.load import Paper

HANDS = 3
PAUSE_SECONDS = 0.05  # between two orders of one hand
AGAIN_AFTER = 0.3
PATIENCE_SECONDS = 5.0
QUANTITIES = {"BTCUSDT": ("0.002", "0.001"), "ETHUSDT": ("0.05", "0.02")}  # bought, sold
# Whoever gets one of these does not know whether it was done, or is told to come again.
UNCLEAR = (OSError, http.client.HTTPException, ValueError)
COME_AGAIN = (409, 429)


class Web:
    """The site as a client with a token sees it."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._headers = url, {"Authorization": f"Token {token}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        """Status and answer. Raises what is in UNCLEAR."""
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self._url}{path}", data=data, headers=headers, method=method)
        try:
            with urlopen(request, timeout=PATIENCE_SECONDS) as reply:
                return reply.status, json.load(reply)
        except HTTPError as error:
            return error.code, json.loads(error.read())


class Hands:
    """Some people at work. What was accepted is in a file, a line each: key and task."""

    def __init__(self, environment: dict[str, str], accounts: list[int], seed: int) -> None:
        folder = Path(environment["CHAOS_HANDS"])
        self._url, self._token = f"http://127.0.0.1:{environment['WEB_PORT']}", (folder / TOKEN).read_text()
        self._file = folder / "accepted"
        self._file.touch()
        self._web, self._paper, self._accounts = Web(self._url, self._token), Paper(environment), accounts
        self._seed, self._write = seed, threading.Lock()
        self._busy, self._ended = threading.Event(), threading.Event()
        self._working = [threading.Event() for _ in range(HANDS)]
        self._threads = [threading.Thread(target=self._run, args=(hand,), daemon=True) for hand in range(HANDS)]
        self.contradictions: list[str] = []
        self.trouble: Exception | None = None  # a mistake of ours, or an answer that nobody should get

    def start(self) -> None:
        """Begin, or go on."""
        self._busy.set()
        for thread in self._threads:
            if not thread.is_alive() and not self._ended.is_set():
                thread.start()

    def pause(self) -> None:
        """Ask for no further order, for now; what was asked for is asked for until it is answered."""
        self._busy.clear()

    @property
    def is_settled(self) -> bool:
        """Whether everything that was asked for has its answer."""
        if self.trouble:
            raise self.trouble
        return not self._busy.is_set() and not any(working.is_set() for working in self._working)

    @property
    def for_auditor(self) -> dict[str, str]:
        """How to judge it."""
        return {"url": self._url, "token": self._token, "accepted": str(self._file)}

    def end(self) -> None:
        """For good."""
        self._ended.set()
        self._busy.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _run(self, hand: int) -> None:
        dice, number = random.Random(f"hand {hand} {self._seed}"), 0
        try:
            while not self._ended.wait(PAUSE_SECONDS):
                self._busy.wait()
                self._working[hand].set()
                if self._busy.is_set() and not self._ended.is_set():
                    number += 1
                    self._order(f"hand-{hand}-{number}-{dice.randrange(10**9)}", dice)
                self._working[hand].clear()
        except Exception as error:  # must not end the thread unheard
            self.trouble = error
            self._working[hand].clear()

    def _order(self, key: str, dice: random.Random) -> None:
        """One order, sometimes asked for twice at once, or once more when it is accepted; a limit order is canceled."""
        body, times = self._body(dice), dice.choice((1, 1, 1, 2))
        with ThreadPoolExecutor(times) as pool:
            tasks = set(pool.map(lambda _: self._accepted(key, body), range(times)))
        if dice.random() < 0.3:
            tasks.add(self._accepted(key, body))
        tasks.discard("")  # we were ended
        if not tasks:
            return
        with self._write, self._file.open("a") as file:
            file.writelines(f"{key} {task}\n" for task in tasks)
        if len(tasks) > 1:
            self.contradictions.append(f"the key {key} was answered with several tasks: {tasks}")
        if body["order_type"] == "limit":
            self._cancel(tasks.pop())

    def _body(self, dice: random.Random) -> dict[str, Any]:
        symbol, side = dice.choice(sorted(QUANTITIES)), dice.choice(("buy", "buy", "SELL"))
        body = {"account": dice.choice(self._accounts), "symbol": symbol, "side": side, "order_type": "market"}
        body["quantity"] = QUANTITIES[symbol][side == "SELL"]
        if side == "buy" and dice.random() < 0.25:
            price = self._price_of(symbol)
            body |= {"order_type": "limit", "price": f"{price * 0.97:.2f}"} if price else {}
        return body

    def _price_of(self, symbol: str) -> float | None:
        try:
            told = self._paper.ask("GET", f"/api/v3/ticker/price?symbol={symbol}")
            return float(told["price"])
        except UNCLEAR:
            return None

    def _accepted(self, key: str, body: dict[str, Any]) -> str:
        """The number of its task; sent with the same key until there is one."""
        status, told = self._until(lambda: self._web.ask("POST", "/api/tasks/execute-trade", body, key))
        if status is None:
            return ""
        assert status == 202, f"{body}: {status} {told}"
        return str(UUID(told["task_id"]))

    def _cancel(self, task: str) -> None:
        """When it is known as open. What the exchange does not answer to is the sweep's."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and not self._ended.wait(AGAIN_AFTER):
            try:
                _, told = self._web.ask("GET", f"/api/tasks/status/{task}")
                if told["status"] == "failed":
                    return
                if (told.get("result") or {}).get("order_status") == "open":
                    self._web.ask("POST", f"/api/v1/orders/{told['result']['order_id']}/cancel")
                    return
            except (*UNCLEAR, KeyError):
                continue

    def _until(self, ask: Callable[[], tuple[int, Any]]) -> tuple[int | None, Any]:
        """The first answer that is one."""
        while not self._ended.is_set():
            try:
                status, told = ask()
                if status < 500 and status not in COME_AGAIN:
                    return status, told
            except UNCLEAR:
                pass
            self._ended.wait(AGAIN_AFTER)
        return None, None

"""kill -9 on the paper exchange under load: nothing that was answered may be lost, and its books must balance.

One ledger lives through all rounds. In each, clients trade on spot and futures while the price jumps about (so that
resting orders, stops and pairs fill by themselves) and somebody listens to the events of one of them; the process is
killed at a random moment, started again, and asked about every answer of the round. In the end everything ever answered
is looked up in the ledger, too.
"""

from __future__ import annotations

import http.client
import random
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from market.paper.tests.server import PaperServer
from ops.audit.exchange_books import contradictions
from tests.chaos import Findings
from tests.chaos.claims import FINAL, Claim, Transfer
from tests.chaos.listeners import Listener
from tests.chaos.traders import SYMBOL, Surprise, Trader, ask

TRADERS = 6
MOST_ANSWERS = 300
DEADLINE_SECONDS = 60


def run(rounds: int, *, seed: int | None = None) -> Findings:
    """Kill it so many times; say what was lost."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        return Chaos(Path(folder) / "ledger.sqlite3", seed or 0).run(rounds)


class Chaos:
    """The rounds of one ledger."""

    def __init__(self, ledger: Path, seed: int) -> None:
        self._ledger = ledger
        self._dice = random.Random(seed)
        self._keys: list[dict[str, str]] = []
        self._past: list[Trader] = []
        self._done: Counter[str] = Counter()
        self._lost: list[str] = []

    def run(self, rounds: int) -> Findings:
        """Do the rounds; the exchange is started once more than it is killed."""
        began, traders = time.monotonic(), list[Trader]()
        for number in range(rounds + 1):
            with PaperServer(self._ledger, "--weight-limit", "0") as paper:
                self._compare(paper, traders)
                if number < rounds:
                    traders = self._trade_and_kill(paper, number)
            self._lost += [f"after round {number}: {sentence}" for sentence in contradictions(self._ledger)]
        self._lost += self._missing()
        seconds = round(time.monotonic() - began, 1)
        return Findings({"rounds": rounds, **self._done, "seconds": seconds}, {"lost": self._lost})

    def _trade_and_kill(self, paper: PaperServer, number: int) -> list[Trader]:
        """Let the traders work until a random number of answers is out, then kill the exchange in the middle of it."""
        if not self._keys:
            self._keys = [
                paper.open_account(USDT="100000", BTC="1", futures={"USDT": "100000"}) for _ in range(TRADERS)
            ]
        wanted, enough, heard = self._dice.randrange(10, MOST_ANSWERS), threading.Event(), Counter[str]()

        def hear() -> None:
            heard["answers"] += 1
            if heard["answers"] >= wanted:
                enough.set()

        price = int(float(paper.get("/api/v3/ticker/price", symbol=SYMBOL)["price"]))
        traders = [Trader(paper, key, f"r{number}-{at}", price, hear) for at, key in enumerate(self._keys)]
        listener = Listener(paper, self._keys[0])
        threads = [threading.Thread(target=work) for work in (listener.run, *(trader.run for trader in traders))]
        threads.append(threading.Thread(target=self._jump, args=(paper, price, random.Random(number))))
        for thread in threads:
            thread.start()
        in_time = enough.wait(DEADLINE_SECONDS)
        paper.kill()
        for thread in threads:
            thread.join()
        self._lost += [trader.surprise for trader in traders if trader.surprise]
        if not in_time:
            raise Surprise(f"round {number}: {heard['answers']} answers in {DEADLINE_SECONDS} s")
        self._count(traders)
        with _reading(self._ledger) as ledger:
            self._lost += listener.contradictions(ledger)
        self._done["events"] += len(listener.heard)
        return traders

    def _jump(self, paper: PaperServer, price: int, dice: random.Random) -> None:
        """Move both markets about until the exchange is gone."""
        with suppress(OSError, http.client.HTTPException):
            while True:
                for market in ("spot", "futures"):
                    paper.set_price(SYMBOL, str(round(price * dice.uniform(0.99, 1.01))), market)

    def _compare(self, paper: PaperServer, traders: list[Trader]) -> None:
        """Ask the exchange about everything it has answered in its last life."""
        for trader, key in zip(traders, self._keys, strict=False):
            with closing(paper.connection()) as connection:

                def asking(method: str, path: str, params: dict[str, Any]) -> Any:
                    return ask(connection, key, method, path, params)[1]  # noqa: B023 - used up within the turn

                for claim in trader.claims:
                    self._lost += claim.contradictions(asking)

    def _count(self, traders: list[Trader]) -> None:
        self._past += traders
        for trader in traders:
            claims = [claim for claim in trader.claims if isinstance(claim, Claim)]
            self._done["answers about orders"] += len(claims)
            self._done["final ones"] += sum(claim.answer["status"] in FINAL for claim in claims)
            self._done["transfers"] += len(trader.claims) - len(claims)
            self._done["refused"] += len(trader.refused)
            self._done["unanswered"] += trader.unanswered

    def _missing(self) -> Iterator[str]:
        """Look up everything that was ever answered, or refused, in the ledger itself."""
        with _reading(self._ledger) as ledger:
            orders = {row[:3]: row[3] for row in ledger.execute("SELECT market, symbol, order_id, status FROM orders")}
            names = Counter(name for (name,) in ledger.execute("SELECT client_order_id FROM orders"))
            algos = {row[0] for row in ledger.execute("SELECT algo_id FROM futures_algo_orders")}
        for trader in self._past:
            for claim in trader.claims:
                if isinstance(claim, Transfer):
                    continue
                known = algos if claim.market == "algo" else orders
                key = claim.order_id if claim.market == "algo" else (claim.market, SYMBOL, claim.order_id)
                if key not in known:
                    yield f"{claim} is not in the ledger"
            for client_id in trader.refused:
                if names[client_id]:
                    yield f"order {client_id} was refused and is in the ledger"
        twice = [name for name, count in names.items() if count > 1]
        yield from (f"order {name} is {names[name]} times in the ledger" for name in twice)
        self._done["orders in the ledger"] = len(orders)


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
        yield ledger

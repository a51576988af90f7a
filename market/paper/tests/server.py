"""A paper exchange in a process of its own, for tests: started on a free port, waited for with a deadline, stopped.

with PaperServer(tmp_path / "ledger.sqlite3") as paper:
    key = paper.open_account(USDT="10000")
    client = paper.client(key)          # an unmodified python-binance Client
    paper.set_price("BTCUSDT", "50000") # hold a price still; None lets it go
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import importlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from market.logs.reading import said

ROOT = Path(__file__).parents[3]
TOKEN = "token-of-the-tests"
READY = "paper exchange listens on "
DEADLINE_SECONDS = 20


class PaperServer:
    """The process and what tests ask of it."""

    def __init__(self, ledger: Path, *arguments: str, token: str = TOKEN) -> None:
        self.ledger = ledger
        self.token = token
        self.lines: list[str] = []
        self._fresh: queue.Queue[str | None] = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "market.paper", "--port", "0", "--ledger", str(ledger), *arguments],
            cwd=ROOT,
            env={**os.environ, "PAPER_ADMIN_TOKEN": token},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        self.url = self.wait_for(READY).removeprefix(READY)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.kill()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def wait_for(self, beginning: str, *, ending: str = "", seconds: float = DEADLINE_SECONDS) -> str:
        """Return the next line of output that begins and ends so; fail with the output after a deadline."""
        end = time.monotonic() + seconds
        while (line := self._fresh.get(timeout=max(0.01, end - time.monotonic()))) is not None:
            if line.startswith(beginning) and line.endswith(ending):
                return line
        raise AssertionError(f"the paper exchange ended: {self.lines}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; return its exit code."""
        self._process.send_signal(number)
        return self._process.wait(DEADLINE_SECONDS)

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait(DEADLINE_SECONDS)

    def open_account(self, *, futures: dict[str, str] | None = None, **balances: str) -> dict[str, Any]:
        """A new account with these deposits (spot by name, and futures): api_key and api_secret."""
        wanted = {"label": "test", "balances": balances, "futures": futures or {}}
        return self.admin("POST", "/paper/accounts", wanted)

    def create_account(self, **balances: str) -> tuple[str, str]:
        """API key and secret of a new account, with 10,000 USDT unless told otherwise."""
        key = self.open_account(futures=None, **(balances or {"USDT": "10000"}))
        return key["api_key"], key["api_secret"]

    def set_status(self, symbol: str, status: str, market: str = "spot") -> None:
        """Make a symbol TRADING, BREAK or HALT."""
        self.admin("POST", "/paper/symbols", {"symbol": symbol, "status": status, "market": market})

    def set_price(self, symbol: str, price: str | None, market: str = "spot") -> None:
        """Hold a price still; None lets it go."""
        self.admin("POST", "/paper/prices", {"symbol": symbol, "price": price, "market": market})

    def set_book(self, symbol: str, market: str = "spot", **book: Any) -> None:
        """Make the ladder wider or thinner: spread_bps, level_quote, levels; without them, as it was."""
        self.admin("POST", "/paper/books", {"symbol": symbol, "market": market, **book})

    def admin(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """The JSON answer of an admin endpoint."""
        headers = {"X-Paper-Token": self.token if token is None else token}
        return self.request(method, path, json.dumps(body).encode(), headers)[1]

    def get(self, path: str, **params: Any) -> Any:
        """The JSON answer of a public endpoint."""
        return self.request("GET", f"{path}?{urlencode(params)}")[1]

    def signed(self, method: str, path: str, key: dict[str, Any], **params: Any) -> tuple[int, Any]:
        """Status and JSON answer of a signed call, parameters in the query."""
        query = urlencode({"timestamp": int(time.time() * 1000), **params})
        query += "&signature=" + hmac.new(key["api_secret"].encode(), query.encode(), hashlib.sha256).hexdigest()
        status, answer, _ = self.request(method, f"{path}?{query}", headers={"X-MBX-APIKEY": key["api_key"]})
        return status, answer

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, http.client.HTTPMessage]:
        """Status, decoded JSON and headers of any request, over a connection of its own."""
        with closing(self.connection()) as connection:
            return self.exchange(connection, method, path, body, headers)

    def connection(self) -> http.client.HTTPConnection:
        """A connection to keep, for many requests in a row."""
        address = urlsplit(self.url)
        return http.client.HTTPConnection(address.hostname or "", address.port, timeout=DEADLINE_SECONDS)

    @staticmethod
    def exchange(
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any, http.client.HTTPMessage]:
        """Status, decoded JSON and headers of one request over this connection."""
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read()), reply.headers

    def client(self, key: dict[str, Any]) -> Any:
        """python-binance, unmodified but for its addresses."""
        # By name: only the exchange adapter may know python-binance, and import-linter reads imports.
        plain = importlib.import_module("binance.client").Client
        urls = {
            "API_URL": f"{self.url}/api",
            "FUTURES_URL": f"{self.url}/fapi",
            "MARGIN_API_URL": f"{self.url}/sapi",
            "FUTURES_DATA_URL": f"{self.url}/futures/data",
        }
        return type("PaperClient", (plain,), urls)(key["api_key"], key["api_secret"])

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(said(line.rstrip("\n")))
            self._fresh.put(self.lines[-1])
        self._fresh.put(None)

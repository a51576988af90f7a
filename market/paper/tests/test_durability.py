"""What was answered survives kill -9; a restart finds the state to the last digit; the auditor reads the truth."""

import http.client
import random
import signal
import sqlite3
import threading
from collections import defaultdict
from contextlib import closing
from decimal import Decimal
from itertools import count

import pytest

from market.paper.ledger import Ledger
from market.paper.tests.server import PaperServer

BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
REST = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "40000",
}
NO_LIMIT = ("--weight-limit", "0")


def rows(ledger, sql: str, *values) -> list[tuple]:
    """Read the ledger as an auditor would: plain SQL, no code of ours."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, values).fetchall()


def assert_books_balance(ledger) -> None:
    """Deposits and fills explain every balance, open orders explain everything locked."""
    due: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for account_id, asset, amount in rows(ledger, "SELECT account_id, asset, amount FROM deposits"):
        due[account_id, asset] += Decimal(amount)
    for account_id, symbol, side, qty, quote_qty, commission, paid_in in rows(
        ledger, "SELECT account_id, symbol, side, qty, quote_qty, commission, commission_asset FROM fills"
    ):
        sign = 1 if side == "BUY" else -1
        due[account_id, symbol.removesuffix("USDT")] += sign * Decimal(qty)
        due[account_id, "USDT"] -= sign * Decimal(quote_qty)
        due[account_id, paid_in] -= Decimal(commission)
    locked: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for account_id, price, quantity in rows(
        ledger, "SELECT account_id, price, orig_qty FROM orders WHERE status = 'NEW' AND side = 'BUY'"
    ):
        locked[account_id, "USDT"] += Decimal(price) * Decimal(quantity)
    held = {(a, asset): (Decimal(f), Decimal(k)) for a, asset, f, k in rows(ledger, "SELECT * FROM balances")}
    assert {key: free + lock for key, (free, lock) in held.items()} == dict(due)
    assert {key: lock for key, (_, lock) in held.items() if lock} == dict(locked)


def load(paper: PaperServer, key: dict, answered: list[dict], enough: threading.Event, wanted: int) -> list:
    """Four clients that trade, rest and cancel until the exchange is gone, noting every answer they got."""

    def trade(name: int) -> None:
        for number in count():
            try:
                for params in (BUY, REST | {"newClientOrderId": f"r{wanted}-{name}-{number}"}):
                    status, answer = paper.signed("POST", "/api/v3/order", key, **params)
                    assert status == 200, answer
                    answered.append(answer)
                path, chosen = "/api/v3/order", {"symbol": "BTCUSDT", "orderId": answer["orderId"]}
                status, gone = paper.signed("DELETE", path, key, **chosen)
                assert status == 200, gone
                answered.append(gone)
            except (OSError, http.client.HTTPException):
                return
            if len(answered) >= wanted:
                enough.set()

    threads = [threading.Thread(target=trade, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    return threads


def test_kill_9_under_load_loses_nothing_that_was_answered(tmp_path):
    ledger, answered, key = tmp_path / "ledger.sqlite3", [], None
    for round_number in range(8):
        with PaperServer(ledger, *NO_LIMIT) as paper:
            paper.set_price("BTCUSDT", "50000")
            key = key or paper.open_account(USDT="1000000")
            enough = threading.Event()
            wanted = len(answered) + random.Random(round_number).randrange(10, 150)
            threads = load(paper, key, answered, enough, wanted)
            assert enough.wait(30)
            paper.kill()
            for thread in threads:
                thread.join()

        stored = {row[0]: row[1:] for row in rows(ledger, "SELECT order_id, status, executed_qty, symbol FROM orders")}
        fills = {row[0]: row[1:] for row in rows(ledger, "SELECT trade_id, order_id, price, qty FROM fills")}
        for answer in answered:
            status, executed, _ = stored[answer["orderId"]]
            assert status == answer["status"] or (answer["status"], status) == ("NEW", "CANCELED")
            assert Decimal(executed) == Decimal(answer["executedQty"])
            for fill in answer.get("fills", []):
                order_id, price, qty = fills[fill["tradeId"]]
                assert (order_id, Decimal(price), Decimal(qty)) == (
                    *(answer["orderId"], Decimal(fill["price"])),
                    Decimal(fill["qty"]),
                )
        assert_books_balance(ledger)


def snapshot(paper: PaperServer, key: dict) -> list:
    """Everything an account can ask about its state."""
    asked = [
        paper.signed("GET", "/api/v3/account", key)[1]["balances"],
        paper.signed("GET", "/api/v3/openOrders", key)[1],
        paper.signed("GET", "/api/v3/allOrders", key, symbol="BTCUSDT")[1],
        paper.signed("GET", "/api/v3/myTrades", key, symbol="BTCUSDT")[1],
        [entry["status"] for entry in paper.get("/api/v3/exchangeInfo")["symbols"]],
    ]
    assert all(asked)
    return asked


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_restart_finds_the_same_state_prices_and_open_orders(tmp_path, end):
    ledger = tmp_path / "ledger.sqlite3"
    with PaperServer(ledger) as paper:
        key = paper.open_account(USDT="10000")
        paper.signed("POST", "/api/v3/order", key, **BUY)
        resting = paper.signed("POST", "/api/v3/order", key, **REST, newClientOrderId="resting")[1]
        paper.admin("POST", "/paper/symbols", {"symbol": "SOLUSDT", "status": "BREAK"})
        before = snapshot(paper, key)
        candles = paper.get("/api/v3/klines", symbol="SOLUSDT", interval="1m", limit=300)[:-2]
        getattr(paper, end)()

    with PaperServer(ledger, "--start-at", "2025-01-10T00:00") as paper:
        assert snapshot(paper, key) == before
        again = paper.get("/api/v3/klines", symbol="SOLUSDT", interval="1m", startTime=candles[0][0], limit=1000)
        assert again[: len(candles)] == candles
        assert paper.signed("POST", "/api/v3/order", key, **REST, newClientOrderId="resting")[1]["code"] == -2010
        paper.set_price("BTCUSDT", "39000")
        done = paper.signed("GET", "/api/v3/order", key, symbol="BTCUSDT", orderId=resting["orderId"])[1]
        newest = paper.signed("POST", "/api/v3/order", key, **BUY)[1]
        assert done["status"] == "FILLED"
        assert newest["orderId"] > resting["orderId"]
    assert_books_balance(ledger)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_it_cleanly_while_clients_are_connected(tmp_path, number):
    with PaperServer(tmp_path / "ledger.sqlite3") as paper:
        client = paper.client(paper.open_account(USDT="10000"))
        client.create_order(**BUY)

        assert paper.stop(number) == 0
    assert not [line for line in paper.lines if "Traceback" in line]


def test_every_commit_is_forced_to_the_disk(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite3")

    assert ledger._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert ledger._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    ledger.close()


def test_ledger_holds_plain_decimals_under_the_names_of_the_contract(tmp_path):
    ledger = tmp_path / "ledger.sqlite3"
    with PaperServer(ledger) as paper:
        key = paper.open_account(USDT="10000")
        paper.set_price("BTCUSDT", "50000")
        order = paper.signed("POST", "/api/v3/order", key, **BUY)[1]

        assert rows(ledger, "SELECT id, label, api_key, api_secret FROM accounts") == [
            (1, "test", key["api_key"], key["api_secret"])
        ]
        assert rows(ledger, "SELECT account_id, market, asset, amount FROM deposits") == [
            (1, "spot", "USDT", "10000.00000000")
        ]
        assert rows(
            ledger,
            "SELECT trade_id, order_id, account_id, symbol, side, price, qty, quote_qty, commission, commission_asset, "
            "is_maker, time_ms FROM fills",
        ) == [
            (
                *(order["fills"][0]["tradeId"], order["orderId"], 1, "BTCUSDT", "BUY", "50002.50000000", "0.00100000"),
                *("50.00250000", "0.00000100", "BTC", 0, order["transactTime"]),
            )
        ]
        assert rows(
            ledger,
            "SELECT market, symbol, client_order_id, type, time_in_force, status, price, orig_qty, executed_qty, "
            "cum_quote, time_ms, update_ms FROM orders",
        ) == [
            (
                *("spot", "BTCUSDT", order["clientOrderId"], "MARKET", "GTC", "FILLED", "0.00000000", "0.00100000"),
                *("0.00100000", "50.00250000", order["transactTime"], order["transactTime"]),
            )
        ]
        assert ledger.stat().st_mode & 0o077 == 0

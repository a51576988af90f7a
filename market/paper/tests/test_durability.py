"""A restart finds the state to the last digit; a disk that fails ends the process; the auditor reads the truth.

That kill -9 loses nothing that was answered is shown by tests/test_chaos.py.
"""

import asyncio
import http.client
import resource
import signal
import sqlite3
from contextlib import closing, suppress
from itertools import count

import pytest

from market.paper.committer import QUIET_SECONDS, Committer
from market.paper.engine.journal import Journal
from market.paper.engine.tables import SETTINGS
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


def rows(ledger, sql: str, *values) -> list[tuple]:
    """Read the ledger as an auditor would: plain SQL, no code of ours."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, values).fetchall()


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


def test_a_disk_that_fails_ends_the_process_and_nothing_more_is_answered(tmp_path):
    ledger, answers = tmp_path / "ledger.sqlite3", []
    with PaperServer(ledger) as paper:
        key = paper.open_account(USDT="10000")
        largest = (tmp_path / "ledger.sqlite3-wal").stat().st_size + 500_000
        resource.prlimit(paper.pid, resource.RLIMIT_FSIZE, (largest, largest))
        with suppress(OSError, http.client.HTTPException):
            for number in count():
                answers.append(paper.signed("POST", "/api/v3/order", key, **REST, newClientOrderId=f"n{number}"))
        said = paper.wait_for(f"ledger {ledger} cannot be written (disk I/O error)")

        assert paper._process.wait(10) == 1
    assert said.endswith("free the disk or mend the file, then start")
    assert not [line for line in paper.lines if "Traceback" in line]
    assert {status for status, _ in answers} == {200}
    assert rows(ledger, "SELECT order_id FROM orders ORDER BY 1") == [(order["orderId"],) for _, order in answers]


def test_after_a_failed_write_nobody_who_waits_is_let_go(tmp_path):
    ledger, told = Ledger(tmp_path / "ledger.sqlite3"), []
    ledger._connection.execute("PRAGMA max_page_count=1")  # a full disk

    async def scenario() -> list[bool]:
        journal = Journal()
        committer = Committer(ledger, journal, told.append)
        journal.put(SETTINGS, "key", ("key", "long" * 100_000))
        waiting = [asyncio.ensure_future(committer.flush()) for _ in range(2)]
        with pytest.raises(sqlite3.OperationalError, match="full"):
            await committer.run()
        journal.put(SETTINGS, "other", ("other", "short"))
        waiting.append(asyncio.ensure_future(committer.flush()))
        await asyncio.wait(waiting, timeout=0.1)
        return [each.done() for each in waiting]

    assert asyncio.run(scenario()) == [False, False, False]
    assert told == []
    assert ledger.settings() == {}


def test_the_log_is_moved_in_a_pause(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite3")

    async def scenario() -> None:
        journal = Journal()
        committer = Committer(ledger, journal, lambda _: None)
        journal.put(SETTINGS, "key", ("key", "value"))
        await committer.flush()
        assert b"value" not in ledger.path.read_bytes()
        running = asyncio.ensure_future(committer.run())
        async with asyncio.timeout(20):
            while b"value" not in ledger.path.read_bytes():
                await asyncio.sleep(QUIET_SECONDS / 10)
        running.cancel()

    asyncio.run(scenario())


def test_answers_wait_for_their_own_group_and_groups_come_in_order(tmp_path):
    ledger, told = Ledger(tmp_path / "ledger.sqlite3"), []

    async def scenario() -> None:
        journal = Journal()
        committer = Committer(ledger, journal, told.append)

        async def act(number: int) -> dict[str, str]:
            journal.put(SETTINGS, f"{number}", (f"{number}", "done"))
            await committer.flush()
            return ledger.settings()

        seen = await asyncio.gather(*(act(number) for number in range(100)))
        assert all(f"{number}" in settings for number, settings in enumerate(seen))
        assert await act(100) == {f"{number}": "done" for number in range(101)}

    asyncio.run(scenario())
    assert len(told) == 2


def test_news_leave_only_when_they_are_on_disk(tmp_path):
    path = tmp_path / "ledger.sqlite3"
    ledger, heard = Ledger(path), []

    async def scenario() -> None:
        journal = Journal()
        committer = Committer(ledger, journal, lambda batch: heard.append(rows(path, "SELECT value FROM settings")))
        journal.put(SETTINGS, "key", ("key", "told"))
        await committer.flush()

    asyncio.run(scenario())

    assert heard == [[("told",)]]


def test_amounts_beyond_64_bits_are_remembered_to_the_last_digit(tmp_path):
    ledger = tmp_path / "ledger.sqlite3"
    with PaperServer(ledger) as paper:
        key = paper.open_account(USDT="999999999999")
        new = {"symbol": "XRPUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "200000000000"}
        paper.set_book("XRPUSDT", level_quote="999999999999")
        paper.admin("POST", "/paper/prices", {"symbol": "XRPUSDT", "price": "10000000"})
        status, order = paper.signed("POST", "/api/v3/order", key, **new)
        assert status == 200, order
        paper.kill()

    with PaperServer(ledger) as paper:
        asked = paper.signed("GET", "/api/v3/order", key, symbol="XRPUSDT", orderId=order["orderId"])[1]
        assert asked["origQuoteOrderQty"] == "200000000000.00000000"

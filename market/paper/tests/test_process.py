"""Starting, refusing to start, and limits that belong to a process."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from market.logs.lines import Lines
from market.paper.exchange import Exchange
from market.paper.tests.server import ROOT, PaperServer


def refused(*arguments: str) -> str:
    """What a start that must fail says: one line, exit code 1."""
    done = subprocess.run(
        [sys.executable, "-m", "market.paper", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_second_process_on_the_same_ledger_is_refused(tmp_path):
    ledger = tmp_path / "ledger.sqlite3"
    with PaperServer(ledger):
        assert "in use by another paper exchange: stop that one" in refused("--port", "0", "--ledger", str(ledger))


def test_taken_port_is_said_in_one_line(tmp_path):
    with PaperServer(tmp_path / "one.sqlite3") as paper:
        port = paper.url.rpartition(":")[2]
        line = refused("--port", port, "--ledger", str(tmp_path / "two.sqlite3"))

    assert line == f"port {port} is taken: stop the process that listens there or choose another with --port"


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"\x00" * 5000])
def test_unreadable_ledger_is_said_in_one_line_and_left_alone(tmp_path, content):
    ledger = tmp_path / "ledger.sqlite3"
    ledger.write_bytes(content)

    assert "move the file away or choose another with --ledger" in refused("--port", "0", "--ledger", str(ledger))
    assert ledger.read_bytes() == content


def test_ledger_that_cannot_be_made_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")

    assert "cannot be used" in refused("--port", "0", "--ledger", str(tmp_path / "file" / "ledger.sqlite3"))


def test_missing_recordings_are_said_in_one_line(tmp_path):
    line = refused("--port", "0", "--ledger", str(tmp_path / "l.sqlite3"), "--data", str(tmp_path / "nothing"))

    assert "choose another folder with --data" in line


def test_admin_endpoints_are_closed_when_there_is_no_token(tmp_path):
    with PaperServer(tmp_path / "ledger.sqlite3", token="") as paper:
        for given in ({}, {"X-Paper-Token": ""}):
            status, answer, _ = paper.request("POST", "/paper/accounts", b"{}", given)
            assert (status, answer["code"]) == (401, -2015)


def test_too_much_weight_is_refused_until_the_minute_is_over(tmp_path):
    with PaperServer(tmp_path / "ledger.sqlite3", "--weight-limit", "50") as paper:
        # Twice the limit, so that a minute that ends in between does not matter.
        heard = [paper.request("GET", "/api/v3/exchangeInfo") for _ in range(6)]

        status, answer, headers = heard[-1]
        assert (status, answer["code"]) == (429, -1003)
        assert 1 <= int(headers["Retry-After"]) <= 60
        assert [used["X-MBX-USED-WEIGHT-1M"] for _, _, used in heard[:2]] in (["20", "40"], ["20", "20"])
        assert heard[0][1]["rateLimits"][0]["limit"] == 50


def test_of_many_fills_at_once_each_is_in_the_log(caplog):
    venue = SimpleNamespace(fills=0)
    wide = dict.fromkeys(("qty", "price", "commission"), "123456789.12345678")
    names = {"side": "SELL", "symbol": "1000000MOGUSDT", "market": "futures", "commission_asset": "USDT"}
    fills = [names | wide | {"trade_id": 10**9 + n, "order_id": 10**9, "account_id": 10**6} for n in range(100)]

    with caplog.at_level("INFO", logger="paper"):
        Exchange._log_fills(SimpleNamespace(venues={"futures": venue}), fills)

    told = "".join(Lines("paper", "json").format(record) for record in caplog.records)
    assert venue.fills == 100
    assert [n for n in range(100) if f"fill {10**9 + n}: " not in told or told.count("account 1000000") != 100] == []


def test_nothing_of_django_or_the_client_is_loaded():
    code = (
        "import sys, market.paper.__main__;"
        "print([m for m in ('django', 'celery', 'rest_framework', 'requests', 'binance') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"

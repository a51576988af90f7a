"""A paper exchange that follows another exchange: here, a second one of our own."""

import sys
from contextlib import ExitStack
from decimal import Decimal

import pytest

from market.paper.tests.server import PaperServer

BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    with PaperServer(tmp_path_factory.mktemp("upstream") / "ledger.sqlite3", "--weight-limit", "0") as paper:
        yield paper


@pytest.fixture
def follower(upstream, tmp_path):
    with PaperServer(tmp_path / "ledger.sqlite3", "--follow", upstream.url) as paper:
        yield paper


@pytest.mark.parametrize(("path", "market"), [("/api/v3/ticker/price", "spot"), ("/fapi/v1/ticker/price", "futures")])
def test_price_is_that_of_the_followed_exchange(upstream, follower, wait_until, path, market):
    upstream.set_price("ETHUSDT", "3333", market)
    try:
        wait_until(lambda: Decimal(follower.get(path, symbol="ETHUSDT")["price"]) == 3333)
    finally:
        upstream.set_price("ETHUSDT", None, market)


def test_orders_fill_at_the_followed_price_with_the_follower_s_own_money(upstream, follower, wait_until):
    upstream.set_price("BTCUSDT", "50000")
    try:
        key = follower.open_account(USDT="10000")
        wait_until(lambda: follower.get("/api/v3/ticker/bookTicker", symbol="BTCUSDT")["askPrice"] == "50002.50000000")

        status, order = follower.signed("POST", "/api/v3/order", key, **BUY)

        assert (status, order["fills"][0]["price"]) == (200, "50002.50000000")
    finally:
        upstream.set_price("BTCUSDT", None)


def test_without_a_price_nothing_is_traded_and_nothing_made_up(tmp_path, wait_until):
    with ExitStack() as running:
        silent = running.enter_context(PaperServer(tmp_path / "upstream.sqlite3", "--weight-limit", "0"))
        follower = running.enter_context(PaperServer(tmp_path / "ledger.sqlite3", "--follow", silent.url))
        key = follower.open_account(USDT="10000")
        silent.kill()

        def silent_too() -> bool:
            return follower.request("GET", "/api/v3/ticker/price?symbol=BTCUSDT")[0] == 503

        wait_until(silent_too, timeout=30)
        status, answer = follower.signed("POST", "/api/v3/order", key, **BUY)

        assert (status, answer["code"]) == (503, -1008)
        assert follower.signed("GET", "/api/v3/allOrders", key, symbol="BTCUSDT")[1] == []


@pytest.mark.parametrize(("changes", "code"), [({"timeZone": "8"}, -1130), ({"interval": "1s"}, -1120)])
def test_candles_that_nobody_fetches_are_refused(follower, changes, code):
    asked = {"symbol": "ETHUSDT", "interval": "1d"}

    assert len(follower.get("/api/v3/klines", **asked, limit=5)) == 5
    assert follower.get("/api/v3/klines", **asked | changes)["code"] == code


def test_start_without_the_followed_exchange_says_what_to_do(tmp_path, free_port, spawn):
    command = [sys.executable, "-m", "market.paper", "--port", "0", "--ledger", str(tmp_path / "ledger.sqlite3")]

    child = spawn([*command, "--follow", f"http://127.0.0.1:{free_port}"])

    assert child.wait(timeout=60) == 1
    assert "cannot follow" in child.text
    assert "Traceback" not in child.text

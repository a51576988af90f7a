"""Every two faults at once: whatever they do to the client, they do not break the exchange."""

import http.client
import itertools
import json
import time

import pytest

from market.paper.faults.menu import FAULTS, happens_to
from market.paper.tests.faults.conftest import Board
from market.paper.tests.faults.test_events import stream, user_data
from market.paper.tests.server import PaperServer

# What has no default.
PARAMS = {
    "delay_before": {"delay_seconds": 0.001},
    "delay_after": {"delay_seconds": 0.001},
    "late_events": {"delay_seconds": 0.001},
    "clock_skew": {"skew_ms": 500},
    "late_visibility": {"delay_seconds": 0.001},
    "partial_fill": {"rest_seconds": 0.001},
}
CALL_FAULTS = [name for name, fault in FAULTS.items() if happens_to(fault) == "calls"]
EVENT_FAULTS = [name for name, fault in FAULTS.items() if happens_to(fault) == "events"]

BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
REST = BUY | {"type": "LIMIT", "timeInForce": "GTC", "price": "49000"}
STOP = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.01", "stopPrice": "40000"}
BTC = {"symbol": "BTCUSDT"}
# Each answers with a shape of its own, and each does something else to the engine.
SPOT = [
    ("POST", "/api/v3/order", BUY),
    ("POST", "/api/v3/order", REST),
    ("POST", "/api/v3/order", STOP),
    ("GET", "/api/v3/allOrders", BTC),
    ("DELETE", "/api/v3/openOrders", BTC),
]
FUTURES = [
    ("POST", "/fapi/v1/order", BUY),
    ("POST", "/fapi/v1/order", REST | {"side": "SELL", "price": "51000", "reduceOnly": "true"}),
    ("GET", "/fapi/v1/openOrders", BTC),
    ("DELETE", "/fapi/v1/allOpenOrders", BTC),
]
PUBLIC = ["/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=2", "/fapi/v1/ticker/bookTicker"]


@pytest.fixture(scope="module")
def lonely(tmp_path_factory):
    """A process that nobody else has to do without if it ends."""
    with PaperServer(tmp_path_factory.mktemp("pairs") / "ledger.sqlite3", "--weight-limit", "0") as paper:
        for market in ("spot", "futures"):
            paper.set_price("BTCUSDT", "50000", market)
        yield paper


@pytest.fixture
def rich(lonely):
    """The key of an account that can trade all day, and has no orders yet that count against its limit."""
    return lonely.open_account(futures={"USDT": "10000000"}, USDT="10000000", BTC="10")


def status_of(paper, key, method: str, path: str, params: dict[str, str] | None = None) -> int | None:
    """The HTTP status, whatever the body is; None when there was no answer."""
    try:
        return paper.signed(method, path, key, **params)[0] if params else paper.request(method, path)[0]
    except (json.JSONDecodeError, http.client.HTTPException, ConnectionError):
        return None


def bugs(paper) -> list[str]:
    """What the exchange has logged about errors of its own."""
    return [line for line in paper.lines if line.startswith("Traceback") or "has a bug" in line]


def test_all_these_calls_succeed_without_faults(lonely, rich):
    assert {status_of(lonely, rich, *call) for call in SPOT + FUTURES} == {200}
    assert {status_of(lonely, rich, "GET", path) for path in PUBLIC} == {200}


@pytest.mark.parametrize("outer", CALL_FAULTS)
def test_two_faults_of_calls_break_nothing(lonely, rich, outer):
    board = Board(lonely)
    for inner in CALL_FAULTS:
        for name in (outer, inner):
            assert "id" in board.add(name, **PARAMS.get(name, {}))

        signed = [status_of(lonely, rich, *call) for call in SPOT + FUTURES]
        public = [status_of(lonely, rich, "GET", path) for path in PUBLIC]

        assert 500 not in signed + public, (outer, inner)
        board.clear()

    assert lonely.get("/api/v3/ping") == {}
    assert bugs(lonely) == []


def test_two_faults_of_events_break_nothing(lonely, rich):
    board = Board(lonely)
    with user_data(lonely, rich), stream(lonely, "/ws/ethusdt@bookTicker"):
        for pair in itertools.product(EVENT_FAULTS, repeat=2):
            numbers = [board.add(name, **PARAMS.get(name, {}))["id"] for name in pair]
            assert lonely.signed("POST", "/api/v3/order", rich, **BUY)[0] == 200
            deadline = time.monotonic() + 10
            while not all(board.hits(number) for number in numbers):
                assert time.monotonic() < deadline, pair
            board.clear()

    assert lonely.get("/api/v3/ping") == {}
    assert bugs(lonely) == []

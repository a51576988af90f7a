"""Faults of the streams: what a listener hears."""

import hashlib
import hmac
import json
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from websockets.sync.client import connect

from market.paper.faults.board import Faults
from market.paper.faults.events import DuplicateEvents
from market.paper.faults.kinds import EventFault
from market.paper.faults.steps import Match, Step
from market.paper.tests.faults.conftest import wait_until

BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
TRADES = {"event": "executionReport"}


@contextmanager
def stream(paper, path):
    """A websocket to the exchange; it can be closed at once though nobody has read what came."""
    with connect(paper.url.replace("http", "ws") + path, max_queue=None) as socket:
        yield socket


@contextmanager
def user_data(paper, key):
    """A websocket that hears the account's events."""
    params = {"apiKey": key["api_key"], "timestamp": int(time.time() * 1000)}
    signature = hmac.new(key["api_secret"].encode(), urlencode(params).encode(), hashlib.sha256).hexdigest()
    request = {
        "id": 1,
        "method": "userDataStream.subscribe.signature",
        "params": {**params, "signature": signature},
    }
    with stream(paper, "/ws-api/v3") as socket:
        socket.send(json.dumps(request))
        assert json.loads(socket.recv(10))["status"] == 200
        yield socket


def read_away(socket) -> None:
    """What was said until now: it comes before the answer to a ping."""
    assert socket.ping().wait(10)
    with suppress(TimeoutError):
        while True:
            socket.recv(0)


def executions(socket) -> list[str]:
    """The kinds of the execution reports up to the next change of balances by a deposit."""
    heard = []
    while (event := json.loads(socket.recv(10))["event"])["e"] != "balanceUpdate":
        if event["e"] == "executionReport":
            heard.append(event["x"])
    return heard


def trade_and_deposit(paper, key) -> None:
    """Two execution reports, NEW and TRADE, and then something that ends them."""
    assert paper.signed("POST", "/api/v3/order", key, **BUY)[0] == 200
    deposit(paper, key)


def deposit(paper, key) -> None:
    body = {"account": key["api_key"], "asset": "USDT", "amount": "1"}
    assert "number" in paper.admin("POST", "/paper/deposits", body)


@pytest.mark.usefixtures("btc_at_50000")
def test_events_come_once_and_in_order_without_faults(paper, key):
    with user_data(paper, key) as socket:
        trade_and_deposit(paper, key)

        assert executions(socket) == ["NEW", "TRADE"]


@pytest.mark.usefixtures("btc_at_50000")
def test_events_come_twice(paper, key, board):
    with user_data(paper, key) as socket:
        board.add("duplicate_events", match=TRADES)
        trade_and_deposit(paper, key)

        assert executions(socket) == ["NEW", "NEW", "TRADE", "TRADE"]


@pytest.mark.usefixtures("btc_at_50000")
def test_events_are_missing_as_often_as_was_asked(paper, key, board):
    with user_data(paper, key) as socket:
        board.add("missing_events", match=TRADES | {"account": key["api_key"]}, times=1)
        trade_and_deposit(paper, key)

        assert executions(socket) == ["TRADE"]


@pytest.mark.usefixtures("btc_at_50000")
def test_late_events_are_overtaken(paper, key, board):
    with user_data(paper, key) as socket:
        board.add("late_events", match=TRADES, delay_seconds=0.2)
        assert paper.signed("POST", "/api/v3/order", key, **BUY)[0] == 200

        heard = [json.loads(socket.recv(10))["event"]["e"] for _ in range(3)]

    # All three leave after one commit.
    assert heard == ["outboundAccountPosition", "executionReport", "executionReport"]


@pytest.mark.usefixtures("btc_at_50000")
def test_events_of_other_accounts_are_left_alone(paper, key, board):
    board.add("missing_events", match=TRADES | {"account": paper.open_account(USDT="1")["api_key"]})
    with user_data(paper, key) as socket:
        trade_and_deposit(paper, key)

        assert executions(socket) == ["NEW", "TRADE"]


@pytest.mark.usefixtures("btc_at_50000")
def test_half_an_event_is_no_json(paper, key, board):
    with user_data(paper, key) as socket:
        board.add("garbage_events", match=TRADES, times=1)
        trade_and_deposit(paper, key)

        with pytest.raises(json.JSONDecodeError):
            json.loads(socket.recv(10))
        assert executions(socket) == ["TRADE"]


@pytest.mark.usefixtures("btc_at_50000")
def test_two_faults_may_halve_the_same_event(paper, key, board):
    with user_data(paper, key) as socket:
        for _ in range(2):
            board.add("garbage_events", match=TRADES, times=1)
        trade_and_deposit(paper, key)

        with pytest.raises(json.JSONDecodeError):
            json.loads(socket.recv(10))
        assert executions(socket) == ["TRADE"]


@dataclass(frozen=True)
class Broken(EventFault):
    """A fault with a bug."""

    def deliveries(self, payload):
        """Break."""
        raise ValueError(payload)


def test_event_leaves_as_it_was_when_a_fault_has_a_bug(caplog):
    """Nobody catches anything where events leave: it would be the end of the process."""
    exchange = SimpleNamespace(now_ms=lambda: 0, hub=SimpleNamespace(filter=None), venues={})
    board = Faults(exchange)
    steps = [Step(name, fault, Match()) for name, fault in (("broken", Broken()), ("twice", DuplicateEvents()))]
    board.add(steps, in_order=False, seed=0, now_ms=0)

    sent = board.filter_event(None, "trade", {"s": "BTCUSDT"})

    assert sent == [(0, {"s": "BTCUSDT"})] * 2
    assert "fault 1 (broken) has a bug" in caplog.text


@pytest.mark.usefixtures("btc_at_50000")
def test_futures_order_event_is_found_by_its_symbol(paper, board):
    """There the symbol is one level down."""
    key = paper.open_account(futures={"USDT": "10000"})
    number = board.add("duplicate_events", match={"event": "ORDER_TRADE_UPDATE", "symbol": "BTCUSDT"})["id"]
    listen_key = paper.client(key).futures_stream_get_listen_key()
    with stream(paper, f"/private/ws?listenKey={listen_key}"):
        assert paper.signed("POST", "/fapi/v1/order", key, **BUY)[0] == 200

        wait_until(lambda: board.hits(number) >= 2)


def test_market_stream_of_one_symbol_falls_silent(paper, board):
    path = "/stream?streams=btcusdt@bookTicker/ethusdt@bookTicker"
    with stream(paper, path) as socket:
        number = board.add("missing_events", match={"event": "bookTicker", "symbol": "BTCUSDT"})["id"]
        read_away(socket)
        wait_until(lambda: board.hits(number) >= 3)
        heard = [json.loads(socket.recv(10))["data"]["s"] for _ in range(3)]

    assert heard == ["ETHUSDT"] * 3

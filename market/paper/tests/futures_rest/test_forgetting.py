"""What Binance forgets: orders that ended unfilled after three days, everything after ninety."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from market.paper.engine.futures.tables import ALGO_ORDERS, ORDERS
from market.paper.engine.futures.types import AlgoOrder, FuturesOrder
from market.paper.engine.journal import Batch
from market.paper.engine.tables import ACCOUNTS, FILLS
from market.paper.engine.types import Account, Fill
from market.paper.ledger import Ledger
from market.paper.tests.server import PaperServer

DAY_MS = 86_400_000
UNIT = 10**8
ACCOUNT = Account(1, "old", "a" * 64, "b" * 64, 0)
KEY = {"api_key": ACCOUNT.api_key, "api_secret": ACCOUNT.api_secret}
BTC = {"symbol": "BTCUSDT"}


def order(number: int, status: str, days: float, filled: int = 0) -> FuturesOrder:
    at_ms = int(time.time() * 1000 - days * DAY_MS)
    return FuturesOrder(
        order_id=number,
        account_id=1,
        symbol="BTCUSDT",
        client_order_id=f"n{number}",
        side="BUY",
        type="LIMIT",
        time_in_force="GTC",
        status=status,
        price=50_000 * UNIT,
        orig_qty=UNIT,
        executed_qty=filled,
        time_ms=at_ms,
        update_ms=at_ms,
    )


ORDERS_THEN = [
    order(1, "FILLED", 91, UNIT),
    order(2, "FILLED", 89, UNIT),
    order(3, "CANCELED", 3.1),
    order(4, "EXPIRED", 3.1),
    order(5, "CANCELED", 3.1, UNIT // 2),
    order(6, "CANCELED", 2.9),
    order(7, "FILLED", 1, UNIT),
]
TOLD = [2, 5, 6, 7]


def algo(of: FuturesOrder) -> AlgoOrder:
    return AlgoOrder(
        algo_id=of.order_id,
        account_id=1,
        symbol="BTCUSDT",
        client_algo_id=of.client_order_id,
        side="SELL",
        position_side="BOTH",
        type="STOP_MARKET",
        time_in_force="GTC",
        quantity=UNIT,
        price=0,
        trigger_price=UNIT,
        working_type="CONTRACT_PRICE",
        close_position=False,
        price_protect=False,
        reduce_only=False,
        activate_price=0,
        callback_rate=0,
        good_till_ms=0,
        price_match="NONE",
        self_trade_prevention="EXPIRE_MAKER",
        status="FINISHED" if of.status == "FILLED" else of.status,
        time_ms=of.time_ms,
        update_ms=of.update_ms,
        actual_qty=of.executed_qty,
    )


def fill(of: FuturesOrder) -> Fill:
    return Fill("futures", of.order_id, of.order_id, 1, "BTCUSDT", "BUY", UNIT, UNIT, UNIT, 0, "USDT", True, of.time_ms)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Ask an exchange whose ledger is old."""
    path = Path(tmp_path_factory.mktemp("old") / "ledger.sqlite3")
    ledger = Ledger(path)
    rows = [
        (ACCOUNTS, [ACCOUNTS.row(ACCOUNT)]),
        (ORDERS, [ORDERS.row(each) for each in ORDERS_THEN]),
        (ALGO_ORDERS, [ALGO_ORDERS.row(algo(each)) for each in ORDERS_THEN]),
        (FILLS, [FILLS.row(fill(each)) for each in ORDERS_THEN if each.executed_qty]),
    ]
    ledger.commit(Batch(rows, []))
    ledger.close()
    with PaperServer(path) as paper:
        yield lambda method, path, **params: paper.signed(method, f"/fapi/v1/{path}", KEY, **BTC, **params)


def test_order_is_told_of_as_long_as_binance_tells(ask):
    answers = {each.order_id: ask("GET", "order", orderId=each.order_id) for each in ORDERS_THEN}
    by_client_id = {each.order_id: ask("GET", "order", origClientOrderId=f"n{each.order_id}") for each in ORDERS_THEN}

    assert [number for number, (status, _) in answers.items() if status == 200] == TOLD
    assert by_client_id == answers
    assert answers[3] == (400, {"code": -2013, "msg": "Order does not exist."})


def test_conditional_order_is_told_of_as_long_as_binance_tells(ask):
    answers = {each.order_id: ask("GET", "algoOrder", algoId=each.order_id)[0] for each in ORDERS_THEN}

    assert [number for number, status in answers.items() if status == 200] == TOLD


@pytest.mark.parametrize(
    ("path", "first", "number"), [("allOrders", "orderId", "orderId"), ("allAlgoOrders", "algoId", "algoId")]
)
def test_history_has_no_holes_for_what_is_forgotten(ask, path, first, number):
    def asked(**bounds: int) -> list[int]:
        return [row[number] for row in ask("GET", path, **bounds)[1]]

    assert asked() == [5, 6, 7]
    assert asked(limit=2) == [6, 7]
    assert asked(**{first: 1}) == TOLD
    assert asked(**{first: 1}, limit=1) == [2]
    assert asked(**{first: 3}, limit=2) == [5, 6]
    assert asked(startTime=ORDERS_THEN[1].time_ms) == [2]


def test_fills_are_those_of_the_last_week_unless_a_start_or_an_id_is_sent(ask):
    def asked(**bounds: int) -> list[int]:
        return [row["id"] for row in ask("GET", "userTrades", **bounds)[1]]

    assert asked() == [5, 7]
    assert asked(fromId=1) == [2, 5, 7]
    assert asked(orderId=2) == [2]
    assert asked(fromId=1, limit=1) == asked(startTime=ORDERS_THEN[0].time_ms) == [2]
    assert asked(startTime=ORDERS_THEN[1].time_ms) == [2]

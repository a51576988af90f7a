"""Questions about the past find their rows by an index, and find the right ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from market.paper.__main__ import read_options
from market.paper.build import build_exchange
from market.paper.engine.journal import Batch
from market.paper.engine.spot.tables import ORDERS
from market.paper.engine.spot.types import SpotOrder
from market.paper.engine.tables import FILLS
from market.paper.engine.types import Fill
from market.paper.exchange import Exchange
from market.paper.history import History
from market.paper.ledger import Ledger
from market.paper.web.pipeline import Pipeline
from market.paper.web.routes import ENDPOINTS
from market.paper.web.security import signature_of

# Small, and a start needs all of them.
STATE = (
    *("accounts", "settings", "balances", "futures_wallets", "futures_positions", "futures_symbol_configs"),
    *("futures_account_configs", "futures_countdowns"),
)
FREE = ("SCAN known", "SCAN CONSTANT ROW", *(f"SCAN {table}" for table in STATE))
FRUGAL = ("account_id=?", "order_id=?", "order_id>?", "trade_id>?", "rowid=?", "orders_open", "order_lists_open")
# Every way to ask for the past: what may be sent beside the symbol.
SPANS = [{"startTime": "1"}, {"endTime": "9"}, {"startTime": "1", "endTime": "9"}, {"limit": "5"}]
QUESTIONS = [
    *[{"symbol": "BTCUSDT"} | span for span in ({}, *SPANS)],
    *[{"symbol": "BTCUSDT", name: "40000000001"} for name in ("orderId", "fromId")],
    {"symbol": "BTCUSDT", "orderId": "40000000001", "fromId": "2"},
    {"symbol": "BTCUSDT", "origClientOrderId": "mine"},
    *[{}, *SPANS],
    *[{name: "7"} for name in ("orderListId", "algoId", "fromId")],
    *[{name: "mine"} for name in ("origClientOrderId", "clientAlgoId")],
    {"type": "MAIN_UMFUTURE"},
    {"symbol": "BTCUSDT", "incomeType": "TRANSFER"},
    {"autoCloseType": "ADL"},
]


def statements(ledger: Ledger, work: Callable[[], object]) -> set[str]:
    """The SELECTs that some work makes of the ledger."""
    found: set[str] = set()
    ledger._connection.set_trace_callback(found.add)
    work()
    ledger._connection.set_trace_callback(None)
    return {sql for sql in found if sql.lstrip().startswith(("SELECT", "WITH"))}


def wasteful(ledger: Ledger, sql: str) -> list[str]:
    """Steps of SQLite's plan that read more of a table than one account's rows, or those with one number."""
    plan = [row[3] for row in ledger._connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
    steps = [step for step in plan if step.startswith(("SCAN", "SEARCH"))]
    if "min(" in sql or "max(" in sql:  # the ends of an index
        steps = [step for step in steps if step.startswith("SCAN")]
    return [step for step in steps if not step.startswith(FREE) and not any(word in step for word in FRUGAL)]


async def ask_everything(exchange: Exchange, ask: list[int]) -> None:
    """Put every question to every endpoint that answers from the ledger; note the answers' statuses."""
    account, pipeline = exchange.open_account("curious", {}, exchange.now_ms()), Pipeline(exchange)
    for endpoint in ENDPOINTS:
        for question in QUESTIONS if endpoint.reads_past else ():
            query = urlencode(question | {"timestamp": str(exchange.now_ms())})
            query += f"&signature={signature_of(account.api_secret, query)}"
            reply = await pipeline.dispatch(endpoint.method, endpoint.path, query, api_key=account.api_key)
            ask.append(reply.status)


def test_nothing_that_is_asked_or_started_reads_more_than_it_must(tmp_path):
    ledger, statuses = Ledger(tmp_path / "ledger.sqlite3"), []

    async def start_and_ask() -> None:
        options = read_options(["--ledger", str(ledger.path), "--weight-limit", "0"])
        await ask_everything(await build_exchange(options, ledger), statuses)

    found = statements(ledger, lambda: asyncio.run(start_and_ask()))

    assert {sql: steps for sql in found if (steps := wasteful(ledger, sql))} == {}
    assert len(found) > 40
    assert statuses.count(200) > 40
    assert 500 not in statuses


def order(number: int, *, account_id: int = 1, symbol: str = "BTCUSDT", **changes: object) -> SpotOrder:
    values = {"side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "status": "FILLED", "price": 1, "orig_qty": 1}
    values |= {"client_order_id": f"c{number}", "time_ms": 1000 + number, "update_ms": 1000 + number}
    return SpotOrder(order_id=number, account_id=account_id, symbol=symbol, **(values | changes))


def fill(number: int, order_id: int, *, account_id: int = 1, symbol: str = "BTCUSDT", time_ms: int = 0) -> Fill:
    time_ms = time_ms or 1000 + order_id
    return Fill("spot", number, order_id, account_id, symbol, "BUY", 1, 1, 1, 0, "BTC", False, time_ms)


@pytest.fixture
def ledger(tmp_path):
    """Orders 1 to 9 of two accounts in turns, and 1 and 2 of another symbol; order 3 was filled until order 8 came."""
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    orders = [order(number, account_id=1 + number % 2) for number in range(1, 10) if number != 3]
    orders += [order(3, account_id=2, update_ms=1008), order(1, symbol="ETHUSDT"), order(2, symbol="ETHUSDT")]
    fills = [fill(11, 3, account_id=2), fill(12, 4), fill(13, 3, account_id=2, time_ms=1005)]
    fills += [fill(14, 3, account_id=2, time_ms=1008), fill(15, 8), fill(11, 2, symbol="ETHUSDT")]
    ledger.commit(Batch([(ORDERS, [ORDERS.row(each) for each in orders])], []))
    ledger.commit(Batch([(FILLS, [FILLS.row(each) for each in fills])], []))
    return ledger


@pytest.fixture
def history(ledger):
    return History(ledger, "spot", ORDERS)


@pytest.mark.parametrize(
    ("bounds", "numbers"),
    [
        ({}, [2, 4, 6, 8]),
        ({"limit": 3}, [4, 6, 8]),
        ({"from_id": 4, "limit": 2}, [4, 6]),
        ({"from_id": 5}, [6, 8]),
        ({"from_id": 9}, []),
        ({"from_id": 100}, []),
        ({"start_ms": 1004, "limit": 2}, [4, 6]),
        ({"end_ms": 1006, "limit": 2}, [4, 6]),
        ({"start_ms": 1003, "end_ms": 1006}, [4, 6]),
    ],
)
def test_a_page_of_orders_is_what_was_asked_for(history, bounds, numbers):
    assert [each.order_id for each in history.orders(1, "BTCUSDT", **bounds)] == numbers


@pytest.mark.parametrize(
    ("order_id", "bounds", "numbers"),
    [
        (None, {}, [11, 13, 14]),
        (3, {}, [11, 13, 14]),
        (3, {"limit": 2}, [13, 14]),
        (3, {"from_id": 12}, [13, 14]),
        (3, {"start_ms": 1005, "limit": 1}, [13]),
        (4, {}, []),  # of somebody else
        (77, {}, []),
    ],
)
def test_a_page_of_fills_is_what_was_asked_for(history, order_id, bounds, numbers):
    assert [each.trade_id for each in history.fills(2, "BTCUSDT", order_id=order_id, **bounds)] == numbers


def test_without_a_symbol_the_orders_of_all_come_by_time(history):
    found = history.orders(1, None, limit=3)

    assert [(each.symbol, each.order_id) for each in found] == [("BTCUSDT", 4), ("BTCUSDT", 6), ("BTCUSDT", 8)]


def test_next_ids_and_counts_are_by_symbol(ledger, history):
    assert ledger.next_ids("orders", "order_id", "spot") == {"BTCUSDT": 10, "ETHUSDT": 3}
    assert ledger.next_ids("fills", "trade_id", "spot") == {"BTCUSDT": 16, "ETHUSDT": 12}
    assert ledger.next_ids("orders", "order_id", "futures") == {}
    assert history.count_fills() == 6


def test_the_newest_of_several_orders_of_one_client_id_is_found(ledger, history):
    ledger.commit(Batch([(ORDERS, [ORDERS.row(order(20, client_order_id="c4"))])], []))

    assert history.order_by_client_id(1, "BTCUSDT", "c4").order_id == 20
    assert history.order_by_client_id(2, "BTCUSDT", "c4") is None
    assert history.order_by_id(2, "BTCUSDT", 20) is None

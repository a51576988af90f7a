"""Events of user-data streams as reports, as Binance sends them. Those of the paper exchange: test_streams.py."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from market.exchange.errors import ExchangeUnavailable
from market.exchange.stream_reports import report_of_futures_event, report_of_spot_event
from market.exchange.types import FillReport, OrderReport, ReportStatus
from market.types import moment_of

# From Binance's documentation and from recordings (../shared/data/examples).
SPOT_TRADE: dict[str, Any] = {
    "e": "executionReport",
    "E": 1759347763167,
    "s": "ETHUSDT",
    "c": "O-12345",
    "S": "BUY",
    "o": "LIMIT",
    "f": "GTC",
    "q": "1.00000000",
    "p": "2500.00000000",
    "P": "0.00000000",
    "F": "0.00000000",
    "g": -1,
    "C": "",
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "r": "NONE",
    "i": 1234567890,
    "l": "0.50000000",
    "z": "0.75000000",
    "L": "2499.50000000",
    "n": "0.00050000",
    "N": "ETH",
    "T": 1759347763167,
    "t": 98765432,
    "I": 4644480641,
    "w": True,
    "m": True,
    "M": False,
    "O": 1759347763100,
    "Z": "1874.75000000",
    "Y": "1249.75000000",
}
NO_FILL = {"l": "0.00000000", "L": "0.00000000", "n": "0", "N": None, "t": -1}
SPOT_CANCELED = SPOT_TRADE | NO_FILL | {"x": "CANCELED", "X": "CANCELED", "c": "of-the-cancel", "C": "O-12345"}
FUTURES_TRADE: dict[str, Any] = {
    "e": "ORDER_TRADE_UPDATE",
    "T": 1568879465651,
    "E": 1568879465651,
    "o": {
        "s": "BTCUSDT",
        "c": "TEST",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "0.002",
        "p": "7100.50",
        "ap": "7100.50",
        "sp": "0",
        "x": "TRADE",
        "X": "PARTIALLY_FILLED",
        "i": 8886774,
        "l": "0.001",
        "z": "0.001",
        "L": "7100.50",
        "N": "USDT",
        "n": "0.01000000",
        "T": 1568879465651,
        "t": 12345678,
        "b": "0",
        "a": "0",
        "m": True,
        "R": False,
        "wt": "CONTRACT_PRICE",
        "ot": "LIMIT",
        "ps": "BOTH",
    },
}
ALGO_UPDATE = {"e": "ALGO_UPDATE", "T": 1, "E": 1, "o": {"caid": "tb-1", "aid": 2148719, "X": "CANCELED", "ai": ""}}


def futures_event(**changes: Any) -> dict[str, Any]:
    """The update of a futures order with other values; None takes one out."""
    merged = FUTURES_TRADE["o"] | changes
    return FUTURES_TRADE | {"o": {name: value for name, value in merged.items() if value is not None}}


def test_a_fill_on_spot_is_read_to_the_last_digit():
    assert report_of_spot_event(SPOT_TRADE) == OrderReport(
        client_order_id="O-12345",
        exchange_order_id=1234567890,
        status=ReportStatus.OPEN,
        executed_quantity=Decimal("0.75"),
        fills=(
            FillReport(
                exchange_trade_id=98765432,
                price=Decimal("2499.5"),
                quantity=Decimal("0.5"),
                quote_quantity=Decimal("1249.75"),
                commission=Decimal("0.0005"),
                commission_asset="ETH",
                executed_at=moment_of(1759347763167),
            ),
        ),
    )


def test_a_fill_on_futures_is_read_to_the_last_digit():
    report = report_of_futures_event(FUTURES_TRADE)

    assert (report.client_order_id, report.exchange_order_id) == ("TEST", 8886774)
    assert (report.status, report.executed_quantity) == (ReportStatus.OPEN, Decimal("0.001"))
    (fill,) = report.fills
    assert (fill.exchange_trade_id, fill.price, fill.quantity) == (12345678, Decimal("7100.5"), Decimal("0.001"))
    assert (fill.quote_quantity, fill.commission, fill.commission_asset) == (Decimal("7.1005"), Decimal("0.01"), "USDT")
    assert fill.executed_at == moment_of(1568879465651)


def test_a_cancel_on_spot_names_the_order_by_its_original_id():
    report = report_of_spot_event(SPOT_CANCELED)

    assert (report.client_order_id, report.status, report.fills) == ("O-12345", ReportStatus.CANCELED, ())
    assert report.executed_quantity == Decimal("0.75")  # what was filled before


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("NEW", ReportStatus.OPEN),
        ("PENDING_NEW", ReportStatus.OPEN),
        ("PENDING_CANCEL", ReportStatus.OPEN),
        ("FILLED", ReportStatus.FILLED),
        ("CANCELED", ReportStatus.CANCELED),
        ("REJECTED", ReportStatus.REJECTED),
        ("EXPIRED", ReportStatus.EXPIRED),
        ("EXPIRED_IN_MATCH", ReportStatus.EXPIRED),
    ],
)
def test_every_status_has_its_meaning_on_both_markets(told, status):
    assert report_of_spot_event(SPOT_TRADE | {"X": told}).status == status
    assert report_of_futures_event(futures_event(X=told)).status == status


@pytest.mark.parametrize(
    "execution", ["NEW", "CANCELED", "EXPIRED", "REPLACED", "REJECTED", "TRADE_PREVENTION", "AMENDMENT"]
)
def test_only_an_execution_has_a_fill(execution):
    """A prevented match carries quantity and price, but nothing was traded."""
    assert report_of_spot_event(SPOT_TRADE | {"x": execution}).fills == ()
    assert report_of_futures_event(futures_event(x=execution)).fills == ()


@pytest.mark.parametrize("status", ["FILLED", "NEW_INSURANCE", "NEW_ADL"])
def test_a_liquidation_has_a_fill(status):
    report = report_of_futures_event(futures_event(c="autoclose-123", x="CALCULATED", X=status))

    assert report.client_order_id == "autoclose-123"
    assert len(report.fills) == 1


def test_an_announced_liquidation_has_no_fill_yet():
    pending = {"c": "autoclose-1", "x": "CALCULATED", "X": "NEW", "l": "0", "z": "0", "L": "0", "t": 0}

    assert report_of_futures_event(futures_event(**pending, n=None, N=None)).fills == ()


@pytest.mark.parametrize(
    "event",
    [
        {"e": "outboundAccountPosition", "E": 1, "u": 1, "B": []},
        {"e": "balanceUpdate", "E": 1, "a": "BTC", "d": "1", "T": 1},
        {"e": "listStatus", "E": 1, "s": "BTCUSDT"},
        {"e": "eventStreamTerminated", "E": 1},
        {"e": "error", "type": "BinanceWebsocketQueueOverflow", "m": "…"},
        {"e": "ACCOUNT_UPDATE", "E": 1, "a": {}},
        {"e": "TRADE_LITE", "E": 1, "s": "BTCUSDT", "c": "tb-1"},
        ALGO_UPDATE,
    ],
    ids=lambda event: event["e"],
)
def test_other_events_are_no_reports(event):
    assert report_of_spot_event(event) is None
    assert report_of_futures_event(event) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"X": "NOVEL"},
        {"z": "NaN"},
        {"z": 0.75},
        {"l": "Infinity"},
        {"L": None},
        {"n": 0.0005},
        {"N": 7},
        {"i": "1234567890"},
        {"t": "98765432"},
        {"T": "now"},
        {"T": 10**20},
        {"x": None},
    ],
    ids=str,
)
def test_an_event_that_can_not_be_read_is_no_report_and_says_so(changes):
    for read, event in (
        (report_of_spot_event, SPOT_TRADE | changes),
        (report_of_futures_event, futures_event(**changes)),
    ):
        with pytest.raises(ExchangeUnavailable, match="can't be read"):
            read(event)


@pytest.mark.parametrize(
    "garbage", [{}, {"e": "ORDER_TRADE_UPDATE", "c": 1}, {"e": "executionReport"}, [], None, "x", 7]
)
def test_garbage_is_never_a_report(garbage):
    for read in (report_of_spot_event, report_of_futures_event):
        with suppress(ExchangeUnavailable):
            assert read(garbage) is None

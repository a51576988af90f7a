"""Events of the user-data streams as reports: beside reply and query the third way in which an order is told of.

Pure. A report has the fill of its event only; ``executed_quantity`` counts all of them so far.
"""

from collections.abc import Callable, Mapping
from typing import Any

from market.exchange.errors import ExchangeUnavailable
from market.exchange.reading import STATUSES, UNREADABLE, amount, whole, word
from market.exchange.types import FillReport, OrderReport, ReportStatus
from market.types import moment_of

Event = Mapping[str, Any]

EXECUTIONS = ("TRADE", "CALCULATED")  # the latter: by a liquidation
# An order of the exchange's own, for a liquidation: taken over by the insurance fund, or auto-deleveraged.
TAKEN_OVER = {"NEW_INSURANCE": ReportStatus.OPEN, "NEW_ADL": ReportStatus.OPEN}


def report_of_spot_event(event: Event) -> OrderReport | None:
    """The report of an executionReport; None for other events. Raise ExchangeUnavailable when it can't be read."""

    def read() -> OrderReport | None:
        if event["e"] != "executionReport":
            return None
        # Of a cancelled order ``c`` is the id of the cancel, and the order's own is ``C``, which otherwise is empty.
        return _report_of(event, client_order_id=event.get("C") or event["c"])

    return _readable(read)


def report_of_futures_event(event: Event) -> OrderReport | None:
    """The report of an ORDER_TRADE_UPDATE; None for other events. Raise ExchangeUnavailable when it can't be read.

    A conditional order is told of so from its trigger on, when it has become an order with the same client id.
    """

    def read() -> OrderReport | None:
        if event["e"] != "ORDER_TRADE_UPDATE":
            return None
        order = event["o"]
        return _report_of(order, client_order_id=order["c"])

    return _readable(read)


def _readable(read: Callable[[], OrderReport | None]) -> OrderReport | None:
    try:
        return read()
    except UNREADABLE as error:
        raise ExchangeUnavailable(f"an event that can't be read: {type(error).__name__}") from error


def _report_of(item: Event, *, client_order_id: str) -> OrderReport:
    """Both markets call the same things by the same letters."""
    return OrderReport(
        client_order_id=client_order_id,
        exchange_order_id=whole(item["i"]),
        status=(STATUSES | TAKEN_OVER)[item["X"]],
        executed_quantity=amount(item["z"]),
        fills=(_fill_of(item),) if word(item["x"]) in EXECUTIONS and amount(item["l"]) else (),
    )


def _fill_of(item: Event) -> FillReport:
    price, quantity = amount(item["L"]), amount(item["l"])
    return FillReport(
        exchange_trade_id=whole(item["t"]),
        price=price,
        quantity=quantity,
        quote_quantity=price * quantity,
        commission=amount(item["n"]),
        commission_asset=word(item["N"]),
        executed_at=moment_of(whole(item["T"])),
    )

"""What the exchange tells of orders: the whole of it when it is asked, each fill by itself in its stream."""

from __future__ import annotations

from decimal import Decimal

from market.exchange.types import FillReport, OrderReport, ReportStatus
from market.paper.engine.futures.types import AlgoOrder
from market.paper.engine.types import Fill, Order
from market.types import moment_of
from tests.simulation.exchange import Ledger, OrderKey, to_decimal

STATUSES = {
    "NEW": ReportStatus.OPEN,
    "PARTIALLY_FILLED": ReportStatus.OPEN,
    "FILLED": ReportStatus.FILLED,
    "CANCELED": ReportStatus.CANCELED,
    "REJECTED": ReportStatus.REJECTED,
    "EXPIRED": ReportStatus.EXPIRED,
    "TRIGGERING": ReportStatus.OPEN,
}


class Reports:
    """Makes reports of what the ledger knows."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._told: dict[OrderKey, list[FillReport]] = {}

    def of_order(self, order: Order, market: str) -> OrderReport:
        """All that the exchange knows of an order."""
        return OrderReport(
            client_order_id=order.client_order_id,
            exchange_order_id=order.order_id,
            status=STATUSES[order.status],
            executed_quantity=to_decimal(order.executed_qty),
            fills=tuple(self._fills((market, order.symbol, order.order_id))),
        )

    def of_algo(self, algo: AlgoOrder) -> OrderReport:
        """A conditional order is told of by the order that it became, once it has been triggered."""
        if algo.actual_order_id:
            order = self._ledger.orders["futures", algo.symbol, algo.actual_order_id]
            return self.of_order(order, "futures")
        return OrderReport(algo.client_algo_id, algo.algo_id, STATUSES[algo.status], Decimal(0), ())

    def news_of(self, key: OrderKey) -> list[OrderReport]:
        """What the user data stream tells of an order's fills: each by itself, with what is executed by then."""
        order = self._ledger.orders[key]
        news, executed, whole = [], Decimal(0), to_decimal(order.orig_qty)
        for fill in self._fills(key):
            executed += fill.quantity
            status = ReportStatus.FILLED if executed == whole else ReportStatus.OPEN
            news.append(OrderReport(order.client_order_id, order.order_id, status, executed, (fill,)))
        return news

    def _fills(self, key: OrderKey) -> list[FillReport]:
        """An order's fills, oldest first."""
        fills, told = self._ledger.fills.get(key, ()), self._told.setdefault(key, [])
        told += [_fill_report(fill) for fill in fills[len(told) :]]
        return told


def _fill_report(fill: Fill) -> FillReport:
    return FillReport(
        exchange_trade_id=fill.trade_id,
        price=to_decimal(fill.price),
        quantity=to_decimal(fill.qty),
        quote_quantity=to_decimal(fill.quote_qty),
        commission=to_decimal(fill.commission),
        commission_asset=fill.commission_asset,
        executed_at=moment_of(fill.time_ms),
    )

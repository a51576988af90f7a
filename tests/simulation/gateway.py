"""The way to the exchange, with everything that goes wrong on it.

The laws of this world, which the protocol builds on: a request is refused when its validity has passed as it arrives,
the engine holds one for at most 10 s more, and an order that it accepted is invisible to questions for one stretch of
less than 5 s at most. All else may happen.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from market.exchange.errors import (
    ExchangeUnavailable,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
)
from market.exchange.types import (
    FillReport,
    OpenOrder,
    OrderReport,
    OrderRequest,
    OrderType,
    PairRequest,
    ReportStatus,
)
from market.paper.engine.futures.types import AlgoOrder, NewAlgoOrder, NewFuturesOrder
from market.paper.engine.spot.types import NewList, NewOrder
from market.paper.engine.types import Fill, Order, Rejected
from market.types import moment_of
from tests.simulation.books import Account
from tests.simulation.exchange import Exchange, to_decimal, to_units
from tests.simulation.fate import Fate

TIMEOUT_MS = 12_000
HELD_BY_ENGINE = timedelta(seconds=10)
HIDDEN_MS = 4_900
HIDING_MS = 25_000  # until after the books have begun to believe a "not found"
DUPLICATES = (-4116, "Duplicate order sent.")
STATUSES = {
    "NEW": ReportStatus.OPEN,
    "PARTIALLY_FILLED": ReportStatus.OPEN,
    "FILLED": ReportStatus.FILLED,
    "CANCELED": ReportStatus.CANCELED,
    "REJECTED": ReportStatus.REJECTED,
    "EXPIRED": ReportStatus.EXPIRED,
    "TRIGGERING": ReportStatus.OPEN,
}
SPOT_TYPES = {OrderType.MARKET: "MARKET", OrderType.STOP: "STOP_LOSS", OrderType.TARGET: "TAKE_PROFIT"}
FUTURES_TYPES = {OrderType.STOP: "STOP_MARKET", OrderType.TARGET: "TAKE_PROFIT_MARKET"}
T = TypeVar("T")


class Wire:
    """What all accounts share: the exchange, what is hidden there, reports of its fills."""

    def __init__(self, fate: Fate, exchange: Exchange) -> None:
        self.fate = fate
        self.exchange = exchange
        self.placements = 0
        self._hidden: dict[str, tuple[int, int]] = {}  # client id -> ms from, to
        self._told: dict[tuple[str, str, int], list[FillReport]] = {}

    def hide(self, client_id: str, *, in_doubt: bool) -> None:
        """Perhaps keep an order that was just accepted from questions: from its birth on, or later."""
        if self.fate.strikes("hidden_in_doubt" if in_doubt else "hidden"):
            begin = self.fate.scheduler.ms + max(self.fate.dice.between(-HIDING_MS, HIDING_MS), 0)
            self._hidden[client_id] = (begin, begin + self.fate.dice.between(0, HIDDEN_MS))

    def is_hidden(self, client_id: str) -> bool:
        """Whether questions don't find it now."""
        begin, end = self._hidden.get(client_id, (0, 0))
        return begin <= self.fate.scheduler.ms < end

    def report_of(self, order: Order, market: str) -> OrderReport:
        """All that the exchange knows of an order."""
        return OrderReport(
            client_order_id=order.client_order_id,
            exchange_order_id=order.order_id,
            status=STATUSES[order.status],
            executed_quantity=to_decimal(order.executed_qty),
            fills=tuple(self.fill_reports(market, order.symbol, order.order_id)),
        )

    def report_of_algo(self, algo: AlgoOrder) -> OrderReport:
        """A conditional order is told of by the order that it became, once it has been triggered."""
        if algo.actual_order_id:
            order = self.exchange.ledger.orders["futures", algo.symbol, algo.actual_order_id]
            return self.report_of(order, "futures")
        return OrderReport(algo.client_algo_id, algo.algo_id, STATUSES[algo.status], Decimal(0), ())

    def news_of(self, market: str, symbol: str, order_id: int) -> list[OrderReport]:
        """What the user data stream tells of an order's fills: each by itself, with what is executed by then."""
        order = self.exchange.ledger.orders[market, symbol, order_id]
        news, executed = [], Decimal(0)
        for fill in self.fill_reports(market, symbol, order_id):
            executed += fill.quantity
            status = ReportStatus.FILLED if executed == to_decimal(order.orig_qty) else ReportStatus.OPEN
            news.append(OrderReport(order.client_order_id, order_id, status, executed, (fill,)))
        return news

    def fill_reports(self, market: str, symbol: str, order_id: int) -> list[FillReport]:
        """An order's fills as reports tell them, oldest first."""
        key = (market, symbol, order_id)
        fills, told = self.exchange.ledger.fills.get(key, ()), self._told.setdefault(key, [])
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


class Gateway:
    """See ``market.exchange.gateway.OrderGateway``: one account's."""

    def __init__(self, wire: Wire, account: Account) -> None:
        self.wire = wire
        self.fate = wire.fate
        self.account = account

    def prepare(self) -> None:
        if self.fate.strikes("unprepared"):
            raise ExchangeUnavailable("the clock can't be measured")

    def submit(self, request: OrderRequest) -> OrderReport:
        self.wire.placements += 1
        found = self._send(request, lambda: self._place(request), (request.client_order_id,))
        return self._perhaps_without_fills(found, "unfilled_reply")

    def submit_pair(self, request: PairRequest) -> tuple[OrderReport, OrderReport]:
        self.wire.placements += 2
        ids = (request.stop.client_order_id, request.target.client_order_id)
        return self._send(request.stop, lambda: self._place_pair(request), ids)

    def cancel(self, symbol: str, client_order_id: str, kind: OrderType) -> None:
        fault = self.fate.trouble("cancel_lost", "cancel_limited", "cancel_outrun", "cancel_unanswered")
        doomed = self._travel()
        if fault == "cancel_limited":
            raise self._limit()
        if fault == "cancel_lost":
            self._time_out()
        if fault == "cancel_outrun":
            self._trigger(client_order_id, symbol, kind)
        self._cancel(symbol, client_order_id, kind)
        if doomed:
            self.fate.die()
        if fault == "cancel_unanswered":
            self._time_out()

    def find_order(self, symbol: str, client_order_id: str, kind: OrderType) -> OrderReport:
        fault = self.fate.trouble("unavailable", "question_limited", "stale_answer")
        self._travel()
        if fault == "unavailable":
            self.fate.scheduler.pause(self.fate.dice.between(10, 3_000))
            raise ExchangeUnavailable("no answer")
        if fault == "question_limited":
            raise self._limit()
        report = self._find(client_order_id, kind)
        if report is None or self.wire.is_hidden(client_order_id):
            raise OrderNotFound("Order does not exist.", code=-2013)
        if fault == "stale_answer" and report.exchange_order_id:
            return OrderReport(client_order_id, report.exchange_order_id, ReportStatus.OPEN, Decimal(0), ())
        return self._perhaps_without_fills(report, "unfilled_answer")

    def open_orders(self) -> list[OpenOrder]:
        raise NotImplementedError("no part of the protocol asks for them")

    # --- the way there and back

    def _travel(self) -> bool:
        """The way there; see `Fate.pause`."""
        return self.fate.pause(150)

    def _send(self, request: OrderRequest, place: Callable[[], T], client_ids: tuple[str, ...]) -> T:
        """Bring a request to the engine, or not, and its answer back, or not."""
        fault = self.fate.trouble("lost", "unanswered", "delayed", "refused", "limited", "clock_off", "forbidden")
        if fault == "delayed":
            self._deliver_later(request, place, client_ids)
        doomed = self._travel()
        if fault in ("lost", "delayed"):
            self._time_out()
        self._refuse(request, fault)
        try:
            answer = place()
        except Rejected as refusal:
            raise self._sorted(refusal) from None
        for client_id in client_ids:
            self.wire.hide(client_id, in_doubt=doomed or fault == "unanswered")
        if doomed:
            self.fate.die()
        if fault == "unanswered":
            self._time_out()
        return answer

    def _refuse(self, request: OrderRequest, fault: str) -> None:
        """Raise the exchange's no, before the engine has seen the request."""
        if fault == "limited":
            raise self._limit()
        if fault == "refused":
            raise OrderRejected("Account has insufficient balance for requested action.", code=-2010)
        if fault == "forbidden":
            raise PermissionDenied("Invalid API-key, IP, or permissions for action.", code=-2015)
        if fault == "clock_off" or self.fate.scheduler.clock() > request.signed_at + request.valid_for:
            raise OrderRejected("Timestamp for this request is outside of the recvWindow.", code=-1021)

    def _deliver_later(self, request: OrderRequest, place: Callable[[], object], client_ids: tuple[str, ...]) -> None:
        """The request is under way long after its sender has given up, or died."""
        valid_until = request.signed_at + request.valid_for
        delay = self.fate.dice.between(0, 20_000)

        def arrive() -> None:
            if self.fate.scheduler.clock() > valid_until + HELD_BY_ENGINE:
                return  # refused, and nobody is there to hear it
            try:
                place()
            except Rejected:
                return
            for client_id in client_ids:
                self.wire.hide(client_id, in_doubt=True)

        self.fate.scheduler.after(delay, arrive)

    def _time_out(self) -> None:
        self.fate.pause(TIMEOUT_MS)
        raise OutcomeUnknown("no answer in time")

    def _limit(self) -> RateLimited:
        return RateLimited(
            "Too many requests.", code=-1003, retry_after=timedelta(milliseconds=self.fate.dice.between(500, 5_000))
        )

    @staticmethod
    def _sorted(refusal: Rejected) -> OrderRejected | OutcomeUnknown:
        if refusal.code in DUPLICATES or refusal.msg in DUPLICATES:
            return OutcomeUnknown(refusal.msg, code=refusal.code)
        return OrderRejected(refusal.msg, code=refusal.code)

    def _perhaps_without_fills(self, report: OrderReport, fault: str) -> OrderReport:
        """The answer, or one whose fills lag behind what it counts."""
        if not report.fills or not self.fate.strikes(fault):
            return report
        kept = report.fills[: self.fate.dice.between(0, len(report.fills))]
        return OrderReport(
            report.client_order_id, report.exchange_order_id, report.status, report.executed_quantity, kept
        )

    # --- at the exchange

    @property
    def _is_spot(self) -> bool:
        return self.account.market == "spot"

    def _place(self, request: OrderRequest) -> OrderReport:
        exchange, now_ms = self.wire.exchange, self.fate.scheduler.epoch_ms
        quote = exchange.markets[self.account.market, request.symbol].quote
        if self._is_spot:
            order, fills = exchange.spot.place(self._spot_order(request), quote, now_ms)
        elif request.type.is_conditional:
            return self.wire.report_of_algo(exchange.futures.place_algo(self._algo(request), quote, now_ms))
        else:
            new = NewFuturesOrder(
                account_id=self.account.number,
                symbol=request.symbol,
                side=request.side.value,
                type="MARKET",
                client_order_id=request.client_order_id,
                quantity=to_units(request.quantity),
                reduce_only=request.reduce_only,
            )
            order, fills = exchange.futures.place(new, quote, now_ms)
        if fills:
            exchange.on_fills(fills)
        return self.wire.report_of(order, self.account.market)

    def _spot_order(self, request: OrderRequest) -> NewOrder:
        return NewOrder(
            account_id=self.account.number,
            symbol=request.symbol,
            side=request.side.value,
            type=SPOT_TYPES[request.type],
            client_order_id=request.client_order_id,
            quantity=to_units(request.quantity),
            stop_price=to_units(request.price) if request.price is not None else None,
        )

    def _algo(self, request: OrderRequest) -> NewAlgoOrder:
        assert request.price is not None
        return NewAlgoOrder(
            account_id=self.account.number,
            symbol=request.symbol,
            side=request.side.value,
            type=FUTURES_TYPES[request.type],
            client_algo_id=request.client_order_id,
            quantity=to_units(request.quantity),
            trigger_price=to_units(request.price),
            reduce_only=request.reduce_only,
        )

    def _place_pair(self, request: PairRequest) -> tuple[OrderReport, OrderReport]:
        exchange = self.wire.exchange
        quote = exchange.markets["spot", request.stop.symbol].quote
        new = NewList(request.list_client_id, self._spot_order(request.stop), self._spot_order(request.target))
        _, (stop, target) = exchange.spot.place_list(new, quote, self.fate.scheduler.epoch_ms)
        return self.wire.report_of(stop, "spot"), self.wire.report_of(target, "spot")

    def _is_algo(self, kind: OrderType) -> bool:
        return kind.is_conditional and not self._is_spot

    def _find(self, client_order_id: str, kind: OrderType) -> OrderReport | None:
        ledger, name = self.wire.exchange.ledger, (self.account.market, self.account.number, client_order_id)
        if self._is_algo(kind):
            algos = ledger.algos.get(name)
            return self.wire.report_of_algo(algos[-1]) if algos else None
        orders = ledger.named.get(name)
        return self.wire.report_of(orders[-1], self.account.market) if orders else None

    def _cancel(self, symbol: str, client_order_id: str, kind: OrderType) -> None:
        exchange, number, now_ms = self.wire.exchange, self.account.number, self.fate.scheduler.epoch_ms
        if self._is_algo(kind):
            algo = exchange.futures.open_algo(number, client_algo_id=client_order_id)
            if algo is None or algo.status != "NEW":
                raise OrderNotFound("Unknown order sent.", code=-2011)
            exchange.futures.cancel_algo(algo, now_ms)
            return
        order = exchange.spot.books[symbol].by_client_id(number, client_order_id) if self._is_spot else None
        if order is None:
            raise OrderNotFound("Unknown order sent.", code=-2011)
        exchange.spot.cancel(order, now_ms)

    def _trigger(self, client_order_id: str, symbol: str, kind: OrderType) -> None:
        """The price reaches the order's trigger just before its cancel arrives."""
        ledger, name = self.wire.exchange.ledger, (self.account.market, self.account.number, client_order_id)
        if self._is_algo(kind):
            price = ledger.algos[name][-1].trigger_price if name in ledger.algos else 0
        else:
            price = getattr(ledger.named[name][-1], "stop_price", 0) if name in ledger.named else 0
        if price:
            self.wire.exchange.set_price(self.wire.exchange.markets[self.account.market, symbol], price)

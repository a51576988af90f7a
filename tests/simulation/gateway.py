"""The way to the exchange, with everything that goes wrong on it.

The laws of this world, which the protocol builds on: a request is refused when its validity has passed as it arrives,
the engine holds one for at most 10 s more, and an order that it accepted is invisible to questions for one stretch of
less than 5 s at most. All else may happen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from market.exchange.types import OpenOrder, OrderReport, OrderRequest, OrderType, PairRequest, ReportStatus
from market.paper.engine.types import Rejected
from tests.simulation.desk import Desk
from tests.simulation.fate import Fate

ANSWER_MS = 150
TIMEOUT_MS = 12_000
DELAYED_MS = (0, 20_000)
JUST_IN_TIME_MS = (11_000, 15_000)
HELD_BY_ENGINE = timedelta(seconds=10)
HIDDEN_MS = 4_900
HIDING_MS = 20_000  # until after the books have begun to believe a "not found"
DUPLICATES = (-4116, "Duplicate order sent.")
T = TypeVar("T")


class Veil:
    """What the exchange has accepted and does not show yet, or for a moment."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate
        self._hidden: dict[str, tuple[int, int]] = {}  # client id -> ms from, to

    def draw(self, client_ids: Sequence[str], *, in_doubt: bool) -> None:
        """Perhaps keep orders that were just accepted from questions: from their birth on, or later."""
        dice = self._fate.dice
        for client_id in client_ids:
            if self._fate.strikes("hidden_in_doubt" if in_doubt else "hidden"):
                begin = self._fate.scheduler.ms + max(dice.between(-HIDING_MS // 3, HIDING_MS), 0)
                self._hidden[client_id] = (begin, begin + dice.between(1_000, HIDDEN_MS))

    def covers(self, client_id: str) -> bool:
        """Whether questions don't find the order now."""
        begin, end = self._hidden.get(client_id, (0, 0))
        return begin <= self._fate.scheduler.ms < end


class Gateway:
    """See ``market.exchange.gateway.OrderGateway``: one account's."""

    def __init__(self, fate: Fate, desk: Desk, veil: Veil) -> None:
        self.placements = 0
        self._fate = fate
        self._desk = desk
        self._veil = veil

    def prepare(self) -> None:
        if self._fate.strikes("unprepared"):
            raise ExchangeUnavailable("the clock can't be measured")

    def submit(self, request: OrderRequest) -> OrderReport:
        self.placements += 1
        ids = (request.client_order_id,)
        report = self._send(request, ids, lambda: self._desk.place(request, self._fate.scheduler.epoch_ms))
        return self._perhaps_without_fills(report, "unfilled_reply")

    def submit_pair(self, request: PairRequest) -> tuple[OrderReport, OrderReport]:
        self.placements += 2
        ids = (request.stop.client_order_id, request.target.client_order_id)
        return self._send(request.stop, ids, lambda: self._desk.place_pair(request, self._fate.scheduler.epoch_ms))

    def cancel(self, symbol: str, client_order_id: str, kind: OrderType) -> None:
        fault = self._fate.trouble("cancel_lost", "cancel_limited", "cancel_outrun", "cancel_unanswered")
        doomed = self._travel()
        if fault == "cancel_limited":
            raise self._limit()
        if fault == "cancel_lost":
            self._time_out()
        if fault == "cancel_outrun":
            self._desk.trigger(symbol, client_order_id, kind)
        try:
            self._desk.cancel(symbol, client_order_id, kind, self._fate.scheduler.epoch_ms)
        except Rejected as refusal:
            raise OrderNotFound(refusal.msg, code=refusal.code) from None
        self._answer(doomed=doomed, answered=fault != "cancel_unanswered")

    def find_order(self, symbol: str, client_order_id: str, kind: OrderType) -> OrderReport:
        fault = self._fate.trouble("unavailable", "question_limited", "stale_answer")
        self._travel()
        if fault == "unavailable":
            self._fate.pause(TIMEOUT_MS)
            raise ExchangeUnavailable("no answer")
        if fault == "question_limited":
            raise self._limit()
        report = self._desk.find(client_order_id, kind)
        if report is None or self._veil.covers(client_order_id):
            raise OrderNotFound("Order does not exist.", code=-2013)
        if fault == "stale_answer":  # as it was when it was accepted
            return OrderReport(client_order_id, report.exchange_order_id, ReportStatus.OPEN, Decimal(0), ())
        return self._perhaps_without_fills(report, "unfilled_answer")

    def open_orders(self, symbol: str | None = None) -> list[OpenOrder]:
        raise NotImplementedError("no part of the protocol asks for them")

    # --- the way there and back

    def _send(self, request: OrderRequest, client_ids: Sequence[str], place: Callable[[], T]) -> T:
        """Bring a request to the engine, or not, and its answer back, or not."""
        fault = self._fate.trouble("lost", "unanswered", "delayed", "refused", "limited", "clock_off", "forbidden")
        if fault == "delayed":
            self._deliver_later(request, client_ids, place)
        doomed = self._travel()
        if fault in ("lost", "delayed"):
            self._time_out()
        self._refuse(request, fault)
        try:
            answer = place()
        except Rejected as refusal:
            if refusal.code in DUPLICATES or refusal.msg in DUPLICATES:
                raise OutcomeUnknown(refusal.msg, code=refusal.code) from None
            raise OrderRejected(refusal.msg, code=refusal.code) from None
        self._veil.draw(client_ids, in_doubt=doomed or fault == "unanswered")
        self._answer(doomed=doomed, answered=fault != "unanswered")
        return answer

    def _deliver_later(self, request: OrderRequest, client_ids: Sequence[str], place: Callable[[], object]) -> None:
        """The request is under way long after its sender has given up, or died."""
        valid_until = request.signed_at + request.valid_for + HELD_BY_ENGINE

        def arrive() -> None:
            if self._fate.scheduler.clock() > valid_until:
                return  # refused, and nobody is there to hear it
            try:
                place()
            except Rejected:
                return
            self._veil.draw(client_ids, in_doubt=True)

        dice = self._fate.dice
        late = JUST_IN_TIME_MS if dice.happens(0.5) else DELAYED_MS
        self._fate.scheduler.after(dice.between(*late), arrive)

    def _refuse(self, request: OrderRequest, fault: str) -> None:
        """Raise the exchange's no, before the engine has seen the request."""
        if fault == "limited":
            raise self._limit()
        if fault == "refused":
            raise OrderRejected("Account has insufficient balance for requested action.", code=-2010)
        if fault == "forbidden":
            raise PermissionDenied("Invalid API-key, IP, or permissions for action.", code=-2015)
        if fault == "clock_off" or self._fate.scheduler.clock() > request.signed_at + request.valid_for:
            raise OrderRejected("Timestamp for this request is outside of the recvWindow.", code=-1021)

    def _travel(self) -> bool:
        """The way there; see `Fate.pause`."""
        return self._fate.pause(ANSWER_MS)

    def _answer(self, *, doomed: bool, answered: bool) -> None:
        """The way back: the worker may be gone, or hear nothing."""
        if doomed:
            self._fate.die()
        if not answered:
            self._time_out()

    def _time_out(self) -> None:
        self._fate.pause(TIMEOUT_MS)
        raise OutcomeUnknown("no answer in time")

    def _limit(self) -> RateLimited:
        retry_after = timedelta(milliseconds=self._fate.dice.between(500, 5_000))
        return RateLimited("Too many requests.", code=-1003, retry_after=retry_after)

    def _perhaps_without_fills(self, report: OrderReport, fault: str) -> OrderReport:
        """The answer, or one whose fills lag behind what it counts."""
        if not report.fills or not self._fate.strikes(fault):
            return report
        kept = report.fills[: self._fate.dice.between(0, len(report.fills))]
        executed = report.executed_quantity
        return OrderReport(report.client_order_id, report.exchange_order_id, report.status, executed, kept)

"""Faults of trading: fills that are only partial, cancels that come too late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from market.paper.engine.amounts import SCALE, round_down
from market.paper.engine.types import Order
from market.paper.faults.calls import LONGEST_SECONDS, MS_PER_SECOND
from market.paper.faults.kinds import HandlerFault
from market.paper.faults.params import number
from market.paper.venue import Venue
from market.paper.web.call import Call, Handler

PLACING = ("/api/v3/order", "/fapi/v1/order")
CANCELLING = (*PLACING, "/api/v3/openOrders", "/fapi/v1/allOpenOrders")
MILLIONTHS = 1_000_000


@dataclass(frozen=True)
class PartialFill(HandlerFault):
    """A new order gets only a part of what it could. A MARKET or IOC order's rest expires, a GTC order's rest stays:
    it fills when the price next comes to it, but not before ``rest_seconds`` have passed."""

    fill_percent: float = number(0, 99.99, 30)
    rest_seconds: float = number(0, LONGEST_SECONDS, 0)

    def concerns(self, call: Call) -> bool:
        """Placements."""
        return call.endpoint.method == "POST" and call.endpoint.path in PLACING

    def handle(self, call: Call, *, handler: Handler) -> Any:
        """Do what the handler does, with little on the other side of the book."""
        venue = _venue_of(call)
        venue.most = self._most(call, venue)
        try:
            placed = handler(call)
        finally:
            venue.most = None
        if self.rest_seconds:
            book = venue.engine.books[placed["symbol"]]
            order = book.by_id(call.account.account_id, placed["orderId"])
            if order is not None and book.is_resting(order):
                call.exchange.faults.park(venue, order, call.now_ms + int(self.rest_seconds * MS_PER_SECOND))
        return placed

    def _most(self, call: Call, venue: Venue[Any]) -> int | None:
        """The part of the order, in whole lots; None when the parameters make no order anyway."""
        params, symbol = call.params, call.params.symbol(venue.engine.rules)
        quantity, quote_qty = params.amount("quantity"), params.amount("quoteOrderQty")
        if quantity is None and quote_qty is not None:
            quantity = quote_qty * SCALE // venue.quote(symbol, call.now_ms).ask
        if quantity is None:
            return None
        share = quantity * round(self.fill_percent * MILLIONTHS) // (100 * MILLIONTHS)
        return round_down(share, venue.engine.rules[symbol].lot.step or 1)


@dataclass(frozen=True)
class CancelLoses(HandlerFault):
    """The order that is to be cancelled fills just before, at its own price: the cancel gets -2011. Only orders that
    rest in the book; those that wait for a trigger are cancelled as usual."""

    def concerns(self, call: Call) -> bool:
        """Cancels, of one order or of all."""
        return call.endpoint.method == "DELETE" and call.endpoint.path in CANCELLING

    def handle(self, call: Call, *, handler: Handler) -> Any:
        """Fill what is asked for, then do what the handler does: it finds nothing."""
        venue = _venue_of(call)
        for order in self._asked_for(call, venue):
            # The fill of one may be the end of another.
            if venue.engine.books[order.symbol].by_id(order.account_id, order.order_id) is order:
                venue.credit(venue.engine.fill_resting(order, call.now_ms))
        return handler(call)

    def _asked_for(self, call: Call, venue: Venue[Any]) -> list[Order]:
        book, account_id = venue.engine.books[call.params.symbol(venue.engine.rules)], call.account.account_id
        if call.endpoint.path not in PLACING:
            return [order for order in book.of_account(account_id) if book.is_resting(order)]
        order_id, client_id = call.params.integer("orderId"), call.params.text("origClientOrderId")
        if order_id is not None:
            order = book.by_id(account_id, order_id)
        else:
            order = book.by_client_id(account_id, client_id or "")
        return [order] if order is not None and book.is_resting(order) else []


def _venue_of(call: Call) -> Venue[Any]:
    return call.exchange.venues[str(call.endpoint.market)]

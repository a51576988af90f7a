"""Whether an order may be accepted: Binance's checks in Binance's order. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from market.paper.engine.amounts import round_down, times_up
from market.paper.engine.book import Book
from market.paper.engine.ladder import Slice
from market.paper.engine.spot.balances import Balances
from market.paper.engine.spot.filters import (
    check_count,
    check_filters,
    check_lists,
    check_position,
    check_precision,
    check_special_counts,
    check_support,
)
from market.paper.engine.spot.rules import SymbolRules
from market.paper.engine.spot.stops import BASIS_POINTS
from market.paper.engine.spot.trading import Trading, cost_of
from market.paper.engine.spot.types import STOP_TYPES, NewList, NewOrder, SpotOrder
from market.paper.engine.types import Quote, Rejected


class Admission:
    """The door of the exchange. ``statuses`` are those of the symbols, as they are now."""

    def __init__(
        self, rules: Mapping[str, SymbolRules], statuses: Mapping[str, str], balances: Balances, trading: Trading
    ) -> None:
        self._rules = rules
        self._statuses = statuses
        self._balances = balances
        self._trading = trading

    def require_filters(self, new: NewOrder, quote: Quote) -> int:
        """The base quantity of an order; raise Rejected when it breaks a rule of the symbol."""
        rules, book = self._rules[new.symbol], self._trading.books[new.symbol]
        check_precision(new, rules)
        check_support(new, rules)
        quantity = new.quantity or self._quantity_for(new, rules, quote)
        check_filters(new, quantity, rules, quote)
        account_id = new.account_id
        check_count(book.count_of(account_id) + 1, rules)
        if new.type in STOP_TYPES or new.iceberg_qty is not None:
            check_special_counts((new,), book.of_account(account_id), rules)
        if rules.max_position and new.side == "BUY":
            check_position(self._held_and_wanted(account_id, rules, book) + quantity, rules)
        return quantity

    def judge(self, new: NewOrder, quote: Quote) -> tuple[int, list[Slice]]:
        """The base quantity of an order that may be accepted, and what it would take now; raise Rejected otherwise."""
        quantity = self.require_filters(new, quote)
        rules = self._rules[new.symbol]
        self._require_open(new.symbol)
        self._require_unused(new, self._trading.books[new.symbol])
        slices: list[Slice] = []
        if new.type not in STOP_TYPES:
            slices = self._trading.ladder.walk(new.symbol, quote, new.side, quantity, new.price or 0)
        asset, amount = _needs(new, quantity, slices, rules, quote)
        self._balances.require_free(new.account_id, asset, amount)
        if triggers(new, quote):
            raise Rejected(-2010, "Order would trigger immediately.")
        if new.type == "LIMIT_MAKER" and is_marketable(new, quote):
            raise Rejected(-2010, "Order would immediately match and take.")
        return quantity, slices

    def judge_list(self, new: NewList, quote: Quote) -> tuple[int, int]:
        """The base quantities of both orders of a list that may be accepted; raise Rejected otherwise."""
        stop, other = new.stop, new.other
        rules, book, account_id = self._rules[stop.symbol], self._trading.books[stop.symbol], stop.account_id
        lists = self._trading.lists
        quantities = self.require_filters(stop, quote), self.require_filters(other, quote)
        check_count(book.count_of(account_id) + 2, rules)
        check_special_counts((stop, other), book.of_account(account_id), rules)
        check_lists(len(lists.of_account(account_id, stop.symbol)), rules)
        self._require_open(stop.symbol)
        if lists.by_client_id(account_id, new.client_order_id) or stop.client_order_id == other.client_order_id:
            raise Rejected(-2010, "Duplicate order sent.")
        self._require_unused(stop, book)
        self._require_unused(other, book)
        needs = [
            _needs(leg, quantity, (), rules, quote) for leg, quantity in zip((stop, other), quantities, strict=True)
        ]
        asset, amount = max(needs)
        self._balances.require_free(account_id, asset, amount)
        if triggers(stop, quote) or triggers(other, quote) or _is_beyond(other, quote):
            raise Rejected(-2010, "The relationship of the prices for the orders is not correct.")
        return quantities

    def _require_open(self, symbol: str) -> None:
        if self._statuses[symbol] != "TRADING":
            raise Rejected(-1013, "Market is closed.")

    def _require_unused(self, new: NewOrder, book: Book[SpotOrder]) -> None:
        if book.by_client_id(new.account_id, new.client_order_id):
            raise Rejected(-2010, "Duplicate order sent.")

    def _quantity_for(self, new: NewOrder, rules: SymbolRules, quote: Quote) -> int:
        """As many whole lot steps as a quote amount pays for (or as must be sold for it)."""
        quantity = self._trading.ladder.worth(new.symbol, quote, new.side, new.quote_order_qty or 0)
        return round_down(quantity, rules.lot.step or 1)

    def _held_and_wanted(self, account_id: int, rules: SymbolRules, book: Book[SpotOrder]) -> int:
        held = self._balances.of(account_id, rules.base)
        buying = sum(order.remaining_qty for order in book.of_account(account_id) if order.side == "BUY")
        return held.free + held.locked + buying


def is_marketable(new: NewOrder, quote: Quote) -> bool:
    """True when the order would trade at once."""
    if new.price is None:
        return True
    return new.price >= quote.ask if new.side == "BUY" else new.price <= quote.bid


def triggers(new: NewOrder, quote: Quote) -> bool:
    """True when a stop price is already reached."""
    if new.stop_price is None:
        return False
    return new.stop_price <= quote.last if new.rises else new.stop_price >= quote.last


def reserve_price(new: NewOrder, quote: Quote) -> int:
    """What a trailing buy at market may cost if the price turns now."""
    return quote.last * (BASIS_POINTS + (new.trailing_delta or 0)) // BASIS_POINTS


def _is_beyond(new: NewOrder, quote: Quote) -> bool:
    """True when a limit order is on the wrong side of the last price to rest in a list."""
    if new.type != "LIMIT_MAKER" or new.price is None:
        return False
    return new.price >= quote.last if new.side == "BUY" else new.price <= quote.last


def _needs(new: NewOrder, quantity: int, slices: Iterable[Slice], rules: SymbolRules, quote: Quote) -> tuple[str, int]:
    """Asset and amount that must be free for the order."""
    if new.side == "SELL":
        return rules.base, quantity
    if new.quote_order_qty is not None:
        return rules.quote, new.quote_order_qty
    if new.price is not None:
        return rules.quote, times_up(new.price, quantity)
    if new.type in STOP_TYPES:
        return rules.quote, times_up(new.stop_price or reserve_price(new, quote), quantity)
    return rules.quote, cost_of("BUY", slices)

"""The spot exchange itself: commands and prices in, changes into the journal. One thread, no clock, no I/O.

Every command validates everything before it changes anything, so a ``Rejected`` leaves no trace. What is told to the
user data stream is described in news.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from market.paper.engine.amounts import SCALE
from market.paper.engine.book import Book
from market.paper.engine.journal import Journal
from market.paper.engine.spot.admission import Admission, reserve_price
from market.paper.engine.spot.balances import Balances
from market.paper.engine.spot.filters import check_amend
from market.paper.engine.spot.lists import Lists
from market.paper.engine.spot.news import Reporter
from market.paper.engine.spot.rules import SymbolRules
from market.paper.engine.spot.settlement import Settlement
from market.paper.engine.spot.tables import ORDER_LISTS
from market.paper.engine.spot.trading import Trading
from market.paper.engine.spot.types import NO_LIST, STOP_TYPES, NewList, NewOrder, OrderList, SpotOrder, SpotState
from market.paper.engine.tables import SETTINGS
from market.paper.engine.types import Fill, Quote, Rejected

COMMISSION_RATE = SCALE // 1000

# Above 2**32, as on Binance. Ids are numbered by symbol: every symbol begins here, so that a client that takes an id
# for unique without its symbol mixes up two orders here, not in production.
FIRST_ORDER_ID = 40_000_000_001


class SpotEngine:
    """Accounts, orders and fills of all symbols."""

    def __init__(
        self,
        rules: Mapping[str, SymbolRules],
        journal: Journal,
        state: SpotState | None = None,
        *,
        commission_rate: int = COMMISSION_RATE,
    ) -> None:
        state = state or SpotState()
        self.rules = rules
        self.commission_rate = commission_rate
        self.balances = Balances(journal)
        self.balances.restore(state.balances)
        self.statuses = dict.fromkeys(rules, "TRADING") | {s: v for s, v in state.statuses.items() if s in rules}
        self._journal = journal
        self._next_order_ids = dict(state.next_order_ids)
        self._next_list_id = state.next_list_id
        self._report = Reporter(journal, self.balances)
        next_trade_ids, burners = dict(state.next_trade_ids), set(state.bnb_burners)
        self._settlement = Settlement(self.balances, journal, commission_rate, next_trade_ids, burners)
        self._trading = Trading(rules, journal, self.balances, self._settlement, self._report)
        self._trading.restore(state.open_orders, state.open_lists)
        self._admission = Admission(rules, self.statuses, self.balances, self._trading)

    @property
    def books(self) -> Mapping[str, Book[SpotOrder]]:
        """The open orders by symbol, those that wait for a stop price included."""
        return self._trading.books

    @property
    def lists(self) -> Lists:
        """The open order lists."""
        return self._trading.lists

    @property
    def bnb_price(self) -> int | None:
        """The price of BNB in USDT; None while nobody knows it. Whoever has prices sets it."""
        return self._settlement.bnb_price

    @bnb_price.setter
    def bnb_price(self, price: int | None) -> None:
        self._settlement.bnb_price = price

    def burns_bnb(self, account_id: int) -> bool:
        """True when the account pays its commissions in BNB if it can."""
        return account_id in self._settlement.bnb_burners

    def discounts(self, symbol: str) -> bool:
        """True when the symbol's commissions can be paid in BNB."""
        return self._settlement.discounts(self.rules[symbol])

    def set_bnb_burn(self, account_id: int, *, burn: bool) -> None:
        """Let an account pay its commissions in BNB, or no more."""
        burners = self._settlement.bnb_burners
        (burners.add if burn else burners.discard)(account_id)
        key = f"bnb_burn:{account_id}"
        self._journal.put(SETTINGS, key, (key, str(burn).lower()))

    def deposit(self, account_id: int, asset: str, amount: int, now_ms: int) -> None:
        """Change what an account has from outside (negative: take it away). Raises -2010 when it has less."""
        if amount < 0:
            self.balances.require_free(account_id, asset, -amount)
        self.balances.add(account_id, asset, amount)
        self._report.change(account_id, asset, amount, now_ms)
        self._report.balances(account_id, (asset,), now_ms)

    def set_status(self, symbol: str, status: str) -> None:
        """Let a symbol trade (TRADING) or not (BREAK, HALT, END_OF_DAY, CANCEL_ONLY).

        When it does not, open orders stay and may be cancelled, none is accepted, no price fills or wakes one.
        """
        self.statuses[symbol] = status
        key = f"status:spot:{symbol}"
        self._journal.put(SETTINGS, key, (key, status))

    def check(self, new: NewOrder, quote: Quote) -> None:
        """Raise Rejected when the order would not be accepted."""
        self._admission.judge(new, quote)

    def check_filters(self, new: NewOrder, quote: Quote) -> None:
        """Raise Rejected when the order breaks a rule of its symbol, whatever the account has and whatever is open."""
        self._admission.require_filters(new, quote)

    def place(self, new: NewOrder, quote: Quote, now_ms: int) -> tuple[SpotOrder, list[Fill]]:
        """Accept an order: fill what the ladder gives, let the rest stay, wait or expire. Raises Rejected."""
        quantity, slices = self._admission.judge(new, quote)
        order = self._accept(new, quantity, quote, now_ms)
        if order.type not in STOP_TYPES:
            return order, self._trading.work(order, quote, slices, now_ms)
        self._trading.lock(order)
        self._trading.wait(order, now_ms)
        self._tell_balances(order, now_ms)
        return order, []

    def place_list(self, new: NewList, quote: Quote, now_ms: int) -> tuple[OrderList, list[SpotOrder]]:
        """Accept an OCO pair: the list, the stop order and the other one. Raises Rejected."""
        quantities = self._admission.judge_list(new, quote)
        list_id, self._next_list_id = self._next_list_id, self._next_list_id + 1
        stop, other = (
            self._accept(leg, quantity, quote, now_ms, list_id)
            for leg, quantity in zip((new.stop, new.other), quantities, strict=True)
        )
        pair = OrderList(
            order_list_id=list_id,
            account_id=stop.account_id,
            symbol=stop.symbol,
            client_order_id=new.client_order_id,
            order_ids=(stop.order_id, other.order_id),
            client_ids=(stop.client_order_id, other.client_order_id),
            status="EXECUTING",
            time_ms=now_ms,
            update_ms=now_ms,
        )
        self.lists.add(pair)
        self._journal.put(ORDER_LISTS, list_id, pair)
        self._trading.lock(stop, other)
        self._trading.wait(stop, now_ms)
        (self._trading.wait if other.type in STOP_TYPES else self._trading.rest)(other, now_ms)
        self._report.pair(pair, "EXEC_STARTED", now_ms)
        self._tell_balances(stop, now_ms)
        return pair, [stop, other]

    def cancel(self, order: SpotOrder, now_ms: int, *, cancel_id: str = "") -> tuple[OrderList | None, list[SpotOrder]]:
        """Cancel an open order; with it goes the other order of its list. Returns the list, if any, and the orders."""
        pair = self.lists.get(order.order_list_id)
        if pair is not None:
            return pair, self.cancel_list(pair, now_ms, cancel_id=cancel_id)
        self._trading.end([order], "CANCELED", now_ms, cancel_id=cancel_id)
        return None, [order]

    def cancel_list(self, pair: OrderList, now_ms: int, *, cancel_id: str = "") -> list[SpotOrder]:
        """Cancel both orders of an open list."""
        legs = self._trading.legs(pair)
        self._trading.end(legs, "CANCELED", now_ms, cancel_id=cancel_id)
        self._trading.list_done(pair, now_ms)
        return legs

    def amend(self, order: SpotOrder, quantity: int, client_order_id: str, now_ms: int) -> int:
        """Cut an open order down, where it stands, and rename it; return the execution id. Raises -2038, -2010, -1013.

        The other order of its list is cut down with it.
        """
        rules, book = self.rules[order.symbol], self.books[order.symbol]
        pair = self.lists.get(order.order_list_id)
        check_amend(order, quantity, rules)
        renamed = client_order_id != order.client_order_id
        if renamed and book.by_client_id(order.account_id, client_order_id):
            raise Rejected(-2010, "Duplicate order sent.")
        former = order.client_order_id
        self._trading.cut(self._trading.legs(pair) if pair else [order], quantity, now_ms)
        if renamed:
            book.rename(order, client_order_id)
        if pair and renamed:
            first, second = pair.client_ids
            pair.client_ids = (client_order_id, second) if former == first else (first, client_order_id)
            pair.update_ms = now_ms
            self._journal.put(ORDER_LISTS, pair.order_list_id, pair)
        execution_id = self._report.order(order, "REPLACED", now_ms, orig_client_id=former)
        if pair and renamed:
            self._report.pair(pair, "UPDATED", now_ms)
        self._tell_balances(order, now_ms)
        return execution_id

    def on_quote(self, symbol: str, quote: Quote, now_ms: int) -> list[Fill]:
        """Fill the resting orders that the market comes to, then wake the stop orders that waited for it."""
        if self.statuses[symbol] != "TRADING":
            return []
        trading = self._trading
        fills = trading.match(symbol, quote, now_ms) if trading.books[symbol].rests else []
        if trading.stops[symbol]:
            fills += trading.wake(symbol, quote, now_ms)
        return fills

    def fill_resting(self, order: SpotOrder, now_ms: int) -> list[Fill]:
        """Fill all that is left of a resting order at its own limit, wherever the market is. For faults."""
        return [self._trading.fill_resting(order, order.remaining_qty, now_ms)]

    def watches(self, symbol: str) -> bool:
        """True when a price of the symbol could change anything."""
        return self._trading.books[symbol].rests or bool(self._trading.stops[symbol])

    def open_orders(self, account_id: int, symbol: str | None = None) -> list[SpotOrder]:
        """The account's open orders, oldest first."""
        books: Iterable[Book[SpotOrder]] = self.books.values() if symbol is None else [self.books[symbol]]
        found = [order for book in books for order in book.of_account(account_id)]
        return sorted(found, key=lambda order: (order.time_ms, order.order_id))

    def state(self) -> SpotState:
        """Everything a restart must find again, in a settled order."""
        held = [balance for balance in self.balances.everything() if balance.free or balance.locked]
        orders = [order for book in self.books.values() for order in book.everything()]
        return SpotState(
            balances=sorted(held, key=lambda balance: (balance.account_id, balance.asset)),
            open_orders=sorted(orders, key=lambda order: (order.symbol, order.order_id)),
            open_lists=self.lists.everything(),
            statuses=self.statuses,
            bnb_burners=self._settlement.bnb_burners,
            next_order_ids=self._next_order_ids,
            next_trade_ids=self._settlement.next_trade_ids,
            next_list_id=self._next_list_id,
        )

    def _accept(
        self, new: NewOrder, quantity: int, quote: Quote, now_ms: int, order_list_id: int = NO_LIST
    ) -> SpotOrder:
        symbol, price = new.symbol, new.price or 0
        order_id = self._next_order_ids.get(symbol, FIRST_ORDER_ID)
        self._next_order_ids[symbol] = order_id + 1
        order = SpotOrder(
            order_id=order_id,
            account_id=new.account_id,
            symbol=symbol,
            client_order_id=new.client_order_id,
            side=new.side,
            type=new.type,
            time_in_force=new.time_in_force,
            status="NEW",
            price=price,
            orig_qty=quantity,
            orig_quote_order_qty=new.quote_order_qty or 0,
            time_ms=now_ms,
            update_ms=now_ms,
            order_list_id=order_list_id,
            iceberg_qty=new.iceberg_qty or 0,
            strategy_id=new.strategy_id,
            strategy_type=new.strategy_type,
            self_trade_prevention=new.self_trade_prevention,
        )
        if new.type in STOP_TYPES:
            order.stop_price, order.trailing_delta = new.stop_price or 0, new.trailing_delta or 0
            if not order.stop_price:
                order.trailing_ms, order.trailing_best = now_ms, quote.last
                order.reserve_price = reserve_price(new, quote)
        return order

    def _tell_balances(self, order: SpotOrder, now_ms: int) -> None:
        rules = self.rules[order.symbol]
        self._report.balances(order.account_id, (rules.base, rules.quote), now_ms)

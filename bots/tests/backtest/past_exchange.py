"""The paper exchange's engine in process, on recorded candles, at whatever time a test says it is. As a gateway."""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np

from market.exchange.errors import OrderNotFound, OrderRejected, TriggersAtOnce
from market.exchange.types import Balance, ExchangePosition, FuturesSetup, MarginBracket, Quote
from market.paper.engine.amounts import SCALE
from market.paper.engine.futures.engine import FuturesEngine
from market.paper.engine.futures.rules import futures_rules_of
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.spot.rules import rules_of as spot_rules_of
from market.paper.engine.types import Quote as EngineQuote
from market.paper.engine.types import Rejected
from market.paper.prices.recording import DATA, INFO_FILES
from market.types import Candles, Side
from tests.simulation.desk import Desk
from tests.simulation.exchange import Ledger, to_decimal
from tests.simulation.reports import Reports
from tests.simulation.rows import Account

ACCOUNT = 1
SYMBOL = "BTCUSDT"
WEALTH = 1_000_000 * SCALE
LARGE = 10**9 * SCALE


def symbol_entry(market: str) -> dict[str, Any]:
    """What the recorded exchangeInfo says of BTCUSDT."""
    symbols = json.loads((DATA / INFO_FILES[market]).read_text())["symbols"]
    return next(entry for entry in symbols if entry["symbol"] == SYMBOL)


def recorded_brackets() -> list[dict[str, Any]]:
    rows = json.loads((DATA / "futures_leverage_brackets.json").read_text())
    return next(row["brackets"] for row in rows if row["symbol"] == SYMBOL)


class PastExchange:
    """One account that trades one symbol. There is no spread, and enough of everything.

    ``at_close`` lets a candle be over: whoever asks hears its close, and whoever orders gets the open of the next one.
    """

    def __init__(self, market: str, candles: Candles, interval_ms: int) -> None:
        self.ledger = Ledger()
        entry = symbol_entry(market)
        self.spot = SpotEngine({SYMBOL: spot_rules_of(symbol_entry("spot"))}, self.ledger)
        futures_rules = futures_rules_of(symbol_entry("futures"), recorded_brackets())
        self.futures = FuturesEngine({SYMBOL: futures_rules}, self.ledger)
        self.engine = self.spot if market == "spot" else self.futures
        self.engine.deposit(ACCOUNT, "USDT", WEALTH, 0)
        self.markets = {(market, SYMBOL): SimpleNamespace(quote=None)}
        self.on_fills: Callable[[Any], None] = lambda fills: None
        self.now_ms = 0
        self._market, self._entry, self._candles, self._interval_ms = market, entry, candles, interval_ms
        self._desk = Desk(self, Reports(self.ledger), Account(ACCOUNT, market))
        self._index, self._step, self._asked = 0, 0, 0.0

    # --- what happens

    def at_close(self, index: int) -> None:
        self._index, self._asked = index, float(self._candles.close[index])
        self.now_ms = int(self._candles.open_time_ms[index + 1])
        self._quote_at(self._units(self._candles.open[index + 1]))

    def during(self, index: int, *, side: Side | None) -> None:
        """A candle passes: its open, the extreme that is worse for this side, the other one, its close.

        A price goes its way: whatever waits in between is met at its own price.
        """
        candles = self._candles
        self.now_ms = int(candles.open_time_ms[index]) + self._interval_ms // 2
        low, high = candles.low[index], candles.high[index]
        way = (low, high) if side is not Side.SELL else (high, low)
        self._wake(self._units(candles.open[index]))
        for price in (*way, candles.close[index]):
            self._go_to(self._units(price))

    def _go_to(self, price: int) -> None:
        last = self.markets[self._market, SYMBOL].quote.last
        low, high = min(last, price), max(last, price)
        met = sorted(trigger for trigger in self._triggers() if low < trigger < high)
        for each in (*(met if price > last else reversed(met)), price):
            self._wake(each)

    def _triggers(self) -> set[int]:
        if self._market == "futures":
            return {algo.trigger_price for algo in self.futures.open_algos(ACCOUNT)}
        return {order.stop_price for order in self.spot.open_orders(ACCOUNT) if order.stop_price}

    def _wake(self, price: int) -> None:
        self._quote_at(price)
        self.engine.on_quote(SYMBOL, self.markets[self._market, SYMBOL].quote, self.now_ms)

    def _quote_at(self, price: int) -> None:
        self._step += 1
        names = dict.fromkeys(("last", "bid", "ask", "average", "mark", "index"), price)
        quote = EngineQuote(step=self._step, gap=SCALE // 100, level_qty=LARGE, levels=1, **names)
        self.markets[self._market, SYMBOL].quote = quote

    @staticmethod
    def _units(price: float) -> int:
        return round(Decimal(repr(float(price))) * SCALE)

    # --- the gateway: public

    def clock_offset(self) -> timedelta:
        return timedelta()

    def prices(self) -> dict[str, Decimal]:
        return {SYMBOL: Decimal(repr(self._asked))}

    def quote(self, symbol: str) -> Quote:
        price = to_decimal(self.markets[self._market, symbol].quote.last)
        return Quote(price, Decimal(1000), price, Decimal(1000))

    def candles(self, symbol, interval, *, limit, until=None):
        """The closed ones and the one that has just opened."""
        names = ("open_time_ms", "open", "high", "low", "close", "volume")
        rows = np.column_stack([getattr(self._candles, name)[: self._index + 2] for name in names])
        return rows[-limit:].astype(np.float64)

    def symbols(self):
        return [self._entry]

    def weight_limit(self) -> int:
        return 6000

    # --- the gateway: the account

    def prepare(self) -> None:
        pass

    def submit(self, request):
        return self._sorted(lambda: self._desk.place(request, self.now_ms))

    def submit_pair(self, request):
        return self._sorted(lambda: self._desk.place_pair(request, self.now_ms))

    def cancel(self, symbol, client_order_id, kind) -> None:
        try:
            self._desk.cancel(symbol, client_order_id, kind, self.now_ms)
        except Rejected as refusal:
            raise OrderNotFound(refusal.msg, code=refusal.code) from None

    def find_order(self, symbol, client_order_id, kind):
        found = self._desk.find(client_order_id, kind)
        if found is None:
            raise OrderNotFound("Order does not exist.", code=-2013)
        return found

    def balances(self) -> list[Balance]:
        return [Balance("USDT", to_decimal(WEALTH), Decimal(0))]

    def positions(self) -> list[ExchangePosition]:
        views = self.futures.positions(ACCOUNT, only_held=True)
        return [
            ExchangePosition(
                view.symbol,
                to_decimal(view.quantity),
                to_decimal(view.entry_price),
                to_decimal(view.mark_price),
                to_decimal(view.liquidation_price) or None,
                to_decimal(view.unrealized),
            )
            for view in views
            if view.quantity
        ]

    def futures_setup(self, symbol) -> FuturesSetup:
        config = self.futures.symbol_config(ACCOUNT, symbol)
        return FuturesSetup(
            config.leverage, config.margin_type == "ISOLATED", is_hedge_mode=False, is_multi_assets=False
        )

    def set_leverage(self, symbol, leverage) -> int:
        self.futures.set_leverage(ACCOUNT, symbol, leverage, self.now_ms)
        return leverage

    def set_isolated(self, symbol, *, isolated) -> None:
        self.futures.set_margin_type(ACCOUNT, symbol, "ISOLATED" if isolated else "CROSSED", self.now_ms)

    def margin_brackets(self, symbol) -> list[MarginBracket]:
        return [
            MarginBracket(Decimal(str(row["maintMarginRatio"])), Decimal(str(row["cum"])))
            for row in recorded_brackets()
        ]

    def _sorted(self, place):
        try:
            return place()
        except Rejected as refusal:
            at_once = "trigger immediately" in refusal.msg
            raise (TriggersAtOnce if at_once else OrderRejected)(refusal.msg, code=refusal.code) from None

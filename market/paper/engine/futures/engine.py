"""The futures exchange itself: commands and prices in, changes into the journal. One thread, no clock, no I/O.

Every command validates everything before it changes anything, so a ``Rejected`` leaves no trace.
"""

from __future__ import annotations

from collections.abc import Mapping

from market.paper.engine.amounts import SCALE
from market.paper.engine.futures.conditional import Conditionals
from market.paper.engine.futures.liquidation import Liquidator
from market.paper.engine.futures.margin import TAKER_RATE
from market.paper.engine.futures.orders import MAKER_RATE, Orders
from market.paper.engine.futures.portfolio import Floor
from market.paper.engine.futures.rules import FuturesRules
from market.paper.engine.futures.settings import Countdowns, Settings
from market.paper.engine.futures.settlement import FIRST_TRAN_ID, Settlement
from market.paper.engine.futures.tell import tell_account
from market.paper.engine.futures.types import (
    DEFAULT_LEVERAGE,
    AccountConfig,
    AlgoOrder,
    AssetView,
    FuturesOrder,
    FuturesState,
    Income,
    MarginType,
    NewAlgoOrder,
    NewFuturesOrder,
    Placed,
    PositionView,
    SymbolConfig,
)
from market.paper.engine.futures.views import asset_views, max_withdraw, position_views
from market.paper.engine.journal import Journal
from market.paper.engine.tables import SETTINGS
from market.paper.engine.types import Fill, Quote, Rejected, Side


class FuturesEngine:
    """Accounts, positions and orders of all symbols.

    ``rules`` are by symbol; ``books`` hold the open orders, ``statuses`` say which symbols trade. Rates count 10**-8.
    """

    def __init__(self, rules: Mapping[str, FuturesRules], journal: Journal, state: FuturesState | None = None) -> None:
        state = state or FuturesState()
        self.rules = rules
        self.maker_rate = MAKER_RATE
        self.taker_rate = TAKER_RATE
        self._journal = journal
        self._floor = Floor(rules, journal, state.statuses)
        self._floor.restore(state)
        self.books = self._floor.books
        self.statuses = self._floor.statuses
        self._settlement = Settlement(self._floor, dict(state.next_trade_ids), state.next_tran_id or FIRST_TRAN_ID)
        self._orders = Orders(self._floor, self._settlement, state)
        self._conditionals = Conditionals(self._floor, self._orders, state)
        self._liquidator = Liquidator(self._floor, self._orders, self._settlement)
        self._settings = Settings(self._floor, self._settlement, self._conditionals)
        self._countdowns = Countdowns(self._floor, self._orders, state.countdowns)

    @property
    def bnb_price(self) -> int | None:
        """The price of BNB in USDT, for commissions in BNB; None while it is not known."""
        return self._settlement.bnb_price

    @bnb_price.setter
    def bnb_price(self, price: int | None) -> None:
        self._settlement.bnb_price = price

    # Money and settings

    def deposit(self, account_id: int, asset: str, amount: int, now_ms: int) -> None:
        """Change what an account has from outside (negative: take it away): income TRANSFER.

        Raises -2018 when it may not take away so much.
        """
        portfolio = self._floor.portfolio(account_id)
        if amount < 0 and -amount > max_withdraw(self._floor, portfolio, asset):
            raise Rejected(-2018, "Balance is insufficient.")
        self._settlement.transfer(portfolio, asset, amount, now_ms)
        reason = "DEPOSIT" if amount > 0 else "WITHDRAW"
        tell_account(self._floor, portfolio, reason, now_ms, changes=[(asset, amount)])

    def set_status(self, symbol: str, status: str) -> None:
        """Let a symbol trade (TRADING) or pause (BREAK, HALT). Meanwhile nothing fills, triggers or is liquidated."""
        self.statuses[symbol] = status
        key = f"status:futures:{symbol}"
        self._journal.put(SETTINGS, key, (key, status))

    def set_leverage(self, account_id: int, symbol: str, leverage: int, now_ms: int) -> int:
        """Change the leverage; return the largest notional it allows. Raises -4028, -2027, -2028, -4161."""
        return self._settings.set_leverage(account_id, symbol, leverage, now_ms)

    def set_margin_type(self, account_id: int, symbol: str, margin_type: MarginType, now_ms: int) -> None:
        """Change between CROSSED and ISOLATED. Raises -4046, -4047, -4048, -4168."""
        self._settings.set_margin_type(account_id, symbol, margin_type, now_ms)

    def set_hedge_mode(self, account_id: int, hedge_mode: bool) -> None:
        """Change between one-way and hedge mode. Raises -4059, -4067, -4068."""
        self._settings.set_hedge_mode(account_id, hedge_mode)

    def set_multi_assets(self, account_id: int, multi_assets: bool, now_ms: int) -> None:
        """Change the multi-assets mode. Only remembered: margin stays by asset. Raises -4171, -4167, -4170."""
        self._settings.set_multi_assets(account_id, multi_assets, now_ms)

    def set_fee_burn(self, account_id: int, fee_burn: bool) -> None:
        """Pay commissions in BNB, 10 % less, while there is enough; or not."""
        self._settings.set_fee_burn(account_id, fee_burn)

    def change_isolated_margin(
        self, account_id: int, symbol: str, position_side: str, amount: int, now_ms: int
    ) -> None:
        """Add margin to an isolated position; a negative amount takes some away. Raises -4049, -4050, -4051, -4054."""
        self._settings.change_isolated_margin(account_id, symbol, position_side, amount, now_ms)

    def set_countdown(self, account_id: int, symbol: str, countdown_ms: int, now_ms: int) -> None:
        """Cancel all open orders of the account in the symbol unless called again in time; 0 switches it off."""
        self._countdowns.start(account_id, symbol, countdown_ms, now_ms)

    # Orders

    def check(self, new: NewFuturesOrder, quote: Quote, now_ms: int) -> None:
        """Raise what ``place`` would raise, and change nothing."""
        self._orders.check(new, quote, now_ms)

    def place(self, new: NewFuturesOrder, quote: Quote, now_ms: int) -> Placed:
        """Accept an order: fill what the ladder gives, let the rest stay or expire. Raises Rejected."""
        placed = self._orders.place(new, quote, now_ms)
        self._tidy(now_ms)
        return placed

    def modify(self, order: FuturesOrder, side: Side, quantity: int, price: int, quote: Quote, now_ms: int) -> Placed:
        """Give an open LIMIT order another quantity and price; it may fill at once. Raises -5024 to -5029, filters.

        A quantity not above what is filled already cancels the order, and so does a post-only price that would take.
        """
        placed = self._orders.modify(order, side, quantity, price, quote, now_ms)
        self._tidy(now_ms)
        return placed

    def cancel(self, order: FuturesOrder, now_ms: int) -> FuturesOrder:
        """Take an open order out of the book."""
        self._orders.cancel(order, now_ms)
        self._tidy(now_ms)
        return order

    def cancel_all(self, account_id: int, symbol: str, now_ms: int) -> list[FuturesOrder]:
        """Cancel every open order of the account in the symbol; conditional orders stay."""
        cancelled = self._orders.cancel_all(account_id, symbol, now_ms)
        self._tidy(now_ms)
        return cancelled

    def open_order(
        self, account_id: int, symbol: str, *, order_id: int = 0, client_order_id: str = ""
    ) -> FuturesOrder | None:
        """The account's open order of that id, else of that client id, if any."""
        book = self.books[symbol]
        return book.by_id(account_id, order_id) if order_id else book.by_client_id(account_id, client_order_id)

    def open_orders(self, account_id: int, symbol: str | None = None) -> list[FuturesOrder]:
        """The account's open orders, oldest first."""
        symbols = self._floor.portfolio(account_id).active if symbol is None else [symbol]
        found = [order for name in symbols for order in self.books[name].of_account(account_id)]
        return sorted(found, key=lambda order: (order.time_ms, order.order_id, order.symbol))

    # Conditional orders

    def place_algo(self, new: NewAlgoOrder, quote: Quote, now_ms: int) -> AlgoOrder:
        """Accept a conditional order, to wait for its trigger. Raises Rejected."""
        return self._conditionals.place(new, quote, now_ms)

    def cancel_algo(self, algo: AlgoOrder, now_ms: int) -> AlgoOrder:
        """Cancel a conditional order that still waits; raises -2011 when it has triggered."""
        return self._conditionals.cancel(algo, now_ms)

    def cancel_all_algos(self, account_id: int, symbol: str, now_ms: int) -> list[AlgoOrder]:
        """Cancel every waiting conditional order of the account in the symbol."""
        return [self._conditionals.cancel(algo, now_ms) for algo in self.open_algos(account_id, symbol)]

    def open_algo(self, account_id: int, *, algo_id: int = 0, client_algo_id: str = "") -> AlgoOrder | None:
        """The account's open conditional order of that id, else of that client id, if any: NEW, or TRIGGERED while the
        order it has left behind is open."""
        return self._conditionals.find(account_id, algo_id, client_algo_id)

    def open_algos(self, account_id: int, symbol: str | None = None) -> list[AlgoOrder]:
        """The account's conditional orders that still wait, oldest first."""
        mine = self._conditionals.of_account(account_id)
        return [algo for algo in mine if algo.status == "NEW" and symbol in (None, algo.symbol)]

    # Time and prices

    def watches(self, symbol: str) -> bool:
        """True when a price (or the time) could change something in the symbol. Otherwise no price need be told."""
        return (
            self.books[symbol].rests
            or bool(self._floor.holders[symbol])
            or self._conditionals.waits(symbol)
            or self._countdowns.runs(symbol)
        )

    def on_quote(self, symbol: str, quote: Quote, now_ms: int) -> list[Fill]:
        """Let the market move: dates and countdowns, resting orders, triggers, liquidations, in this order.

        Return all fills. ``quote.last`` fills and triggers, ``quote.mark`` values positions and triggers MARK_PRICE.
        """
        self._floor.quotes[symbol] = quote
        self._expire(symbol, now_ms)
        if self.statuses[symbol] != "TRADING":
            self._tidy(now_ms)
            return []
        fills = self._orders.reach(symbol, quote, now_ms)
        self._tidy(now_ms)
        fills += self._conditionals.trigger(symbol, quote, now_ms)
        self._tidy(now_ms)
        fills += self._liquidator.check(symbol, quote.mark, now_ms)
        self._tidy(now_ms)
        return fills

    def on_time(self, now_ms: int) -> None:
        """Let dates and countdowns run out, whether or not there are prices: a dead man's switch needs none."""
        for symbol in self.rules:
            self._expire(symbol, now_ms)
            self._tidy(now_ms)

    def _expire(self, symbol: str, now_ms: int) -> None:
        self._countdowns.expire(symbol, now_ms)
        self._orders.expire(symbol, now_ms)

    def fill_resting(self, order: FuturesOrder, now_ms: int) -> list[Fill]:
        """Fill all that is left of a resting order at its own limit, wherever the market is. For faults."""
        fill = self._orders.fill_resting(order, order.remaining_qty, now_ms)
        self._tidy(now_ms)
        return [fill] if fill else []

    def settle_funding(self, symbol: str, rate: int, mark: int, now_ms: int) -> list[Income]:
        """Pay funding between longs and shorts: - position x mark x rate into each wallet. ``rate`` counts 10**-8."""
        incomes = []
        for _, stake in sorted(self._floor.holders[symbol].items()):
            for position in stake.held():
                amount = -position.quantity * mark * rate // (SCALE * SCALE)
                incomes.append(self._settlement.fund(stake, position, amount, now_ms))
                pairs = [(stake, position)] if stake.is_isolated else []
                changes = [(stake.rules.margin_asset, amount)]
                tell_account(self._floor, stake.portfolio, "FUNDING_FEE", now_ms, pairs, changes)
        return incomes

    # Questions

    def symbol_config(self, account_id: int, symbol: str) -> SymbolConfig:
        """Leverage and margin type. Not to be changed by the caller."""
        return self._floor.seen(self._floor.portfolio(account_id), symbol).config

    def account_config(self, account_id: int) -> AccountConfig:
        """Position mode, multi-assets mode, fee burn. Not to be changed by the caller."""
        return self._floor.portfolio(account_id).config

    def assets(self, account_id: int) -> list[AssetView]:
        """What the account has, by asset: every asset it ever held, and always USDT."""
        return asset_views(self._floor, self._floor.portfolio(account_id))

    def positions(self, account_id: int, symbol: str | None = None, *, only_held: bool = False) -> list[PositionView]:
        """The account's positions: all sides of its position mode in all symbols (or one).

        With ``only_held`` only those with a quantity or with open orders, as the v3 endpoints show them. The mark price
        is the last that was told (see ``watches``): of a symbol without positions and orders it is old, or 0.
        """
        return position_views(self._floor, self._floor.portfolio(account_id), symbol, only_held=only_held)

    def state(self) -> FuturesState:
        """Everything a restart must find again. What nobody has changed from its default is left out."""
        portfolios = sorted(self._floor.portfolios.values(), key=lambda each: each.account_id)
        stakes = [stake for portfolio in portfolios for _, stake in sorted(portfolio.stakes.items())]
        orders = [order for book in self.books.values() for order in book.everything()]
        countdowns = self._countdowns.everything()
        return FuturesState(
            wallets=[wallet for each in portfolios for _, wallet in sorted(each.wallets.items())],
            positions=[position for stake in stakes for _, position in sorted(stake.positions.items())],
            symbol_configs=[stake.config for stake in stakes if not _is_default(stake.config, stake.rules)],
            account_configs=[each.config for each in portfolios if each.config != AccountConfig(each.account_id)],
            open_orders=sorted(orders, key=lambda order: (order.symbol, order.order_id)),
            open_algos=sorted(self._conditionals.everything(), key=lambda algo: algo.algo_id),
            countdowns=sorted(countdowns, key=lambda each: (each.account_id, each.symbol)),
            statuses=dict(self.statuses),
            next_order_ids=dict(self._orders.next_order_ids),
            next_trade_ids=dict(self._settlement.next_trade_ids),
            next_algo_id=self._conditionals.next_algo_id,
            next_tran_id=self._settlement.next_tran_id,
        )

    def _tidy(self, now_ms: int) -> None:
        """After a position has closed or an order has ended: what depended on it ends too."""
        floor = self._floor
        while floor.closed:
            stake, side = floor.closed.pop()
            self._orders.expire_reducers(stake, side, now_ms)
            self._conditionals.position_closed(stake, side, now_ms)
            self._liquidator.cover(stake.portfolio, stake.rules.margin_asset, stake.rules.symbol, now_ms)
        while floor.done:
            self._conditionals.order_done(floor.done.pop(), now_ms)


def _is_default(config: SymbolConfig, rules: FuturesRules) -> bool:
    leverage = min(DEFAULT_LEVERAGE, rules.max_leverage)
    return config == SymbolConfig(config.account_id, config.symbol, leverage)

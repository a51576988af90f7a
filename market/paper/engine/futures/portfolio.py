"""What an account has and has chosen, in memory, and the market it is in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from market.paper.engine.amounts import SCALE
from market.paper.engine.book import Book
from market.paper.engine.futures.rules import FuturesRules
from market.paper.engine.futures.types import (
    DEFAULT_LEVERAGE,
    AccountConfig,
    FuturesOrder,
    FuturesState,
    Position,
    SymbolConfig,
    Wallet,
)
from market.paper.engine.journal import Journal
from market.paper.engine.types import Quote


class Stake:
    """All that one account has in one symbol.

    ``bids`` and ``asks`` are what its open orders may add to positions (price x quantity, 10**-16); ``reducers`` are
    its open orders that may only reduce one.
    """

    __slots__ = ("asks", "bids", "config", "max_notional", "orders", "portfolio", "positions", "reducers", "rules")

    def __init__(self, portfolio: Portfolio, rules: FuturesRules, config: SymbolConfig) -> None:
        self.portfolio = portfolio
        self.rules = rules
        self.positions: dict[str, Position] = {}
        self.bids = self.asks = self.orders = 0
        self.reducers: dict[int, FuturesOrder] = {}
        self.configure(config)

    def configure(self, config: SymbolConfig) -> None:
        """Take over leverage and margin type."""
        self.config = config
        self.max_notional = self.rules.max_notional(config.leverage)

    @property
    def is_isolated(self) -> bool:
        """True when each position has margin of its own."""
        return self.config.margin_type == "ISOLATED"

    @property
    def is_held(self) -> bool:
        """True when there is a position."""
        for position in self.positions.values():  # noqa: SIM110 - a generator costs more than the rest of a fill
            if position.quantity:
                return True
        return False

    def position(self, side: str) -> Position:
        """The position of a side; a flat one, not remembered yet, if there was none."""
        return self.positions.get(side) or Position(self.config.account_id, self.config.symbol, side)

    def held(self) -> list[Position]:
        """The positions that are not flat, by side: which was opened first is not remembered over a restart."""
        return [position for _, position in sorted(self.positions.items()) if position.quantity]

    def closable(self, side: str, order_side: str) -> int:
        """How much an order could take off the position of a side: nothing when it would add to it."""
        position = self.positions.get(side)
        if position is None:
            return 0
        quantity = -position.quantity if order_side == "BUY" else position.quantity
        return quantity if quantity > 0 else 0

    def notional(self, mark: int, bids: int, asks: int) -> int:
        """What is at stake (10**-16) at a mark price with such open orders, whichever way the market goes."""
        if self.portfolio.config.hedge_mode:
            return sum(abs(position.quantity) for position in self.positions.values()) * mark + bids + asks
        both = self.positions.get("BOTH")
        held = both.quantity * mark if both else 0
        return max(abs(held + bids), abs(held - asks))

    def margin(self, notional: int) -> int:
        """The initial margin of a notional (10**-16), rounded up."""
        return -(-notional // (self.config.leverage * SCALE))


class Portfolio:
    """All that one account has. ``active`` are the stakes with a position or an open order."""

    __slots__ = ("account_id", "active", "config", "stakes", "wallets")

    def __init__(self, config: AccountConfig) -> None:
        self.account_id = config.account_id
        self.config = config
        self.wallets: dict[str, Wallet] = {}
        self.stakes: dict[str, Stake] = {}
        self.active: dict[str, Stake] = {}

    def wallet(self, asset: str) -> Wallet:
        """The wallet of an asset; an empty one, not remembered yet, if there was none."""
        return self.wallets.get(asset) or Wallet(self.account_id, asset)

    def of_asset(self, asset: str) -> list[Stake]:
        """The active stakes whose margin is in an asset, by symbol."""
        return [stake for _, stake in sorted(self.active.items()) if stake.rules.margin_asset == asset]


class Floor:
    """What the parts of the engine share: rules, books, prices and portfolios.

    ``closed`` collects (stake, side) of positions that have become flat or turned, ``done`` the orders of conditional
    orders that are not open any more: the engine tidies up after every command. ``dirty`` are the portfolios whose
    distance to liquidation has changed.
    """

    def __init__(self, rules: Mapping[str, FuturesRules], journal: Journal, statuses: Mapping[str, str]) -> None:
        self.rules = rules
        self.journal = journal
        self.statuses = dict.fromkeys(rules, "TRADING") | {s: v for s, v in statuses.items() if s in rules}
        self.books: dict[str, Book[FuturesOrder]] = {symbol: Book() for symbol in rules}
        self.quotes: dict[str, Quote] = {}
        self.portfolios: dict[int, Portfolio] = {}
        # By symbol, the stakes with a position, by account.
        self.holders: dict[str, dict[int, Stake]] = {symbol: {} for symbol in rules}
        self.closed: list[tuple[Stake, str]] = []
        self.done: list[FuturesOrder] = []
        self.dirty: dict[int, Portfolio] = {}

    def restore(self, state: FuturesState) -> None:
        """Take over wallets, configurations and positions that the ledger remembers."""
        for account in state.account_configs:
            self.portfolios[account.account_id] = Portfolio(account)
        for config in state.symbol_configs:
            if config.symbol in self.rules:
                self.stake(config.account_id, config.symbol).configure(config)
        for wallet in state.wallets:
            self.portfolio(wallet.account_id).wallets[wallet.asset] = wallet
        for position in state.positions:
            if position.symbol in self.rules:
                stake = self.stake(position.account_id, position.symbol)
                stake.positions[position.side] = position
                self.note(stake)

    def portfolio(self, account_id: int) -> Portfolio:
        """The account's portfolio; it begins empty."""
        found = self.portfolios.get(account_id)
        if found is None:
            found = self.portfolios[account_id] = Portfolio(AccountConfig(account_id))
        return found

    def stake(self, account_id: int, symbol: str) -> Stake:
        """What the account has in a symbol; it begins empty."""
        portfolio = self.portfolio(account_id)
        found = portfolio.stakes.get(symbol)
        if found is None:
            found = portfolio.stakes[symbol] = self.seen(portfolio, symbol)
        return found

    def seen(self, portfolio: Portfolio, symbol: str) -> Stake:
        """The same for who only looks: of a symbol the account has never touched nothing is kept."""
        found = portfolio.stakes.get(symbol)
        if found is None:
            rules = self.rules[symbol]
            config = SymbolConfig(portfolio.account_id, symbol, min(DEFAULT_LEVERAGE, rules.max_leverage))
            found = Stake(portfolio, rules, config)
        return found

    def note(self, stake: Stake) -> None:
        """A position or the number of open orders has changed: keep the indexes, and look at its margin later."""
        portfolio, symbol = stake.portfolio, stake.rules.symbol
        held = stake.is_held
        if held:
            self.holders[symbol][portfolio.account_id] = stake
        else:
            self.holders[symbol].pop(portfolio.account_id, None)
        if held or stake.orders:
            portfolio.active[symbol] = stake
        else:
            portfolio.active.pop(symbol, None)
        self.dirty[portfolio.account_id] = portfolio

    def mark(self, stake: Stake) -> int:
        """The symbol's last mark price; before the first one the average entry, at which nothing is won or lost."""
        quote = self.quotes.get(stake.rules.symbol)
        if quote is not None:
            return quote.mark
        held = stake.held()
        quantity = sum(abs(position.quantity) for position in held)
        return sum(abs(position.cost) for position in held) // quantity if quantity else 0


def everything(portfolios: Iterable[Portfolio]) -> Iterable[Stake]:
    """All stakes of all accounts."""
    return (stake for portfolio in portfolios for stake in portfolio.stakes.values())

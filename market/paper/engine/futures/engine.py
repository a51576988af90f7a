"""The futures exchange itself: commands and prices in, changes into the journal. One thread, no clock, no I/O.

Every command validates everything before it changes anything, so a ``Rejected`` leaves no trace.
"""

from __future__ import annotations

from collections.abc import Mapping

from market.paper.engine.amounts import SCALE
from market.paper.engine.book import Book
from market.paper.engine.futures.rules import FuturesRules
from market.paper.engine.futures.types import (
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
from market.paper.engine.journal import Journal
from market.paper.engine.types import Fill, Quote, Side

MAKER_RATE = SCALE * 2 // 10_000
TAKER_RATE = SCALE * 5 // 10_000


class FuturesEngine:
    """Accounts, positions and orders of all symbols.

    ``rules`` are by symbol; ``books`` hold the open orders, ``statuses`` say which symbols trade. Rates count 10**-8.
    """

    def __init__(self, rules: Mapping[str, FuturesRules], journal: Journal, state: FuturesState | None = None) -> None:
        state = state or FuturesState()
        self.rules = rules
        self.maker_rate = MAKER_RATE
        self.taker_rate = TAKER_RATE
        self.books: dict[str, Book[FuturesOrder]] = {symbol: Book() for symbol in rules}
        self.statuses = dict.fromkeys(rules, "TRADING") | {s: v for s, v in state.statuses.items() if s in rules}
        self._journal = journal

    # Money and settings

    def deposit(self, account_id: int, asset: str, amount: int, now_ms: int) -> None:
        """Change what an account has from outside (negative: take it away): income TRANSFER.

        Raises -2018 when it may not take away so much.
        """
        raise NotImplementedError

    def set_status(self, symbol: str, status: str) -> None:
        """Let a symbol trade (TRADING) or pause (BREAK, HALT). Resting orders stay and do not fill meanwhile."""
        raise NotImplementedError

    def set_leverage(self, account_id: int, symbol: str, leverage: int, now_ms: int) -> int:
        """Change the leverage; return the largest notional it allows. Raises -4028, -2027, -2028, -2019, -4161."""
        raise NotImplementedError

    def set_margin_type(self, account_id: int, symbol: str, margin_type: MarginType, now_ms: int) -> None:
        """Change between CROSSED and ISOLATED. Raises -4046, -4047, -4048, -4168."""
        raise NotImplementedError

    def set_hedge_mode(self, account_id: int, hedge_mode: bool, now_ms: int) -> None:
        """Change between one-way and hedge mode. Raises -4059, -4067, -4068."""
        raise NotImplementedError

    def set_multi_assets(self, account_id: int, multi_assets: bool, now_ms: int) -> None:
        """Change the multi-assets mode. Only remembered: margin stays by asset. Raises -4171, -4167, -4170."""
        raise NotImplementedError

    def set_fee_burn(self, account_id: int, fee_burn: bool, now_ms: int) -> None:
        """Pay commissions in BNB, 10 % less, or not."""
        raise NotImplementedError

    def change_isolated_margin(
        self, account_id: int, symbol: str, position_side: str, amount: int, now_ms: int
    ) -> None:
        """Add margin to an isolated position; a negative amount takes some away. Raises -4049, -4050, -4051, -4054."""
        raise NotImplementedError

    def set_countdown(self, account_id: int, symbol: str, countdown_ms: int, now_ms: int) -> None:
        """Cancel all open orders of the account in the symbol unless called again in time; 0 switches it off."""
        raise NotImplementedError

    # Orders

    def check(self, new: NewFuturesOrder, quote: Quote, now_ms: int) -> None:
        """Raise what ``place`` would raise, and change nothing."""
        raise NotImplementedError

    def place(self, new: NewFuturesOrder, quote: Quote, now_ms: int) -> Placed:
        """Accept an order: fill what the ladder gives, let the rest stay or expire. Raises Rejected."""
        raise NotImplementedError

    def modify(self, order: FuturesOrder, side: Side, quantity: int, price: int, quote: Quote, now_ms: int) -> Placed:
        """Give an open LIMIT order another quantity and price; it may fill at once. Raises -5024 to -5029, filters.

        A quantity not above what is filled already cancels the order, as on Binance.
        """
        raise NotImplementedError

    def cancel(self, order: FuturesOrder, now_ms: int) -> FuturesOrder:
        """Take an open order out of the book."""
        raise NotImplementedError

    def cancel_all(self, account_id: int, symbol: str, now_ms: int) -> list[FuturesOrder]:
        """Cancel every open order of the account in the symbol; conditional orders stay."""
        raise NotImplementedError

    def open_order(
        self, account_id: int, symbol: str, *, order_id: int = 0, client_order_id: str = ""
    ) -> FuturesOrder | None:
        """The account's open order of that id, else of that client id, if any."""
        raise NotImplementedError

    def open_orders(self, account_id: int, symbol: str | None = None) -> list[FuturesOrder]:
        """The account's open orders, oldest first."""
        raise NotImplementedError

    # Conditional orders

    def place_algo(self, new: NewAlgoOrder, quote: Quote, now_ms: int) -> AlgoOrder:
        """Accept a conditional order, to wait for its trigger. Raises Rejected."""
        raise NotImplementedError

    def cancel_algo(self, algo: AlgoOrder, now_ms: int) -> AlgoOrder:
        """Cancel a conditional order that still waits; raises -2011 when it has triggered."""
        raise NotImplementedError

    def cancel_all_algos(self, account_id: int, symbol: str, now_ms: int) -> list[AlgoOrder]:
        """Cancel every waiting conditional order of the account in the symbol."""
        raise NotImplementedError

    def open_algo(self, account_id: int, *, algo_id: int = 0, client_algo_id: str = "") -> AlgoOrder | None:
        """The account's open conditional order of that id, else of that client id, if any."""
        raise NotImplementedError

    def open_algos(self, account_id: int, symbol: str | None = None) -> list[AlgoOrder]:
        """The account's open conditional orders, oldest first."""
        raise NotImplementedError

    # Time and prices

    def on_quote(self, symbol: str, quote: Quote, now_ms: int) -> list[Fill]:
        """Let the market move: marks, resting orders, triggers, expiry, countdowns, liquidations. Return all fills."""
        raise NotImplementedError

    def settle_funding(self, symbol: str, rate: int, mark: int, now_ms: int) -> list[Income]:
        """Pay funding between longs and shorts: - position x mark x rate into each wallet. ``rate`` counts 10**-8."""
        raise NotImplementedError

    # Questions

    def symbol_config(self, account_id: int, symbol: str) -> SymbolConfig:
        """Leverage and margin type. Not to be changed by the caller."""
        raise NotImplementedError

    def account_config(self, account_id: int) -> AccountConfig:
        """Position mode, multi-assets mode, fee burn. Not to be changed by the caller."""
        raise NotImplementedError

    def assets(self, account_id: int) -> list[AssetView]:
        """What the account has, by asset: every asset it ever held, and always USDT."""
        raise NotImplementedError

    def positions(self, account_id: int, symbol: str | None = None, *, only_held: bool = False) -> list[PositionView]:
        """The account's positions: all sides of its position mode in all symbols (or one).

        With ``only_held`` only those with a quantity or with open orders, as the v3 endpoints show them.
        """
        raise NotImplementedError

    def state(self) -> FuturesState:
        """Everything a restart must find again."""
        raise NotImplementedError

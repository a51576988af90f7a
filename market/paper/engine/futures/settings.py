"""What an account chooses: leverage, margin type, position mode, margin of isolated positions, countdowns."""

from __future__ import annotations

from collections.abc import Iterable

from market.paper.engine.amounts import SCALE
from market.paper.engine.futures.conditional import Conditionals
from market.paper.engine.futures.margin import available, pocket
from market.paper.engine.futures.orders import Orders
from market.paper.engine.futures.portfolio import Floor, Portfolio
from market.paper.engine.futures.settlement import Settlement
from market.paper.engine.futures.tables import ACCOUNT_CONFIGS, COUNTDOWNS, SYMBOL_CONFIGS
from market.paper.engine.futures.tell import tell_account
from market.paper.engine.futures.types import Countdown, MarginType, SymbolConfig
from market.paper.engine.types import Rejected


class Settings:
    """Changes what accounts have chosen. Nothing here moves money, but between the wallets of one account."""

    def __init__(self, floor: Floor, settlement: Settlement, conditionals: Conditionals) -> None:
        self._floor = floor
        self._settlement = settlement
        self._conditionals = conditionals

    def set_leverage(self, account_id: int, symbol: str, leverage: int, now_ms: int) -> int:
        """Change the leverage; return the largest notional it allows."""
        floor = self._floor
        stake = floor.stake(account_id, symbol)
        if not 1 <= leverage <= stake.rules.max_leverage:
            raise Rejected(-4028, f"Leverage {leverage} is not valid")
        if stake.is_isolated and stake.is_held and leverage < stake.config.leverage:
            text = "Leverage reduction is not supported in Isolated Margin Mode with open positions"
            raise Rejected(-4161, text)
        notional = stake.notional(floor.mark(stake), stake.bids, stake.asks)
        if notional > stake.rules.max_notional(leverage) * SCALE:
            raise Rejected(-2027, "Exceeded the maximum allowable position at current leverage.")
        more = -(-notional // (leverage * SCALE)) - stake.margin(notional)
        if more > 0 and more > available(floor, stake.portfolio, stake.rules.margin_asset):
            raise Rejected(-2028, "Leverage is smaller than permitted: insufficient margin balance.")
        stake.configure(SymbolConfig(account_id, symbol, leverage, stake.config.margin_type))
        floor.journal.put(SYMBOL_CONFIGS, (account_id, symbol), stake.config)
        floor.journal.tell(account_id, "futures", "ACCOUNT_CONFIG_UPDATE", now_ms, symbol=symbol, leverage=leverage)
        return stake.max_notional

    def set_margin_type(self, account_id: int, symbol: str, margin_type: MarginType, now_ms: int) -> None:
        """Change between crossed and isolated margin."""
        stake = self._floor.stake(account_id, symbol)
        if margin_type == stake.config.margin_type:
            raise Rejected(-4046, "No need to change margin type.")
        if stake.portfolio.config.multi_assets:
            raise Rejected(-4168, "Unable to adjust to isolated-margin mode under the Multi-Assets mode.")
        if stake.orders:
            raise Rejected(-4047, "Margin type cannot be changed if there exists open orders.")
        if stake.is_held:
            raise Rejected(-4048, "Margin type cannot be changed if there exists position.")
        stake.configure(SymbolConfig(account_id, symbol, stake.config.leverage, margin_type))
        self._floor.journal.put(SYMBOL_CONFIGS, (account_id, symbol), stake.config)
        pairs = [(stake, position) for position in stake.positions.values()]
        tell_account(self._floor, stake.portfolio, "MARGIN_TYPE_CHANGE", now_ms, pairs)

    def set_hedge_mode(self, account_id: int, hedge_mode: bool) -> None:
        """Change between one-way and hedge mode."""
        portfolio = self._floor.portfolio(account_id)
        if hedge_mode is portfolio.config.hedge_mode:
            raise Rejected(-4059, "No need to change position side.")
        if self._has_orders(portfolio) or self._conditionals.of_account(account_id):
            raise Rejected(-4067, "Position side cannot be changed if there exists open orders.")
        if any(stake.is_held for stake in portfolio.active.values()):
            raise Rejected(-4068, "Position side cannot be changed if there exists position.")
        portfolio.config.hedge_mode = hedge_mode
        self._floor.journal.put(ACCOUNT_CONFIGS, account_id, portfolio.config)

    def set_multi_assets(self, account_id: int, multi_assets: bool, now_ms: int) -> None:
        """Change the multi-assets mode."""
        portfolio = self._floor.portfolio(account_id)
        if multi_assets is portfolio.config.multi_assets:
            text = "Adjusted asset mode is currently set and does not need to be adjusted repeatedly."
            raise Rejected(-4171, text)
        if multi_assets and any(stake.is_isolated for stake in portfolio.stakes.values()):
            text = "Unable to adjust to Multi-Assets mode with symbols of USDⓈ-M Futures under isolated-margin mode."
            raise Rejected(-4167, text)
        if self._has_orders(portfolio):
            raise Rejected(-4170, "Unable to adjust Multi-Assets Mode with open orders in USDⓈ-M Futures.")
        portfolio.config.multi_assets = multi_assets
        self._floor.journal.put(ACCOUNT_CONFIGS, account_id, portfolio.config)
        self._floor.journal.tell(account_id, "futures", "ACCOUNT_CONFIG_UPDATE", now_ms, multi_assets=multi_assets)

    def set_fee_burn(self, account_id: int, fee_burn: bool) -> None:
        """Pay commissions in BNB, or not."""
        portfolio = self._floor.portfolio(account_id)
        portfolio.config.fee_burn = fee_burn
        self._floor.journal.put(ACCOUNT_CONFIGS, account_id, portfolio.config)

    def change_isolated_margin(self, account_id: int, symbol: str, side: str, amount: int, now_ms: int) -> None:
        """Move margin between the cross wallet and an isolated position."""
        stake = self._floor.stake(account_id, symbol)
        position, asset = stake.position(side), stake.rules.margin_asset
        if not stake.is_isolated:
            raise Rejected(-4049, "Add margin only support for isolated position.")
        if not position.quantity:
            raise Rejected(-4054, "Cannot add position margin: position is 0.")
        if amount > 0 and amount > available(self._floor, stake.portfolio, asset):
            raise Rejected(-4050, "Cross balance insufficient.")
        if amount < 0:
            mark = self._floor.mark(stake)
            equity, _ = pocket(self._floor, position.isolated_wallet + amount, [(stake, position)])
            used = stake.margin(abs(position.quantity) * mark)
            if equity < used or position.isolated_wallet + amount < 0:
                raise Rejected(-4051, "Isolated balance insufficient.")
        self._settlement.isolate(stake, position, amount, now_ms)
        changes = [(asset, 0)]
        tell_account(self._floor, stake.portfolio, "MARGIN_TRANSFER", now_ms, [(stake, position)], changes)

    @staticmethod
    def _has_orders(portfolio: Portfolio) -> bool:
        return any(stake.orders for stake in portfolio.active.values())


class Countdowns:
    """Dead man's switches, by symbol and account."""

    def __init__(self, floor: Floor, orders: Orders, remembered: Iterable[Countdown]) -> None:
        self._floor = floor
        self._orders = orders
        self._running: dict[str, dict[int, Countdown]] = {}
        for countdown in remembered:
            if countdown.deadline_ms and countdown.symbol in floor.rules:
                self._running.setdefault(countdown.symbol, {})[countdown.account_id] = countdown

    def start(self, account_id: int, symbol: str, countdown_ms: int, now_ms: int) -> None:
        """Start or renew a countdown; 0 ends it."""
        countdown = Countdown(account_id, symbol, now_ms + countdown_ms if countdown_ms else 0)
        running = self._running.setdefault(symbol, {})
        if countdown_ms:
            running[account_id] = countdown
        else:
            running.pop(account_id, None)
        self._floor.journal.put(COUNTDOWNS, (account_id, symbol), countdown)

    def runs(self, symbol: str) -> bool:
        """True when a countdown of the symbol is running."""
        return bool(self._running.get(symbol))

    def expire(self, symbol: str, now_ms: int) -> None:
        """Cancel the open orders whose countdown has ended."""
        running = self._running.get(symbol)
        if not running:
            return
        for countdown in [each for each in running.values() if each.deadline_ms <= now_ms]:
            self._orders.cancel_all(countdown.account_id, symbol, now_ms)
            self.start(countdown.account_id, symbol, 0, now_ms)

    def everything(self) -> list[Countdown]:
        """All that run."""
        return [countdown for running in self._running.values() for countdown in running.values()]

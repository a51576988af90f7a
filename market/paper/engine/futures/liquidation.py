"""Liquidation: who is near it, and what happens when it comes.

Nobody's margin is computed for every price. For every position there is a mark price at which it must be looked at
again: none of the positions that share a wallet can have used up that wallet's spare margin before one of them comes to
its price. Pure of any order: it depends on positions, wallets and marks only, so a restart finds the same.
"""

from __future__ import annotations

from typing import cast

from market.paper.engine.amounts import SCALE
from market.paper.engine.futures.margin import crossed, maintenance, pocket
from market.paper.engine.futures.orders import Orders
from market.paper.engine.futures.portfolio import Floor, Portfolio, Stake
from market.paper.engine.futures.settlement import Settlement
from market.paper.engine.futures.tell import tell_account, tell_margin_call
from market.paper.engine.futures.types import Position
from market.paper.engine.triggers import Triggers
from market.paper.engine.types import Fill, Side

# A margin call comes when maintenance is 80 % of the margin balance.
CALL_NUMERATOR, CALL_DENOMINATOR = 5, 4

Held = list[tuple[Stake, Position]]


class Liquidator:
    """Watches the distance of every position to its liquidation, and liquidates."""

    def __init__(self, floor: Floor, orders: Orders, settlement: Settlement) -> None:
        self._floor = floor
        self._orders = orders
        self._settlement = settlement
        # By symbol: (account, side) wakes at a mark price.
        self._watches = {symbol: Triggers() for symbol in floor.rules}
        # Wallets whose account has been called: (account, asset or symbol, side).
        self._called: set[tuple[int, str, str]] = set()

    def check(self, symbol: str, mark: int, now_ms: int) -> list[Fill]:
        """Look at what has changed since the last call and at what this mark price comes near to."""
        floor = self._floor
        for woken in self._watches[symbol].woken_by(mark):
            account_id, _ = cast(tuple[int, str], woken)
            floor.dirty[account_id] = floor.portfolios[account_id]
        if not floor.dirty:
            return []
        # Always in the same order, so that a restarted engine gives the same ids.
        portfolios, floor.dirty = sorted(floor.dirty.items()), {}
        fills: list[Fill] = []
        for _, portfolio in portfolios:
            fills += self._check(portfolio, now_ms)
        return fills

    def _check(self, portfolio: Portfolio, now_ms: int) -> list[Fill]:
        stakes = [stake for _, stake in sorted(portfolio.active.items())]
        held = [(stake, position) for stake in stakes for position in stake.held()]
        if any(stake.rules.symbol not in self._floor.quotes for stake, _ in held):
            self._floor.dirty[portfolio.account_id] = portfolio  # not all prices are known yet: later
            return []
        fills: list[Fill] = []
        for stake, position in held:
            if stake.is_isolated:
                fills += self._check_isolated(stake, position, now_ms)
        for asset in dict.fromkeys(stake.rules.margin_asset for stake, _ in held if not stake.is_isolated):
            fills += self._check_crossed(portfolio, asset, now_ms)
        return fills

    def _check_isolated(self, stake: Stake, position: Position, now_ms: int) -> list[Fill]:
        held = [(stake, position)]
        equity, needed = pocket(self._floor, position.isolated_wallet, held)
        if equity <= needed and self._trades(stake):
            self._orders.cancel_all(position.account_id, position.symbol, now_ms, expiry_reason="5")
            return [self._take_over(stake, position, equity, now_ms)]
        key = (position.account_id, position.symbol, position.side)
        self._watch(key, held, equity, needed, position.isolated_wallet, now_ms)
        return []

    def _check_crossed(self, portfolio: Portfolio, asset: str, now_ms: int) -> list[Fill]:
        """Liquidate the position that needs most margin, again and again until the others can stay."""
        fills: list[Fill] = []
        while held := crossed(portfolio, asset):
            wallet = portfolio.wallet(asset).cross
            equity, needed = pocket(self._floor, wallet, held)
            liquidated = [pair for pair in held if self._trades(pair[0])]
            if equity > needed or not liquidated:
                self._watch((portfolio.account_id, asset, ""), held, equity, needed, wallet, now_ms)
                return fills
            if not fills:
                for stake in portfolio.of_asset(asset):
                    if not stake.is_isolated:
                        symbol = stake.rules.symbol
                        self._orders.cancel_all(portfolio.account_id, symbol, now_ms, expiry_reason="5")
            stake, position = max(liquidated, key=self._needed)
            fills.append(self._take_over(stake, position, equity, now_ms))
        return fills

    def _needed(self, pair: tuple[Stake, Position]) -> int:
        stake, position = pair
        return maintenance(stake, position, self._floor.mark(stake))

    def _trades(self, stake: Stake) -> bool:
        return self._floor.statuses[stake.rules.symbol] == "TRADING"

    def _take_over(self, stake: Stake, position: Position, equity: int, now_ms: int) -> Fill:
        """Close a position at the mark price; the insurance fund takes its fee if there is something left."""
        mark, quantity = self._floor.mark(stake), abs(position.quantity)
        fee = quantity * mark // SCALE * stake.rules.liquidation_fee // SCALE
        fee = max(min(fee, equity), 0)
        portfolio, asset = stake.portfolio, stake.rules.margin_asset
        side: Side = "SELL" if position.quantity > 0 else "BUY"
        fill = self._orders.liquidate(stake, position.side, side, quantity, mark, now_ms)
        self._settlement.insure(portfolio, asset, -fee, position.symbol, now_ms)
        self._called.discard((position.account_id, position.symbol, position.side))
        self._called.discard((position.account_id, asset, ""))
        tell_account(self._floor, portfolio, "ORDER", now_ms, [(stake, position)], [(asset, -fee)])
        return fill

    def cover(self, portfolio: Portfolio, asset: str, symbol: str, now_ms: int) -> None:
        """The insurance fund pays what an account without crossed positions owes."""
        owed = -portfolio.wallet(asset).cross
        if owed > 0 and not crossed(portfolio, asset):
            self._settlement.insure(portfolio, asset, owed, symbol, now_ms)
            tell_account(self._floor, portfolio, "INSURANCE_CLEAR", now_ms, (), [(asset, owed)])

    def _watch(self, key: tuple[int, str, str], held: Held, equity: int, needed: int, wallet: int, now_ms: int) -> None:
        """Wake each position before it has used up its share of the spare margin; call for margin when that is near."""
        spare = equity - needed
        early = equity - needed * CALL_NUMERATOR // CALL_DENOMINATOR
        if early > 0:
            self._called.discard(key)
            spare = early
        elif key not in self._called:
            self._called.add(key)
            portfolio = held[0][0].portfolio
            tell_margin_call(self._floor, portfolio, wallet, held, now_ms)
        share = max(spare, 0) // len(held)
        for stake, position in held:
            mark, size = self._floor.mark(stake), abs(position.quantity)
            falls = position.quantity > 0
            # A falling price lets a long lose size x distance and need less margin; a rising one lets a short lose
            # that much and need more, by the highest ratio there is; for the early call a quarter more again.
            factor = SCALE if falls else SCALE + 2 * stake.rules.brackets[-1].ratio
            distance = share * SCALE * SCALE // (size * factor)
            price = mark - distance if falls else mark + distance
            self._watches[position.symbol].add((position.account_id, position.side), price, rises=not falls)

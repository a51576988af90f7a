"""Turn executions, funding and liquidations into moved money. Every movement of a wallet is an income."""

from __future__ import annotations

from market.paper.engine.amounts import SCALE
from market.paper.engine.futures.portfolio import Floor, Portfolio, Stake
from market.paper.engine.futures.positions import execute
from market.paper.engine.futures.tables import INCOMES, POSITIONS, WALLETS
from market.paper.engine.futures.types import FuturesOrder, Income, IncomeType, Position, Wallet
from market.paper.engine.tables import FILLS
from market.paper.engine.types import Fill

# Above 2**32, as on Binance: a client that keeps ids in 32 bits must notice here, not in production.
FIRST_TRADE_ID = 6_000_000_001
FIRST_TRAN_ID = 9_600_000_000_001

# Who pays in BNB pays this part of the commission.
BNB_PERCENT = 90


class Settlement:
    """Books fills and payments, and numbers them: fills by symbol, incomes all together."""

    def __init__(self, floor: Floor, next_trade_ids: dict[str, int], next_tran_id: int) -> None:
        self._floor = floor
        self.next_trade_ids = next_trade_ids
        self.next_tran_id = next_tran_id
        # In USDT; None while it is not known: then nobody pays in BNB.
        self.bnb_price: int | None = None

    def fill(
        self, stake: Stake, order: FuturesOrder, price: int, quantity: int, now_ms: int, rate: int, *, is_maker: bool
    ) -> Fill:
        """Fill a part of an order (or all of it): position, profit, commission, margin of an isolated position."""
        symbol, account_id = order.symbol, order.account_id
        trade_id = self.next_trade_ids.get(symbol, FIRST_TRADE_ID)
        self.next_trade_ids[symbol] = trade_id + 1
        quote_qty = price * quantity // SCALE
        position = self._position(stake, order.position_side)
        held = position.quantity
        closed, profit = execute(position, quantity if order.side == "BUY" else -quantity, price)
        position.update_ms = now_ms
        wallet = self._wallet(stake.portfolio, stake.rules.margin_asset)
        if profit:
            self._pay(wallet, "REALIZED_PNL", profit, symbol, now_ms, trade_id)
        commission = quote_qty * rate // SCALE
        payer, fee = self._payer(stake.portfolio, wallet, commission)
        if fee:
            self._pay(payer, "COMMISSION", -fee, symbol, now_ms, trade_id)
        self._count_costs(position, held, closed, quantity, commission, profit)
        if stake.is_isolated:
            cost = 0 if payer is not wallet else commission
            self._move_margin(stake, position, wallet, held, closed, quantity, price, profit, cost)
        fill = Fill(
            *("futures", trade_id, order.order_id, account_id, symbol, order.side, price, quantity, quote_qty),
            *(fee, payer.asset, is_maker, now_ms, profit, order.position_side),
        )
        order.executed_qty += quantity
        order.cum_quote += quote_qty
        order.realized_pnl += profit
        order.status = "FILLED" if order.executed_qty == order.orig_qty else "PARTIALLY_FILLED"
        order.update_ms = now_ms
        journal = self._floor.journal
        journal.put(FILLS, ("futures", symbol, trade_id), fill)
        journal.put(POSITIONS, (account_id, symbol, position.side), position)
        if closed and closed == abs(held):
            self._floor.closed.append((stake, position.side))
        self._floor.note(stake)
        return fill

    def transfer(self, portfolio: Portfolio, asset: str, amount: int, now_ms: int) -> None:
        """Money comes from outside, or leaves."""
        self._pay(self._wallet(portfolio, asset), "TRANSFER", amount, "", now_ms)
        self._floor.dirty[portfolio.account_id] = portfolio

    def fund(self, stake: Stake, position: Position, amount: int, now_ms: int) -> Income:
        """Pay funding into (or out of) the position's wallet."""
        wallet = self._wallet(stake.portfolio, stake.rules.margin_asset)
        income = self._pay(wallet, "FUNDING_FEE", amount, stake.rules.symbol, now_ms)
        if stake.is_isolated:
            self.isolate(stake, position, amount, now_ms)
        self._floor.dirty[position.account_id] = stake.portfolio
        return income

    def isolate(self, stake: Stake, position: Position, amount: int, now_ms: int) -> None:
        """Let a part of the wallet belong to an isolated position (negative: give it back)."""
        wallet = self._wallet(stake.portfolio, stake.rules.margin_asset)
        position.isolated_wallet += amount
        wallet.isolated += amount
        position.update_ms = now_ms
        journal = self._floor.journal
        journal.put(POSITIONS, (position.account_id, position.symbol, position.side), position)
        journal.put(WALLETS, (wallet.account_id, wallet.asset), wallet)
        self._floor.dirty[position.account_id] = stake.portfolio

    def insure(self, portfolio: Portfolio, asset: str, amount: int, symbol: str, now_ms: int) -> None:
        """The insurance fund pays what an account cannot, or takes (negative) its fee for a liquidation."""
        if amount:
            self._pay(self._wallet(portfolio, asset), "INSURANCE_CLEAR", amount, symbol, now_ms)
            self._floor.dirty[portfolio.account_id] = portfolio

    def _position(self, stake: Stake, side: str) -> Position:
        found = stake.positions.get(side)
        if found is None:
            found = stake.positions[side] = stake.position(side)
        return found

    def _wallet(self, portfolio: Portfolio, asset: str) -> Wallet:
        found = portfolio.wallets.get(asset)
        if found is None:
            found = portfolio.wallets[asset] = Wallet(portfolio.account_id, asset)
        return found

    def _pay(
        self, wallet: Wallet, kind: IncomeType, amount: int, symbol: str, now_ms: int, trade_id: int = 0
    ) -> Income:
        tran_id = self.next_tran_id
        self.next_tran_id = tran_id + 1
        wallet.balance += amount
        wallet.update_ms = now_ms
        income = Income(tran_id, wallet.account_id, symbol, kind, amount, wallet.asset, kind, now_ms, trade_id)
        journal = self._floor.journal
        journal.put(INCOMES, tran_id, income)
        journal.put(WALLETS, (wallet.account_id, wallet.asset), wallet)
        return income

    def _payer(self, portfolio: Portfolio, wallet: Wallet, commission: int) -> tuple[Wallet, int]:
        """The wallet that pays a commission, and how much: BNB with its discount if wanted and there is enough."""
        if portfolio.config.fee_burn and self.bnb_price and wallet.asset == "USDT":
            fee = commission * BNB_PERCENT * SCALE // (100 * self.bnb_price)
            purse = portfolio.wallets.get("BNB")
            if purse is not None and purse.cross >= fee:
                return purse, fee
        return wallet, commission

    @staticmethod
    def _count_costs(position: Position, held: int, closed: int, quantity: int, commission: int, profit: int) -> None:
        """Keep what the break-even price needs. A position that turns begins anew, with its share of the commission."""
        if closed and closed == abs(held):
            position.paid = commission * (quantity - closed) // quantity
        else:
            position.paid += commission - profit

    def _move_margin(
        self,
        stake: Stake,
        position: Position,
        wallet: Wallet,
        held: int,
        closed: int,
        quantity: int,
        price: int,
        profit: int,
        commission: int,
    ) -> None:
        """What is closed gives its share of the margin back, what is opened takes its margin from the cross wallet.

        A loss beyond the share eats what is left of the margin; beyond all of it the insurance fund pays.
        """
        before = position.isolated_wallet
        if closed:
            back = before if closed == abs(held) else before * closed // abs(held)
            gain = back + profit - commission * closed // quantity
            position.isolated_wallet -= back
            if gain < 0:
                position.isolated_wallet += gain
            wallet.isolated += position.isolated_wallet - before
            if closed == abs(held) and position.isolated_wallet < 0:
                lost = -position.isolated_wallet
                self._pay(wallet, "INSURANCE_CLEAR", lost, position.symbol, position.update_ms)
                position.isolated_wallet = 0
                wallet.isolated += lost
        if quantity > closed:
            margin = min(stake.margin((quantity - closed) * price), max(wallet.cross, 0))
            position.isolated_wallet += margin
            wallet.isolated += margin
        self._floor.journal.put(WALLETS, (wallet.account_id, wallet.asset), wallet)

"""What must hold whatever happens: read from the ledger and from the engine's state, not from its code."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from market.paper.engine.amounts import SCALE, units
from market.paper.engine.futures.types import FuturesOrder, FuturesState, Position
from market.paper.tests.futures_engine.desk import RULES, Desk


def check_laws(desk: Desk) -> None:
    """Raise when one of the laws is broken."""
    desk.write()
    state = desk.engine.state()
    _money_is_conserved(desk, state)
    _positions_are_their_fills(desk, state)
    _orders_are_their_fills(desk)
    _incomes_are_their_fills(desk)
    _wallets_are_not_negative(state)
    _indexes_are_right(desk, state)
    assert desk.restarted().engine.state() == state


def _money_is_conserved(desk: Desk, state: FuturesState) -> None:
    earned: dict[Any, int] = defaultdict(int)
    for account_id, asset, income in desk.rows("SELECT account_id, asset, income FROM futures_incomes"):
        earned[account_id, asset] += units(income)
    assert {(wallet.account_id, wallet.asset): wallet.balance for wallet in state.wallets} == dict(earned)


def _positions_are_their_fills(desk: Desk, state: FuturesState) -> None:
    held: dict[Any, int] = defaultdict(int)
    paid: dict[Any, int] = defaultdict(int)
    realized: dict[Any, int] = defaultdict(int)
    for account_id, symbol, position_side, side, price, qty, pnl in desk.rows(
        "SELECT account_id, symbol, position_side, side, price, qty, realized_pnl FROM fills"
    ):
        signed = units(qty) if side == "BUY" else -units(qty)
        held[account_id, symbol, position_side] += signed
        paid[account_id, symbol, position_side] += signed * units(price)
        realized[account_id, symbol, position_side] += units(pnl)
    positions = {(each.account_id, each.symbol, each.side): each for each in state.positions}
    assert set(positions) == set(held)
    for key, position in positions.items():
        assert position.quantity == held[key]
        assert position.realized == realized[key]
        # Profit, realised or not, is what the fills brought in and what is held is worth: at any mark price.
        for mark in (1, 12345678901234):
            unrealized = position.quantity * mark - position.cost
            assert realized[key] * SCALE + position.residue + unrealized == held[key] * mark - paid[key]
        assert 0 <= position.residue < SCALE
        assert position.quantity or not position.cost


def _orders_are_their_fills(desk: Desk) -> None:
    executed: dict[Any, int] = defaultdict(int)
    quote: dict[Any, int] = defaultdict(int)
    for symbol, order_id, qty, quote_qty in desk.rows("SELECT symbol, order_id, qty, quote_qty FROM fills"):
        executed[symbol, order_id] += units(qty)
        quote[symbol, order_id] += units(quote_qty)
    for symbol, order_id, status, *amounts in desk.rows(
        "SELECT symbol, order_id, status, orig_qty, executed_qty, cum_quote FROM orders"
    ):
        orig_qty, executed_qty, cum_quote = map(units, amounts)
        assert 0 <= executed_qty <= orig_qty
        assert (executed_qty, cum_quote) == (executed[symbol, order_id], quote[symbol, order_id])
        assert (status == "FILLED") == (executed_qty == orig_qty)
        assert status != "NEW" or not executed_qty
        assert status != "PARTIALLY_FILLED" or executed_qty


def _incomes_are_their_fills(desk: Desk) -> None:
    for kind, column, sign in (("COMMISSION", "commission", -1), ("REALIZED_PNL", "realized_pnl", 1)):
        sql = "SELECT symbol, trade_id, income FROM futures_incomes WHERE income_type = ?"
        booked = {(symbol, trade_id): units(income) for symbol, trade_id, income in desk.rows(sql, kind)}
        fills = desk.rows(f"SELECT symbol, trade_id, {column} FROM fills")
        assert booked == {(symbol, number): sign * units(amount) for symbol, number, amount in fills if units(amount)}


def _wallets_are_not_negative(state: FuturesState) -> None:
    isolated: dict[int, int] = defaultdict(int)
    crossed: set[int] = set()
    types = {(config.account_id, config.symbol): config.margin_type for config in state.symbol_configs}
    for position in state.positions:
        isolated[position.account_id] += position.isolated_wallet
        if types.get((position.account_id, position.symbol)) == "ISOLATED":
            assert position.quantity or not position.isolated_wallet
        else:
            assert not position.isolated_wallet
            if position.quantity:
                crossed.add(position.account_id)
    for wallet in state.wallets:
        assert wallet.isolated == (isolated[wallet.account_id] if wallet.asset == "USDT" else 0)
        assert wallet.cross >= 0 or wallet.account_id in crossed


def _indexes_are_right(desk: Desk, state: FuturesState) -> None:
    """What the engine keeps for speed is what one would count."""
    floor = desk.engine._floor
    open_notional: dict[Any, int] = defaultdict(int)
    counts: dict[Any, int] = defaultdict(int)
    for order in state.open_orders:
        key = (order.account_id, order.symbol)
        counts[key] += 1
        if not _reduces(order):
            open_notional[(*key, order.side)] += order.price * order.remaining_qty
    for portfolio in floor.portfolios.values():
        for symbol, stake in portfolio.stakes.items():
            key = (portfolio.account_id, symbol)
            assert stake.orders == counts[key]
            assert (stake.bids, stake.asks) == (open_notional[(*key, "BUY")], open_notional[(*key, "SELL")])
            held = any(position.quantity for position in stake.positions.values())
            assert (portfolio.account_id in floor.holders[symbol]) == held
            assert (symbol in portfolio.active) == (held or stake.orders > 0)
    assert not floor.closed
    assert not floor.done


def _reduces(order: FuturesOrder) -> bool:
    closes = (order.position_side, order.side) in (("LONG", "SELL"), ("SHORT", "BUY"))
    return order.reduce_only or closes


def check_nobody_is_overdue(desk: Desk) -> None:
    """After a price nobody is left whose margin balance is not above the maintenance margin."""
    engine = desk.engine
    state = engine.state()
    if any(status != "TRADING" for status in engine.statuses.values()):
        return
    types = {(config.account_id, config.symbol): config.margin_type for config in state.symbol_configs}
    crossed: dict[int, list[Position]] = defaultdict(list)
    for position in state.positions:
        if not position.quantity:
            continue
        if types.get((position.account_id, position.symbol)) == "ISOLATED":
            equity, needed = _pocket(desk, position.isolated_wallet, [position])
            assert equity > needed
        else:
            crossed[position.account_id].append(position)
    for wallet in state.wallets:
        if wallet.asset == "USDT" and crossed[wallet.account_id]:
            equity, needed = _pocket(desk, wallet.cross, crossed[wallet.account_id])
            assert equity > needed


def _pocket(desk: Desk, wallet: int, positions: list[Position]) -> tuple[int, int]:
    equity, needed = wallet, 0
    for position in positions:
        mark = desk.quotes[position.symbol].mark
        equity += (position.quantity * mark - position.cost) // SCALE
        notional = abs(position.quantity) * mark // SCALE
        needed += max(
            -(-notional * bracket.ratio // SCALE) - bracket.cum for bracket in RULES[position.symbol].brackets
        )
    return equity, needed

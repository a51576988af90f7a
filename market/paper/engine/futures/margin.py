"""Margin: what is used, what is free, how far a position is from liquidation. Pure functions of portfolios and marks.

Cross: all crossed positions of an asset share what its wallet holds beyond the isolated margins. Isolated: each stands
on its own. Initial margin = notional / leverage; maintenance = notional x ratio - cum of the bracket.
"""

from __future__ import annotations

from collections.abc import Iterable

from market.paper.engine.amounts import SCALE
from market.paper.engine.futures.portfolio import Floor, Portfolio, Stake
from market.paper.engine.futures.types import Position

TAKER_RATE = SCALE * 5 // 10_000

MAX_ROUNDS = 8


def unrealized(position: Position, mark: int) -> int:
    """Profit at a mark price, rounded down."""
    return (position.quantity * mark - position.cost) // SCALE


def maintenance(stake: Stake, position: Position, mark: int) -> int:
    """The margin the position needs to stay."""
    return stake.rules.maintenance(abs(position.quantity) * mark // SCALE)


def available(floor: Floor, portfolio: Portfolio, asset: str) -> int:
    """What new orders and transfers may use; below zero when positions use more than there is."""
    free = portfolio.wallet(asset).cross
    for stake in portfolio.active.values():
        if stake.rules.margin_asset != asset:
            continue
        mark = floor.mark(stake)
        used = stake.margin(stake.notional(mark, stake.bids, stake.asks))
        if stake.is_isolated:
            free -= used - stake.margin(stake.notional(mark, 0, 0))
        else:
            free -= used
            for position in stake.positions.values():
                if position.quantity:
                    free += unrealized(position, mark)
    return free


def can_isolate(floor: Floor, stake: Stake, position_side: str, side: str, fills: Iterable[tuple[int, int]]) -> bool:
    """True when the cross wallet can give the margin and the commission that (price, quantity) of an isolated position
    take from it, with what the part that closes a position gives back."""
    notional = quantity = 0
    for price, part in fills:
        notional += price * part
        quantity += part
    closable = stake.closable(position_side, side)
    if quantity <= closable:
        return True
    opened = notional * (quantity - closable) // quantity
    needed = stake.margin(opened) + opened * TAKER_RATE // (SCALE * SCALE)
    cross = stake.portfolio.wallet(stake.rules.margin_asset).cross
    if closable:
        position = stake.position(position_side)
        cross += max(position.isolated_wallet + unrealized(position, floor.mark(stake)), 0)
    return cross >= needed


def crossed(portfolio: Portfolio, asset: str) -> list[tuple[Stake, Position]]:
    """The positions that share the cross wallet of an asset."""
    stakes = (stake for stake in portfolio.of_asset(asset) if not stake.is_isolated)
    return [(stake, position) for stake in stakes for position in stake.held()]


def pocket(floor: Floor, wallet: int, positions: Iterable[tuple[Stake, Position]]) -> tuple[int, int]:
    """Margin balance and maintenance of positions that share ``wallet``: they are liquidated when the one is not above
    the other."""
    equity, needed = wallet, 0
    for stake, position in positions:
        mark = floor.mark(stake)
        equity += unrealized(position, mark)
        needed += maintenance(stake, position, mark)
    return equity, needed


def liquidation_price(floor: Floor, stake: Stake, position: Position) -> int:
    """The mark price at which the position would be liquidated if no other price moved; 0 when there is none."""
    if not position.quantity:
        return 0
    if stake.is_isolated:
        wallet, together = position.isolated_wallet, [(stake, position)]
    else:
        asset = stake.rules.margin_asset
        wallet, together = stake.portfolio.wallet(asset).cross, crossed(stake.portfolio, asset)
    others = [pair for pair in together if pair[0] is not stake]
    equity, needed = pocket(floor, wallet, others)
    return _solve(stake, [each for owner, each in together if owner is stake], equity - needed, floor.mark(stake))


def _solve(stake: Stake, positions: list[Position], spare: int, price: int) -> int:
    """Where spare + profit - maintenance = 0: linear within the brackets, which depend on the price."""
    for _ in range(MAX_ROUNDS):
        slope, constant = 0, spare * SCALE * SCALE
        for position in positions:
            size = abs(position.quantity)
            bracket = stake.rules.bracket_of(size * price // SCALE)
            slope += position.quantity * SCALE - size * bracket.ratio
            constant += bracket.cum * SCALE * SCALE - position.cost * SCALE
        if not slope:
            return 0
        found = -constant // slope
        if found <= 0 or found == price:
            break
        price = found
    return max(found, 0)

"""What the account endpoints show, computed from what the engine holds, at the last mark prices."""

from __future__ import annotations

from market.paper.engine.amounts import SCALE
from market.paper.engine.futures.margin import available, liquidation_price, maintenance, unrealized
from market.paper.engine.futures.portfolio import Floor, Portfolio, Stake
from market.paper.engine.futures.types import AssetView, Position, PositionView

ALWAYS = "USDT"


def position_views(floor: Floor, portfolio: Portfolio, symbol: str | None, *, only_held: bool) -> list[PositionView]:
    """The rows of positionRisk and of ``positions`` in account."""
    sides = ("LONG", "SHORT") if portfolio.config.hedge_mode else ("BOTH",)
    if only_held:
        stakes = [stake for name, stake in portfolio.active.items() if symbol in (None, name)]
    else:
        stakes = [floor.seen(portfolio, name) for name in ([symbol] if symbol else floor.rules)]
    views = [_position_view(floor, stake, stake.position(side)) for stake in stakes for side in sides]
    return [view for view in views if view.quantity or view.has_orders or not only_held]


def _position_view(floor: Floor, stake: Stake, position: Position) -> PositionView:
    mark = floor.mark(stake)
    bids = stake.bids if position.side != "SHORT" else 0
    asks = stake.asks if position.side != "LONG" else 0
    held = position.quantity * mark
    position_margin = stake.margin(abs(held))
    if position.side == "BOTH":
        used = stake.margin(max(abs(held + bids), abs(held - asks)))
    else:
        used = stake.margin(abs(held) + bids + asks)
    profit = unrealized(position, mark)
    return PositionView(
        symbol=position.symbol,
        side=position.side,
        quantity=position.quantity,
        entry_price=position.entry_price,
        break_even_price=position.break_even_price,
        mark_price=mark,
        notional=held // SCALE,
        unrealized=profit,
        liquidation_price=liquidation_price(floor, stake, position),
        leverage=stake.config.leverage,
        margin_type=stake.config.margin_type,
        isolated_wallet=position.isolated_wallet,
        isolated_margin=position.isolated_wallet + profit if stake.is_isolated else 0,
        initial_margin=used,
        position_margin=position_margin,
        open_order_margin=used - position_margin,
        maintenance=maintenance(stake, position, mark) if position.quantity else 0,
        max_notional=stake.max_notional,
        bid_notional=bids // SCALE,
        ask_notional=asks // SCALE,
        margin_asset=stake.rules.margin_asset,
        update_ms=position.update_ms,
        has_orders=bool(bids or asks) or (position.side == "BOTH" and stake.orders > 0),
    )


def asset_views(floor: Floor, portfolio: Portfolio) -> list[AssetView]:
    """The rows of ``assets`` in account, and of balance."""
    assets = dict.fromkeys((ALWAYS, *portfolio.wallets))
    views = position_views(floor, portfolio, None, only_held=True)
    return [
        _asset_view(floor, portfolio, asset, [view for view in views if view.margin_asset == asset]) for asset in assets
    ]


def _asset_view(floor: Floor, portfolio: Portfolio, asset: str, views: list[PositionView]) -> AssetView:
    wallet = portfolio.wallet(asset)
    profit = sum(view.unrealized for view in views)
    cross_profit = sum(view.unrealized for view in views if view.margin_type == "CROSSED")
    return AssetView(
        asset=asset,
        wallet_balance=wallet.balance,
        unrealized=profit,
        margin_balance=wallet.balance + profit,
        maintenance=sum(view.maintenance for view in views),
        initial_margin=sum(view.initial_margin for view in views),
        position_margin=sum(view.position_margin for view in views),
        open_order_margin=sum(view.open_order_margin for view in views),
        cross_wallet=wallet.cross,
        cross_unrealized=cross_profit,
        available=max(available(floor, portfolio, asset), 0),
        max_withdraw=max_withdraw(floor, portfolio, asset),
        update_ms=wallet.update_ms,
    )


def max_withdraw(floor: Floor, portfolio: Portfolio, asset: str) -> int:
    """What may leave: what is available, but not profit that is not realised yet."""
    profit = 0
    for stake in portfolio.of_asset(asset):
        if not stake.is_isolated:
            profit += sum(unrealized(position, floor.mark(stake)) for position in stake.held())
    return max(available(floor, portfolio, asset) - max(profit, 0), 0)

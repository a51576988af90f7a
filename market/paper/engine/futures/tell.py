"""What the account's user data stream is told: the kinds of futures news and their details.

ORDER_TRADE_UPDATE: ``order`` (a FuturesOrder), ``fill`` when there was one, and ``execution`` (Binance's x: NEW, TRADE,
    CANCELED, EXPIRED, AMENDMENT, CALCULATED for liquidations), ``bid_notional`` and ``ask_notional`` (b, a),
    ``expiry_reason`` (er: "0" none, "2" IOC, "4" reduce-only without a position, "5" liquidation, "9" market).
ACCOUNT_UPDATE: ``reason`` (m: ORDER, FUNDING_FEE, DEPOSIT, WITHDRAW, MARGIN_TRANSFER, MARGIN_TYPE_CHANGE,
    INSURANCE_CLEAR), ``balances`` [(asset, wallet balance, cross wallet, change but for profit and commission)],
    ``positions`` [(symbol, side, quantity, entry price, break-even price, realised so far, unrealised, margin type,
    isolated wallet)].
ALGO_UPDATE: ``algo``, a copy of the AlgoOrder as it was.
ACCOUNT_CONFIG_UPDATE: ``symbol`` and ``leverage``, or ``multi_assets``.
MARGIN_CALL: ``cross_wallet``, ``positions`` [(symbol, side, quantity, margin type, isolated wallet, mark price,
    unrealised, maintenance)].

All amounts count 10**-8.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

from market.paper.engine.amounts import SCALE
from market.paper.engine.futures.margin import maintenance, unrealized
from market.paper.engine.futures.portfolio import Floor, Portfolio, Stake
from market.paper.engine.futures.types import AlgoOrder, FuturesOrder, Position
from market.paper.engine.types import Fill


def tell_order(
    floor: Floor,
    stake: Stake,
    order: FuturesOrder,
    execution: str,
    now_ms: int,
    fill: Fill | None = None,
    *,
    expiry_reason: str = "0",
) -> None:
    """ORDER_TRADE_UPDATE."""
    if order.account_id in floor.journal.watched:
        floor.journal.tell(
            order.account_id,
            "futures",
            "ORDER_TRADE_UPDATE",
            now_ms,
            order=order,
            fill=fill,
            execution=execution,
            bid_notional=stake.bids // SCALE,
            ask_notional=stake.asks // SCALE,
            expiry_reason=expiry_reason,
        )


def tell_account(
    floor: Floor,
    portfolio: Portfolio,
    reason: str,
    now_ms: int,
    positions: Iterable[tuple[Stake, Position]] = (),
    changes: Iterable[tuple[str, int]] = (),
) -> None:
    """ACCOUNT_UPDATE with the wallets of ``changes`` (asset, change) and the given positions."""
    if portfolio.account_id not in floor.journal.watched:
        return
    balances = []
    for asset, change in changes:
        wallet = portfolio.wallet(asset)
        balances.append((asset, wallet.balance, wallet.cross, change))
    rows = [
        (
            *(stake.rules.symbol, each.side, each.quantity, each.entry_price, each.break_even_price, each.realized),
            *(unrealized(each, floor.mark(stake)), stake.config.margin_type, each.isolated_wallet),
        )
        for stake, each in positions
    ]
    floor.journal.tell(
        portfolio.account_id,
        "futures",
        "ACCOUNT_UPDATE",
        now_ms,
        reason=reason,
        balances=balances,
        positions=rows,
    )


def tell_algo(floor: Floor, algo: AlgoOrder, now_ms: int) -> None:
    """ALGO_UPDATE."""
    if algo.account_id in floor.journal.watched:
        floor.journal.tell(algo.account_id, "futures", "ALGO_UPDATE", now_ms, algo=copy.copy(algo))


def tell_margin_call(
    floor: Floor, portfolio: Portfolio, cross_wallet: int, positions: Iterable[tuple[Stake, Position]], now_ms: int
) -> None:
    """MARGIN_CALL."""
    if portfolio.account_id not in floor.journal.watched:
        return
    rows = []
    for stake, position in positions:
        mark = floor.mark(stake)
        rows.append(
            (
                *(stake.rules.symbol, position.side, position.quantity, stake.config.margin_type),
                *(position.isolated_wallet, mark, unrealized(position, mark), maintenance(stake, position, mark)),
            )
        )
    floor.journal.tell(
        portfolio.account_id,
        "futures",
        "MARGIN_CALL",
        now_ms,
        cross_wallet=cross_wallet,
        positions=rows,
    )

"""What a report changes in the books: fills that are new, the holding after them, the order's next status. Pure.

Fills are told apart by the exchange's id, so a report may come twice, late, or in pieces, by whatever way.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from market.exchange.types import FillReport, OrderReport, ReportStatus
from market.types import Side
from trades.lifecycle import OrderStatus, may_become
from trades.pnl import Execution, Holding

STATUS_OF = {
    ReportStatus.OPEN: OrderStatus.OPEN,
    ReportStatus.FILLED: OrderStatus.FILLED,
    ReportStatus.CANCELED: OrderStatus.CANCELED,
    ReportStatus.EXPIRED: OrderStatus.EXPIRED,
    ReportStatus.REJECTED: OrderStatus.REJECTED,
}
Rates = Mapping[str, Decimal]  # the worth of one unit of an asset, in quote asset


@dataclass(frozen=True)
class Booked:
    """One fill as it goes into the books, and the holding that it leaves behind."""

    report: FillReport
    commission_quote: Decimal
    realized_pnl: Decimal  # what this fill earned, in quote asset, net of its commission
    holding: Holding


def book_fills(
    holding: Holding, side: Side, report: OrderReport, *, known: Collection[int], base_asset: str, rates: Rates
) -> Iterator[Booked]:
    """The fills of ``report`` that are not among the ``known`` ids, each booked upon the one before it.

    ``rates`` are those of the commission assets, but for the base asset, which is worth its fill's price.
    """
    seen = set(known)
    for fill in report.fills:
        if fill.exchange_trade_id in seen:
            continue
        seen.add(fill.exchange_trade_id)
        commission_quote = fill.commission * rates.get(fill.commission_asset, fill.price)
        takes_base = fill.commission_asset == base_asset
        after = holding.after(
            Execution(
                side=side,
                price=fill.price,
                quantity=fill.quantity,
                commission_quote=commission_quote,
                commission_base=fill.commission if takes_base else Decimal(0),
            )
        )
        yield Booked(fill, commission_quote, after.realized_pnl - holding.realized_pnl, after)
        holding = after


def status_after(current: OrderStatus, report: OrderReport, *, filled: Decimal) -> OrderStatus:
    """The order's status once ``filled`` is booked.

    It is finished only when all that the exchange executed is booked: while its fills lag behind, it stays where it is
    and is asked for again.
    """
    told = STATUS_OF[report.status]
    if filled < report.executed_quantity or not may_become(current, told):
        return current
    return told

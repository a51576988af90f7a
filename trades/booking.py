"""What a report changes in the books: lines that are new, the position's figures after them, the order's status. Pure.

Fills are told apart by the exchange's id, so a report may come twice, late, or in pieces, by whatever way. They count
in the order of these ids, which is that of execution, whatever the order in which they become known: the average
entry price and what each order earned depend on it (../docs/decisions/0007-fills-count-in-the-order-of-execution.md).
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from market.exchange.types import FillReport, OrderReport, ReportStatus
from market.types import Side
from trades.lifecycle import OrderStatus, may_become
from trades.pnl import EXACT, PLACES, ZERO, Execution, Holding

STATUS_OF = {
    ReportStatus.OPEN: OrderStatus.OPEN,
    ReportStatus.FILLED: OrderStatus.FILLED,
    ReportStatus.CANCELED: OrderStatus.CANCELED,
    ReportStatus.EXPIRED: OrderStatus.EXPIRED,
    ReportStatus.REJECTED: OrderStatus.REJECTED,
}
Rates = Mapping[str, Decimal]  # the worth of one unit of an asset, in quote asset


class Line(NamedTuple):
    """One line of the journal: a fill, as far as figures are computed from it. ``order`` is our number of its order."""

    trade_id: int
    order: int
    is_entry: bool
    execution: Execution
    executed_at: datetime

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in the journal. Ids are the symbol's, so they repeat only where we traded with ourselves."""
        return self.trade_id, self.order


class Figures(NamedTuple):
    """What the lines of a position come to, up to the one whose trade id is ``newest``; funding is not among them.

    ``start`` are the figures before the line that opened this round, where a line that comes late is put in from.
    """

    holding: Holding = Holding()
    round: int = 0
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    opened_by: int | None = None  # the entry order of this round
    newest: int = -1  # ids begin at 0
    start: "Figures | None" = None

    def after(self, line: Line) -> "Figures":
        """The figures after one more line; no line that is booked has a place behind it."""
        holding, newest = self.holding.after(line.execution), line.trade_id
        if line.is_entry and line.order != self.opened_by:
            start = self._replace(start=None) if newest > self.newest else None
            return Figures(holding, self.round + 1, line.executed_at, self.closed_at, line.order, newest, start)
        closed_at = self.closed_at if line.is_entry else line.executed_at
        return Figures(holding, self.round, self.opened_at, closed_at, self.opened_by, newest, self.start)

    def packed(self) -> dict[str, Any]:
        """All but ``start`` as JSON has it."""
        return {
            "holding": [str(amount) for amount in self.holding],
            "round": self.round,
            "moments": [moment and moment.isoformat() for moment in (self.opened_at, self.closed_at)],
            "opened_by": self.opened_by,
            "newest": self.newest,
        }

    @classmethod
    def unpacked(cls, packed: Mapping[str, Any]) -> "Figures":
        """What ``packed`` made JSON of."""
        holding = Holding(*(Decimal(text) for text in packed["holding"]))
        opened_at, closed_at = (text and datetime.fromisoformat(text) for text in packed["moments"])
        return cls(holding, packed["round"], opened_at, closed_at, packed["opened_by"], packed["newest"])


def new_fills(report: OrderReport, *, known: Collection[int]) -> list[FillReport]:
    """The fills of ``report`` that are not among the ``known`` ids, each once, as they were executed."""
    found = {fill.exchange_trade_id: fill for fill in report.fills if fill.exchange_trade_id not in known}
    return [found[trade_id] for trade_id in sorted(found)]


def line_of(fill: FillReport, *, order: int, is_entry: bool, side: Side, base_asset: str, rates: Rates) -> Line:
    """The journal's line of a fill.

    ``rates`` are those of the commission assets, but for the base asset, which is worth its fill's price.
    """
    fee = EXACT.quantize(EXACT.multiply(fill.commission, rates.get(fill.commission_asset, fill.price)), PLACES)
    commission_base = fill.commission if fill.commission_asset == base_asset else ZERO
    execution = Execution(side, fill.price, fill.quantity, fee, commission_base)
    return Line(fill.exchange_trade_id, order, is_entry, execution, fill.executed_at)


def book(
    figures: Figures, new: Sequence[Line], *, journal: Callable[[int], Iterable[Line]]
) -> tuple[Figures, dict[int, Decimal]]:
    """The figures with the ``new`` lines of one order, oldest first, and by how much each order has earned more (or
    less) than was thought.

    Nearly always they are the newest of all. One that is late goes where it belongs and what came after it is computed
    anew: ``journal`` tells the lines that are booked already, from those with an id above the given one.
    """
    late = new[0].trade_id
    if late > figures.newest:
        return _counted(figures, new)
    start = figures.start if figures.start and late > figures.start.newest else Figures()
    booked = sorted(journal(start.newest), key=_place)
    before = bisect_left(booked, new[0].place, key=_place)
    figures, _ = _counted(start, booked[:before])
    _, thought = _counted(figures, booked[before:])
    figures, earned = _counted(figures, sorted([*booked[before:], *new], key=_place))
    return figures, {order: EXACT.subtract(value, thought.get(order, ZERO)) for order, value in earned.items()}


def _place(line: Line) -> tuple[int, int]:
    return line.place


def _counted(figures: Figures, lines: Iterable[Line]) -> tuple[Figures, dict[int, Decimal]]:
    """The figures after the lines, and what each order earned by them, in quote asset, net of commission."""
    earned: dict[int, Decimal] = {}
    for line in lines:
        after = figures.after(line)
        gain = EXACT.subtract(after.holding.realized_pnl, figures.holding.realized_pnl)
        earned[line.order] = EXACT.add(earned.get(line.order, ZERO), gain)
        figures = after
    return figures, earned


def status_after(current: OrderStatus, report: OrderReport, *, filled: Decimal, quantity: Decimal) -> OrderStatus:
    """The order's status once ``filled`` of ``quantity`` is booked.

    It is finished only when all that the exchange executed is booked: while its fills lag behind, it stays where it is
    and is asked for again. And it is filled when all of it is, whatever an older report says that comes late.
    """
    told = OrderStatus.FILLED if filled >= quantity else STATUS_OF[report.status]
    if filled < report.executed_quantity or not may_become(current, told):
        return current
    return told

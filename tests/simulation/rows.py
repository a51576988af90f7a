"""What the books in memory are made of: accounts, positions, orders, and what a bot wants."""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from market.exchange.types import FillReport, OrderType
from market.rules import Rules
from market.types import Side
from trades.booking import Figures, Line
from trades.lifecycle import CUT_SHORT, IN_DOUBT, NEVER_WERE, OrderPurpose, OrderStatus
from trades.pnl import ZERO
from trades.services.orders import ID_PREFIX


@dataclass
class Account:
    """An account: its switch, its silence, and when it was switched."""

    number: int
    market: str
    state: str = "active"
    cooldown_until: datetime | None = None
    switched: list[tuple[int, int, str]] = field(default_factory=list)  # ms from, to, and how it stood meanwhile

    def is_cooling(self, now: datetime) -> bool:
        """Whether the exchange asked for silence."""
        return self.cooldown_until is not None and now < self.cooldown_until


@dataclass(eq=False)
class Position:
    """What one bot holds; ``entry_side`` is the only way it goes."""

    number: int
    account: Account
    rules: Rules
    entry_side: Side
    figures: Figures = field(default_factory=Figures)
    journal: list[Line] = field(default_factory=list)
    acts: dict[str, list[Row]] = field(default_factory=dict)
    rounds: dict[str, list[Row]] = field(default_factory=dict)  # exits and protections by kind and round
    live: dict[int, Row] = field(default_factory=dict)
    is_retired: bool = False

    def __post_init__(self) -> None:
        self.smallest = self.rules.smallest_quantity

    @property
    def quantity(self) -> Decimal:
        return self.figures.holding.quantity

    @property
    def is_open(self) -> bool:
        return abs(self.figures.holding.quantity) >= self.smallest

    def of_round(self, kind: str) -> list[Row]:
        """The exits, or protections, of this round."""
        return self.rounds.get(f"{kind}:{self.figures.round}", [])

    def enter(self, line: Line) -> None:
        """Write a line into the journal, where it belongs."""
        if not self.journal or line.trade_id > self.journal[-1].trade_id:
            self.journal.append(line)
        else:
            insort(self.journal, line, key=_place)

    @property
    def is_in_doubt(self) -> bool:
        """Whether an order of it has no clear outcome yet."""
        return any(row.status in IN_DOUBT for row in self.live.values())

    def lines_above(self, trade_id: int) -> list[Line]:
        """The booked lines with a greater id."""
        return self.journal[bisect_right(self.journal, trade_id, key=_trade_id) :]


class Row:
    """An order. See `trades.models.Order`."""

    def __init__(self, number: int, position: Position, wanted: Wanted, attempt: int, created_at: datetime) -> None:
        self.number = number
        self.position = position
        self.client_order_id = f"{ID_PREFIX}{position.number}-{number:x}"
        self.list_client_id = wanted.list_client_id
        self.act = self.signal_key = wanted.key
        self.attempt = attempt
        self.purpose: str = wanted.purpose
        self.type: str = wanted.type
        self.side: str = wanted.side
        self.quantity = wanted.quantity
        self.price = wanted.trigger
        self.reduce_only = position.account.market == "futures" and wanted.purpose != OrderPurpose.ENTRY
        self.created_at = created_at
        self.status: str = OrderStatus.INTENDED
        self.filled_quantity = ZERO
        self.signed_at: datetime | None = None
        self.proof_deadline: datetime | None = None
        self.not_found_at: datetime | None = None
        self.cancel_requested_at: datetime | None = None
        self.exchange_order_id: int | None = None
        self.claimed_ms = -1
        self.earned = ZERO  # what its trade says
        self.fills: dict[int, FillReport] = {}

    @property
    def symbol(self) -> str:
        return self.position.rules.symbol

    @property
    def is_real(self) -> bool:
        """It is, was, or may be at the exchange; see `OrderQuerySet.real`."""
        return self.status not in NEVER_WERE and not (self.status in CUT_SHORT and not self.filled_quantity)

    def copy(self) -> Row:
        """The row as a worker reads it."""
        other = Row.__new__(Row)
        other.__dict__.update(self.__dict__)
        return other


class Wanted(NamedTuple):
    """An order that a bot wants; see `trades.services.Intent`."""

    purpose: OrderPurpose
    side: Side
    quantity: Decimal
    price: Decimal
    key: str
    type: OrderType = OrderType.MARKET
    trigger: Decimal | None = None
    list_client_id: str = ""


def _trade_id(line: Line) -> int:
    return line.trade_id


def _place(line: Line) -> tuple[int, int]:
    return line.place

"""The life of a transfer between the wallets of an account, and how it is found again after doubt. Plain Python.

A transfer is moved on like an order (``trades.protocol``): written down, claimed, sent once, asked for afterwards. But
the exchange knows no id of ours for it. After doubt it can only be recognised in the exchange's history: by asset,
amount, direction and time. So that two of ours are never mistaken for each other, no two equal ones of an owner are
live at once, and what one has claimed in the history is no other's.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from market.exchange.types import TransferReport
from market.rounding import plain

VALID_FOR = timedelta(seconds=5)
# An order's is 15 s. Nobody promises how soon the history of the wallets tells of a transfer, and waiting costs little.
PROOF_MARGIN = timedelta(seconds=60)
SECOND_LOOK_AFTER = timedelta(seconds=25)  # less than the sweep's period, else the second look is the third
# A worker that is alive has its answer, or its time-out, by then.
ANSWER_DUE_AFTER = timedelta(seconds=20)
LEFT_BEHIND_AFTER = timedelta(seconds=5)
TOO_OLD_TO_SEND = timedelta(minutes=10)  # nobody expects money to move that long after it was asked for
LATE_BIRTHS_WITHIN = timedelta(minutes=10)
# Times in the history are the exchange's: a transfer is sent only while the clocks agree, and looked for a little
# around the time it can have been booked.
MAX_CLOCK_OFFSET = timedelta(seconds=1)
CLOCK_MARGIN = timedelta(seconds=3)
SMALLEST = Decimal("0.00000001")  # wallets count no finer
LONGEST_KEY = 100


class TransferStatus(StrEnum):
    INTENDED = "intended"  # written down, not yet sent
    SUBMITTED = "submitted"  # handed to the exchange, no answer yet
    UNKNOWN = "unknown"  # no trustworthy answer; the exchange's history tells
    DONE = "done"
    REJECTED = "rejected"  # a clear no of the exchange, or never sent: the error says which
    ABSENT = "absent"  # proven never to have reached the exchange


_S = TransferStatus

LIVE = (_S.INTENDED, _S.SUBMITTED, _S.UNKNOWN)
IN_DOUBT = (_S.SUBMITTED, _S.UNKNOWN)
# What each status may follow: the whole life of a transfer at a glance.
FOLLOWS: Mapping[TransferStatus, tuple[TransferStatus, ...]] = {
    _S.INTENDED: (),
    _S.SUBMITTED: (_S.INTENDED,),
    _S.UNKNOWN: (_S.SUBMITTED,),
    _S.DONE: (*IN_DOUBT, _S.ABSENT),  # absent: a late birth
    _S.REJECTED: (_S.INTENDED, _S.SUBMITTED),
    _S.ABSENT: IN_DOUBT,
}


@dataclass(frozen=True)
class TransferWish:
    """A transfer that somebody asks for. One key is one transfer of its owner, however often it is asked for."""

    owner_id: int
    account_id: int
    asset: str
    amount: Decimal
    to_futures: bool
    key: str
    asked_by: str  # who, or what, for people

    @property
    def content(self) -> str:
        """What is to be done, for people; equal for equal wishes."""
        return content_of(self.account_id, self.asset, self.amount, to_futures=self.to_futures)


def content_of(account_id: int, asset: str, amount: Decimal, *, to_futures: bool) -> str:
    """What a transfer does, for people."""
    return f"{plain(amount)} {asset} {'to futures' if to_futures else 'to spot'} on account {account_id}"


class TransferDenied(Exception):
    """We don't do it: which field, what it was, and the bound that it breaks. Nothing was sent."""

    def __init__(self, field: str, value: object, bound: str) -> None:
        super().__init__(f"{field}: {value}: {bound}")
        self.field, self.value, self.bound = field, value, bound


class KeyTaken(TransferDenied):
    """The idempotency key names another transfer already."""


def check_wish(wish: TransferWish, limits: Mapping[str, Decimal]) -> None:
    """Check what can be checked without asking anybody; ``limits`` are the largest amounts, by asset.

    Raises TransferDenied.
    """
    if not 1 <= len(wish.key) <= LONGEST_KEY:
        raise TransferDenied("key", repr(wish.key), f"has {len(wish.key)} characters, 1 to {LONGEST_KEY} are allowed")
    if wish.asset not in limits:
        allowed = ", ".join(limits) or "none"
        raise TransferDenied("asset", wish.asset, f"is not transferred here; MAX_TRANSFER allows: {allowed}")
    if not wish.amount.is_finite() or wish.amount < SMALLEST:
        raise TransferDenied("amount", wish.amount, f"below the smallest, {plain(SMALLEST)}")
    if wish.amount > limits[wish.asset]:
        limit = plain(limits[wish.asset])
        raise TransferDenied("amount", plain(wish.amount), f"above MAX_TRANSFER, {limit} {wish.asset} at once")
    if wish.amount % SMALLEST:
        raise TransferDenied("amount", plain(wish.amount), f"not a multiple of {plain(SMALLEST)}")


def clock_trouble(offset: timedelta) -> str:
    """Why a transfer could not be found again by its time; empty when it could. ``offset``: their clock minus ours."""
    if abs(offset) <= MAX_CLOCK_OFFSET:
        return ""
    return f"the exchange's clock is {offset.total_seconds():+.1f} s off ours, {MAX_CLOCK_OFFSET.seconds} s are allowed"


@dataclass(frozen=True)
class Sent:
    """A transfer that left, as the history would tell it."""

    asset: str
    amount: Decimal
    to_futures: bool
    signed_at: datetime
    valid_until: datetime

    @property
    def since(self) -> datetime:
        """From when on the history has to be read."""
        return self.signed_at - CLOCK_MARGIN

    def matches(self, history: Iterable[TransferReport], *, claimed: Container[int | None]) -> list[TransferReport]:
        """What may be this transfer: equal, of its time, and claimed by no other."""
        return [
            report
            for report in history
            if (report.asset, report.amount, report.to_futures) == (self.asset, self.amount, self.to_futures)
            and self.since <= report.at <= self.valid_until
            and report.transaction_id not in claimed
        ]

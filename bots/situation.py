"""What a bot's decision is made of: what its owner wants, what the market says, where it stands. Plain Python."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from bots.exits import ExitSettings
from bots.limits import Day, Limits, Record
from bots.protection import Resting
from bots.sizing import Sizing
from bots.strategies.base import Signal
from bots.types import Reason
from market.rules import Rules
from market.types import Side
from trades.checks.market import SIGNAL_VALID_FOR
from trades.liquidation import Terms


class Wish(StrEnum):
    """What the owner wants of the bot."""

    RUN = "running"
    STOP = "stopped"  # and keep what it holds
    FLATTEN = "flattened"  # close what it holds, then stop


@dataclass(frozen=True)
class Setup:
    """What the owner configured."""

    wish: Wish
    exits: ExitSettings
    sizing: Sizing
    limits: Limits
    initial_capital: Decimal
    cooldown_minutes: int
    exits_when_stopped: bool
    futures: bool = False  # both ways, with leverage; spot is long only
    leverage: int = 1
    is_isolated: bool = True
    min_liquidation_percent: Decimal = Decimal(0)  # how far the liquidation must be without a stop
    adds: bool = False  # the strategy may enter again while a position is open
    entries_paused: bool = False  # by a person; what is held is protected and left as ever


@dataclass(frozen=True)
class MarketView:
    """The market, the same for all bots of one series and set of parameters."""

    signal: Signal
    candle_close_at: datetime
    text: str  # the strategy's sentence about the last candle
    price: Decimal
    rules: Rules
    left_long_at: datetime | None = None  # the close of the last candle whose signal was to leave a long position
    left_short_at: datetime | None = None  # the same of a short one
    trouble: Reason = Reason.NONE  # why there is no signal; price and rules are good all the same
    indicators: Mapping[str, float] = field(default_factory=dict)  # the strategy's values at the last candle
    key: str = ""  # names a signal that is not a candle's; then candle_close_at is when it was sent

    def left_at(self, side: Side) -> datetime | None:
        """When the strategy last wanted a position of this side left."""
        return self.left_long_at if side is Side.BUY else self.left_short_at

    @property
    def act_key(self) -> str:
        """An entry, or the sale of a part, is one act for each candle, or for each signal from outside."""
        return self.key or f"{self.candle_close_at:%Y%m%dT%H%M}"

    def is_fresh(self, now: datetime) -> bool:
        """Whether the signal may still be acted on."""
        return now - self.candle_close_at <= SIGNAL_VALID_FOR


@dataclass(frozen=True)
class Standing:
    """Where the bot stands: its position, its orders, its day."""

    quantity: Decimal
    entry_price: Decimal
    realized_pnl: Decimal
    best_price: Decimal  # since the entry, as far as ticks have seen it
    opened_at: datetime | None
    closed_at: datetime | None
    order_in_doubt: bool
    day: Day
    account_state: str  # the strictest of the switches of platform, user and account
    account_cooling: bool
    key_error: str  # why the key can't be used for entries, if it can't
    hold: str = ""  # the sentence that goes with account_state, unless that is active
    lockout: Reason = Reason.NONE  # a lasting limit was reached, and no person has looked since
    lockout_text: str = ""
    is_reconciled: bool = True
    record: Record | None = None  # None: not read, for it matters only to a bot that is about to enter
    resting: tuple[Resting, ...] = ()  # its protections at the exchange
    steps_taken: frozenset[int] = frozenset()  # of the take profit, in this round
    exiting: Decimal = Decimal(0)  # what the exits that are under way are still to sell, or to buy back
    unprotectable: str = ""  # why no stop can rest at the exchange, if that was tried in vain
    terms_agreed: bool = False  # futures: the exchange has confirmed leverage and margin type
    terms_trouble: str = ""  # futures: why it did not, a short while ago
    liquidation_asked: bool = True  # futures: it was asked where it would liquidate this position
    liquidation_price: Decimal | None = None  # what it said

    @property
    def beside_exits(self) -> Decimal:
        """How much of the position no exit under way is to trade, whatever becomes of it."""
        return max(abs(self.quantity) - self.exiting, Decimal(0))


def side_held(quantity: Decimal, rules: Rules, *, futures: bool) -> Side | None:
    """The direction of the position; None when there is none, or only dust that can't be traded.

    Spot is long only: less than nothing is a commission that was taken from coins of somebody else.
    """
    if not rules.tradable(quantity):
        return None
    if quantity > 0:
        return Side.BUY
    return Side.SELL if futures else None


def capital_of(setup: Setup, standing: Standing) -> Decimal:
    """What the bot has, in quote asset: it keeps what it earns, and fees are paid from it."""
    return setup.initial_capital + standing.realized_pnl


def terms_of(setup: Setup, *, realized_pnl: Decimal) -> Terms | None:
    """Of futures: on which terms an entry is meant now."""
    if not setup.futures:
        return None
    capital = max(setup.initial_capital + realized_pnl, Decimal(0))
    return Terms(setup.leverage, setup.is_isolated, backing=capital, stop_percent=setup.exits.stop_percent)


def most_notional(setup: Setup, *, realized_pnl: Decimal) -> Decimal:
    """What one entry may be worth, in quote asset. On futures the capital is margin."""
    return (setup.initial_capital + max(realized_pnl, Decimal(0))) * setup.leverage

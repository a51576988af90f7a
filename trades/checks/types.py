"""What the checks look at, and what they answer. Plain Python."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from market.exchange.types import OrderType, Quote
from market.rounding import plain
from market.rules import Rules
from market.types import Environment, Side
from trades.liquidation import Outlook


class Code(StrEnum):
    """Why an order was denied, for machines."""

    PLATFORM_HALTED = "platform_halted"
    PLATFORM_REDUCING = "platform_reducing"
    USER_HALTED = "user_halted"
    USER_REDUCING = "user_reducing"
    ACCOUNT_HALTED = "account_halted"
    ACCOUNT_REDUCING = "account_reducing"
    ACCOUNT_COOLING = "account_cooling"
    NOT_OWNER = "not_owner"
    ENVIRONMENT = "environment"
    KEY_UNUSABLE = "key_unusable"
    NOT_RECONCILED = "not_reconciled"
    ORDER_UNKNOWN = "order_unknown"
    ALREADY_OPEN = "already_open"
    SYMBOL_TAKEN = "symbol_taken"
    EXIT_IN_FLIGHT = "exit_in_flight"
    WOULD_INCREASE = "would_increase"
    ALREADY_DONE = "already_done"
    ATTEMPTS_USED_UP = "attempts_used_up"
    CLOCK_OFF = "clock_off"
    STALE_PRICE = "stale_price"
    STALE_SIGNAL = "stale_signal"
    MALFORMED = "malformed"
    SYMBOL_UNKNOWN = "symbol_unknown"
    SYMBOL_NOT_TRADING = "symbol_not_trading"
    SYMBOL_RESTRICTED = "symbol_restricted"
    FILTER = "filter"
    NO_ROOM = "no_room"
    PRICE_COLLAR = "price_collar"
    NO_QUOTE = "no_quote"
    SLIPPAGE = "slippage"
    NOTIONAL_CAP = "notional_cap"
    LEVERAGE = "leverage"
    BALANCE = "balance"
    BALANCE_OLD = "balance_old"
    EXPOSURE = "exposure"
    SYMBOL_EXPOSURE = "symbol_exposure"
    OPEN_POSITIONS = "open_positions"
    OPEN_ORDERS = "open_orders"
    ORDERS_PER_MINUTE = "orders_per_minute"
    REPEATED_EXECUTION = "repeated_execution"
    DAILY_TRADES = "daily_trades"
    DAILY_LOSS = "daily_loss"
    DAILY_TARGET = "daily_target"
    DRAWDOWN = "drawdown"
    CONSECUTIVE_LOSSES = "consecutive_losses"
    COOL_DOWN = "cool_down"
    TERMS = "terms"
    LIQUIDATION = "liquidation"


@dataclass(frozen=True)
class Denial:
    """Our own refusal of an order: a code for machines, a sentence with limit and value for people.

    ``limit`` is what is allowed and ``value`` what was found, as text; empty where there is no such pair.
    """

    code: Code
    detail: str
    limit: str = ""
    value: str = ""

    @classmethod
    def beyond(cls, code: Code, detail: str, *, limit: Decimal | int, value: Decimal | int) -> "Denial":
        """A number that is beyond its bound."""
        return cls(code, detail, limit=shown(limit), value=shown(value))


def shown(number: Decimal | int) -> str:
    """A number without the zeros and the 18 decimals that the database knows."""
    return plain(round(Decimal(number), 8))


@dataclass(frozen=True)
class Caps:
    """Bounds that whoever wants the order has for himself; None where there is none."""

    max_notional: Decimal | None = None  # of one entry, in quote asset
    per_minute: int | None = None  # orders of the position
    per_hour: int | None = None  # entries of the position, until a person lets it go on
    counted_from: datetime | None = None  # when a person last did


@dataclass(frozen=True)
class RiskCaps:
    """What may be at stake on an account, or on all accounts of a user; None where there is no bound."""

    max_order_notional: Decimal | None = None
    max_exposure: Decimal | None = None
    max_symbol_exposure: Decimal | None = None
    max_open_positions: int | None = None
    max_open_orders: int | None = None
    max_orders_per_minute: int | None = None
    max_daily_loss: Decimal | None = None


@dataclass(frozen=True)
class Stake:
    """What is at stake before the order: open positions, and entries that are written down or at work."""

    whose: str  # "account" or "user"
    caps: RiskCaps
    exposure: Decimal = Decimal(0)  # quote asset
    symbol_exposure: Decimal = Decimal(0)  # the same, of the order's symbol
    open_positions: int = 0  # those that are about to be opened count, too
    open_orders: int = 0
    orders_last_minute: int = 0  # entries
    lost_today: Decimal = Decimal(0)  # quote asset, since midnight; counted where a bound asks for it


@dataclass(frozen=True)
class Proposal:
    """All that the checks look at, read under the position's lock, and for an entry under its owner's.

    What has a default is not known, or no matter, to every caller.
    """

    is_entry: bool
    quantity: Decimal
    price: Decimal
    rules: Rules
    account_state: str  # the strictest of the three switches
    account_cooling: bool
    orders_in_doubt: int
    live_entries: int
    position_open: bool
    exits_in_flight: Decimal  # quantity of live exits that is not filled yet
    held: Decimal  # what this order would reduce
    same_act_real: bool  # an order for the very same act is, was or may be at the exchange
    attempts: int
    max_attempts: int | None
    max_notional: Decimal  # the platform's
    side: Side = Side.BUY
    type: OrderType = OrderType.MARKET
    order_price: Decimal | None = None  # limit or trigger
    may_increase: bool = False  # an entry may add to a position that is open already
    open_orders: int = 0  # of the account on the symbol, where the type of order asks for it
    open_conditionals: int = 0  # on spot of the account on the symbol, on futures of the account
    protections: int = 0  # stops and targets that an entry will need
    protected: Decimal = Decimal(0)  # on spot: quantity of live protections of the order's own type
    # --- whose it is
    switched_by: str = "account"  # whose switch the state is: platform, user, account
    wanted_by: int | None = None  # the user in whose name it is wanted
    owner: int | None = None  # the user to whom account and key belong
    environment: str = Environment.PAPER
    environments: tuple[str, ...] = (Environment.PAPER,)  # those that are switched on here
    has_live_consent: bool = False
    key_trouble: str = ""
    is_reconciled: bool = True
    # --- how far the market may be trusted
    now: datetime | None = None
    clock_trouble: str = ""
    price_at: datetime | None = None  # when the exchange said so
    signal_at: datetime | None = None  # the close of the candle that it comes from
    quote: Quote | None = None  # of the order book; a market entry needs one
    restricted: frozenset[str] = frozenset()  # symbols
    max_collar_percent: Decimal | None = None
    max_slippage_percent: Decimal | None = None
    # --- what is at stake; for entries only
    leverage: int = 1
    max_leverage: int = 1
    terms_trouble: str = ""  # futures: why leverage and margin type are not in force
    outlook: Outlook | None = None  # futures: an entry as its liquidation would see it
    hand_there: bool = False  # futures, of a bot: the hand holds or enters the symbol on this account
    bot_there: bool = False  # futures, of the hand: a bot trades the symbol on this account
    caps: Caps = field(default_factory=Caps)
    orders_last_minute: int = 0  # of the position
    entries_last_hour: int = 0  # of the position
    stakes: tuple[Stake, ...] = ()
    free_quote: Decimal | None = None  # as the exchange told it last; None: never, or too long ago
    reserved_quote: Decimal = Decimal(0)  # of it for entries that were written down since
    balance_doubt: str = ""  # why it may let an entry go but must not deny one
    balance_asked: bool = False  # the exchange was asked for this very entry, with or without an answer

    @property
    def notional(self) -> Decimal:
        """What it is worth, in quote asset: at its limit where it has one."""
        return self.quantity * (self.order_price or self.price)

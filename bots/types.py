"""Statuses of a bot and the reasons for them (features T10). Plain Python."""

from enum import StrEnum


class Status(StrEnum):
    STOPPED = "stopped"
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    ERROR = "error"


class Reason(StrEnum):
    """Why a bot waits, pauses or fails. The text is what people read."""

    NONE = ""
    NO_SIGNAL = "no signal"
    BELOW_FILTERS = "quantity below filters"
    EXCHANGE_COOLDOWN = "exchange cooldown"
    STALE_DATA = "stale market data"
    ORDER_UNKNOWN = "order outcome unknown"
    MAX_DAILY_TRADES = "max daily trades reached"
    MAX_DAILY_LOSS = "max daily loss reached"
    DAILY_TARGET = "daily target reached"
    MAX_DRAWDOWN = "max drawdown reached"
    CONSECUTIVE_LOSSES = "too many losses in a row"
    REPEATED_EXECUTION = "repeated execution"
    RISK_LIMIT = "risk limit reached"
    LOW_BALANCE = "balance too low"
    NOT_RECONCILED = "account not reconciled"
    CLOCK_OFF = "clock off"
    KILL_SWITCH = "kill switch"
    ENTRIES_PAUSED = "entries paused"
    COOLING_DOWN = "cool-down after an exit"
    ORDER_DENIED = "order denied"
    DECRYPT_FAILED = "api key decrypt failed"
    MISSING_KEY = "missing api key"
    EXCHANGE_CLIENT = "exchange client"
    PRICE_FETCH = "price fetch"
    ORDER_REJECTED = "order rejected"
    NO_PERMISSION = "outside trading permissions"
    FUTURES_TERMS = "futures terms not in force"
    STRATEGY_ERROR = "strategy error"
    BOT_ERROR = "internal error"


# The status that goes with each reason.
STATUS_OF = {
    Reason.NONE: Status.RUNNING,
    **dict.fromkeys(
        (
            Reason.NO_SIGNAL,
            Reason.BELOW_FILTERS,
            Reason.EXCHANGE_COOLDOWN,
            Reason.STALE_DATA,
            Reason.ORDER_UNKNOWN,
            Reason.COOLING_DOWN,
            Reason.ORDER_DENIED,
            Reason.RISK_LIMIT,
            Reason.LOW_BALANCE,
            Reason.NOT_RECONCILED,
            Reason.CLOCK_OFF,
        ),
        Status.WAITING,
    ),
    **dict.fromkeys(
        (
            Reason.MAX_DAILY_TRADES,
            Reason.MAX_DAILY_LOSS,
            Reason.DAILY_TARGET,
            Reason.KILL_SWITCH,
            Reason.ENTRIES_PAUSED,
            Reason.MAX_DRAWDOWN,
            Reason.CONSECUTIVE_LOSSES,
            Reason.REPEATED_EXECUTION,
        ),
        Status.PAUSED,
    ),
    **dict.fromkeys(
        (
            Reason.DECRYPT_FAILED,
            Reason.MISSING_KEY,
            Reason.EXCHANGE_CLIENT,
            Reason.PRICE_FETCH,
            Reason.ORDER_REJECTED,
            Reason.NO_PERMISSION,
            Reason.FUTURES_TERMS,
            Reason.STRATEGY_ERROR,
            Reason.BOT_ERROR,
        ),
        Status.ERROR,
    ),
}

# These hold until a person looks and starts the bot again.
LASTING = frozenset({Reason.MAX_DRAWDOWN, Reason.CONSECUTIVE_LOSSES, Reason.REPEATED_EXECUTION})
# These end with the bot's day, or when a person resets it.
DAILY = frozenset({Reason.MAX_DAILY_TRADES, Reason.MAX_DAILY_LOSS, Reason.DAILY_TARGET})

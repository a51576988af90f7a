"""What a bot waits for when an order of its was denied. Plain Python."""

from bots.types import Reason
from trades.checks import Code

# Why an order was denied → what the bot then waits for.
REASON_OF_DENIAL = {
    Code.PLATFORM_HALTED: Reason.KILL_SWITCH,
    Code.PLATFORM_REDUCING: Reason.KILL_SWITCH,
    Code.USER_HALTED: Reason.KILL_SWITCH,
    Code.USER_REDUCING: Reason.KILL_SWITCH,
    Code.ACCOUNT_HALTED: Reason.KILL_SWITCH,
    Code.ACCOUNT_REDUCING: Reason.KILL_SWITCH,
    Code.ACCOUNT_COOLING: Reason.EXCHANGE_COOLDOWN,
    Code.ORDER_UNKNOWN: Reason.ORDER_UNKNOWN,
    Code.EXIT_IN_FLIGHT: Reason.ORDER_UNKNOWN,
    Code.NOT_OWNER: Reason.NO_PERMISSION,
    Code.ENVIRONMENT: Reason.NO_PERMISSION,
    Code.KEY_UNUSABLE: Reason.NO_PERMISSION,
    Code.SYMBOL_NOT_TRADING: Reason.NO_PERMISSION,
    Code.SYMBOL_RESTRICTED: Reason.NO_PERMISSION,
    Code.NOT_RECONCILED: Reason.NOT_RECONCILED,
    Code.CLOCK_OFF: Reason.CLOCK_OFF,
    Code.STALE_PRICE: Reason.STALE_DATA,
    Code.STALE_SIGNAL: Reason.STALE_DATA,
    Code.BALANCE: Reason.LOW_BALANCE,
    Code.REPEATED_EXECUTION: Reason.REPEATED_EXECUTION,
    **dict.fromkeys(
        (
            Code.NOTIONAL_CAP,
            Code.LEVERAGE,
            Code.EXPOSURE,
            Code.SYMBOL_EXPOSURE,
            Code.OPEN_POSITIONS,
            Code.OPEN_ORDERS,
            Code.ORDERS_PER_MINUTE,
            Code.DAILY_LOSS,
            Code.SYMBOL_TAKEN,
        ),
        Reason.RISK_LIMIT,
    ),
    Code.FILTER: Reason.BELOW_FILTERS,
    Code.ALREADY_OPEN: Reason.NO_SIGNAL,
    Code.ATTEMPTS_USED_UP: Reason.ORDER_REJECTED,
    Code.ALREADY_DONE: Reason.NO_SIGNAL,
    Code.TERMS: Reason.FUTURES_TERMS,
}

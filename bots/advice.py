"""What to do next: a sentence for each reason that holds a bot back, and for each denial of an order. Plain Python."""

from collections.abc import Mapping

from bots.types import Reason
from trades.checks import Code

SWITCH = "Whoever pressed it said why at the top of the page. When that is settled, release it under Kill switches."
LIMITS = (
    "It goes on by itself when there is room, after positions are closed or orders done. If the limit is too tight,"
    " raise it under Risk limits; the platform's own are settings of the server (.env)."
)
BY_ITSELF = "Nothing to do: it goes on by itself."
KEYS = "Open its account under Accounts and choose Test connection: it says what the key may do."
STALE = (
    "It goes on with the next fresh data. If it stays like this, look on the dashboard whether beat, workers and the"
    " exchange answer."
)
FILTERS = "Raise the size, or the initial capital it is a share of, in the bot's form; the message names the minimum."
BALANCE = "Put money into the account, or make the size or the capital smaller; other bots of the account use it, too."
CLOCK = "Have the server's clock set by NTP. Exits go on, entries do when the clock is right again."
DOUBT = (
    "It goes on when the exchange has told what became of the order. If that takes minutes, open it under Orders and"
    " choose Ask the exchange now. Never send it again by hand."
)
OF_THE_DAY = (
    "It goes on with its next day. To let it go on now, raise the limit in the bot's form, or choose Reset the day in"
    " the list of bots."
)
UNTIL_STARTED = "Look at its trades, mend what went wrong, then choose Start in the list of bots."
TERMS = (
    "The message says what the exchange refuses: close what the account holds in the symbol there, or set leverage and"
    " margin type in the bot's form to what it allows."
)

OF_REASON: Mapping[str, str] = {
    Reason.NO_SIGNAL: "Nothing to do: it enters when its strategy says so. The line Now says what the strategy sees.",
    Reason.BELOW_FILTERS: FILTERS,
    Reason.EXCHANGE_COOLDOWN: "Nothing to do: the exchange asked for silence, and it goes on when that is over.",
    Reason.STALE_DATA: STALE,
    Reason.ORDER_UNKNOWN: DOUBT,
    Reason.MAX_DAILY_TRADES: OF_THE_DAY,
    Reason.MAX_DAILY_LOSS: OF_THE_DAY,
    Reason.DAILY_TARGET: OF_THE_DAY,
    Reason.MAX_DRAWDOWN: UNTIL_STARTED,
    Reason.CONSECUTIVE_LOSSES: UNTIL_STARTED,
    Reason.REPEATED_EXECUTION: (
        "It entered more often than a sound strategy does: look at its timeline, mend the strategy's parameters, then"
        " choose Start in the list of bots."
    ),
    Reason.RISK_LIMIT: LIMITS,
    Reason.LOW_BALANCE: BALANCE,
    Reason.NOT_RECONCILED: (
        "It goes on when a worker has compared the books with the exchange's, within a few minutes. If not, look on the"
        " dashboard whether workers run and the exchange answers."
    ),
    Reason.CLOCK_OFF: CLOCK,
    Reason.KILL_SWITCH: SWITCH,
    Reason.ENTRIES_PAUSED: "Choose Resume entries in the list of bots.",
    Reason.COOLING_DOWN: "Nothing to do: it goes on at the time that is named; the bot's form has the minutes.",
    Reason.ORDER_DENIED: "The timeline says which bound was met, what is allowed and what was found.",
    Reason.DECRYPT_FAILED: (
        "FIELD_KEYS in .env lacks the key that sealed this account's: put it back, or give the account its keys anew"
        " under Accounts."
    ),
    Reason.MISSING_KEY: "Give its account an API key under Accounts; a live one needs its owner's consent, too.",
    Reason.EXCHANGE_CLIENT: f"It tries again with each tick. The message is what the exchange said. {KEYS}",
    Reason.PRICE_FETCH: "It tries again with each tick. If it lasts, look whether the server reaches the exchange.",
    Reason.ORDER_REJECTED: (
        "The message is what the exchange said: mend what it names (size, balance, key). Look at the position: an exit"
        " that was rejected leaves it open."
    ),
    Reason.NO_PERMISSION: f"{KEYS} The symbol has to be traded there, and not to be on the list of restricted ones.",
    Reason.FUTURES_TERMS: TERMS,
    Reason.STRATEGY_ERROR: (
        "Set its parameters right in the bot's form, or choose another strategy; if those are sound, the strategy has a"
        " fault: tell whoever wrote it the message."
    ),
    Reason.BOT_ERROR: "This is a fault of TradeBot: tell its operator the message; the log of the workers has more.",
}

OF_DENIAL: Mapping[str, str] = {
    **dict.fromkeys(
        (
            Code.PLATFORM_HALTED,
            Code.PLATFORM_REDUCING,
            Code.USER_HALTED,
            Code.USER_REDUCING,
            Code.ACCOUNT_HALTED,
            Code.ACCOUNT_REDUCING,
        ),
        SWITCH,
    ),
    Code.ACCOUNT_COOLING: OF_REASON[Reason.EXCHANGE_COOLDOWN],
    Code.NOT_OWNER: "A bot trades on accounts of its owner only: clone it to one of those.",
    Code.ENVIRONMENT: (
        "Have the environment switched on (ENVIRONMENTS in .env); live needs its owner's consent under Accounts, too."
    ),
    Code.KEY_UNUSABLE: f"{KEYS} If the key is void, replace it there.",
    Code.NOT_RECONCILED: OF_REASON[Reason.NOT_RECONCILED],
    Code.ORDER_UNKNOWN: DOUBT,
    Code.ALREADY_OPEN: BY_ITSELF,
    Code.SYMBOL_TAKEN: "Close what is held, or ordered, by hand in the symbol: then it goes on with the next tick.",
    Code.EXIT_IN_FLIGHT: BY_ITSELF,
    Code.WOULD_INCREASE: "It would have sold more than it holds; it looks again with the next tick.",
    Code.ALREADY_DONE: BY_ITSELF,
    Code.ATTEMPTS_USED_UP: OF_REASON[Reason.ORDER_REJECTED],
    Code.CLOCK_OFF: CLOCK,
    Code.STALE_PRICE: STALE,
    Code.STALE_SIGNAL: "The signal came too late; it waits for the next. If that happens often, add workers.",
    Code.MALFORMED: "Send the order again with what the message names set right.",
    Code.SYMBOL_UNKNOWN: "Choose a symbol that the account's exchange has, written as there (BTCUSDT).",
    Code.SYMBOL_NOT_TRADING: "Wait until the exchange trades the symbol again, or stop the bot.",
    Code.SYMBOL_RESTRICTED: "Have the symbol taken off RESTRICTED_SYMBOLS in .env, or stop the bot; exits go on.",
    Code.FILTER: FILTERS,
    Code.NO_ROOM: "The exchange lets no more orders rest on the symbol: close some, or take fewer take profit steps.",
    Code.PRICE_COLLAR: "Choose a limit nearer to the market's price; the bound is PRICE_COLLAR_PERCENT in .env.",
    Code.NO_QUOTE: BY_ITSELF,
    Code.SLIPPAGE: "The market is thin: it enters when the offer is better. Or trade a symbol that is traded more.",
    Code.NOTIONAL_CAP: (
        "Make the size smaller in the bot's form, or have the cap raised: Risk limits, or MAX_ORDER_NOTIONAL in .env."
    ),
    Code.LEVERAGE: "Lower the leverage in the bot's form; the platform's cap is MAX_LEVERAGE in .env.",
    Code.BALANCE: BALANCE,
    Code.BALANCE_OLD: BY_ITSELF,
    **dict.fromkeys((Code.EXPOSURE, Code.SYMBOL_EXPOSURE, Code.OPEN_POSITIONS, Code.OPEN_ORDERS), LIMITS),
    Code.ORDERS_PER_MINUTE: (
        "Nothing to do, unless it happens often: then the bot, or all of its account together, trade too fast."
    ),
    Code.REPEATED_EXECUTION: OF_REASON[Reason.REPEATED_EXECUTION],
    Code.DAILY_TRADES: OF_THE_DAY,
    Code.DAILY_LOSS: (
        "It goes on with the next day. Sooner if the limit is raised: the bot's own in its form (or choose Reset the"
        " day in the list of bots), an account's or a user's under Risk limits."
    ),
    Code.DAILY_TARGET: OF_THE_DAY,
    Code.DRAWDOWN: UNTIL_STARTED,
    Code.CONSECUTIVE_LOSSES: UNTIL_STARTED,
    Code.COOL_DOWN: OF_REASON[Reason.COOLING_DOWN],
    Code.TERMS: TERMS,
    Code.LIQUIDATION: "Lower the leverage, or bring the stop loss nearer: the liquidation must lie behind it.",
}


def advice(reason: str, denial_code: str = "") -> str:
    """What to do about a reason, or about the denial behind it, which says it better; empty where nothing is known."""
    return OF_DENIAL.get(denial_code) or OF_REASON.get(reason, "")

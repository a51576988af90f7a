"""Whether the act itself may be done: it is new, nothing is in doubt, an exit only reduces."""

from market.rounding import plain
from trades.checks.types import Code, Denial, Proposal


def act_is_new(proposal: Proposal) -> Denial | None:
    if proposal.same_act_real:
        return Denial(Code.ALREADY_DONE, "an order for this very signal exists already")
    if proposal.max_attempts is not None and proposal.attempts >= proposal.max_attempts:
        detail = f"tried {proposal.attempts} times, {proposal.max_attempts} are allowed"
        return Denial.beyond(Code.ATTEMPTS_USED_UP, detail, limit=proposal.max_attempts, value=proposal.attempts)
    return None


def outcome_is_clear(proposal: Proposal) -> Denial | None:
    if proposal.is_entry and proposal.orders_in_doubt:
        return Denial(Code.ORDER_UNKNOWN, "an order of this position has no clear outcome yet")
    if proposal.is_entry and proposal.live_entries:
        return Denial(Code.ORDER_UNKNOWN, "an entry of this position is still at work")
    return None


def position_is_flat(proposal: Proposal) -> Denial | None:
    """Looked at under the position's lock: the decision may be older than a fill that was just booked."""
    if not (proposal.is_entry and proposal.position_open):
        return None
    if proposal.held:
        return Denial(Code.ALREADY_OPEN, f"{plain(proposal.held)} is held on the other side: close that first")
    return None if proposal.may_increase else Denial(Code.ALREADY_OPEN, "the position is open already")


def symbol_is_free(proposal: Proposal) -> Denial | None:
    """On futures a symbol has one position and one leverage for all of an account. What is held may always leave."""
    if not proposal.is_entry or not (proposal.hand_there or proposal.bot_there):
        return None
    symbol = proposal.rules.symbol
    who, remedy = (
        (f"a bot of this account trades {symbol}", "delete that bot, or take another account")
        if proposal.bot_there
        else (f"{symbol} is held, or being entered, by hand on this account", "that has to be closed first")
    )
    detail = f"{who}, and on futures the exchange nets both and knows one leverage for them: {remedy}"
    return Denial(Code.SYMBOL_TAKEN, detail)


def exit_only_reduces(proposal: Proposal) -> Denial | None:
    if proposal.is_entry:
        return None
    total = proposal.quantity + proposal.exits_in_flight + proposal.protected
    if total <= proposal.held:
        return None
    if proposal.exits_in_flight:
        return Denial(Code.EXIT_IN_FLIGHT, f"an exit of {plain(proposal.exits_in_flight)} is under way")
    beside = f" beside {plain(proposal.protected)} that rests already" if proposal.protected else ""
    detail = f"exit of {plain(proposal.quantity)}{beside}, {plain(proposal.held)} is held"
    return Denial.beyond(Code.WOULD_INCREASE, detail, limit=proposal.held, value=proposal.quantity)

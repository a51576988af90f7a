"""Pre-trade checks: pure functions, each with a code. The first denial ends the order before it costs a call."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from market.filters import check_market_order
from market.rounding import plain
from market.rules import Rules
from trades.liquidation import Outlook, too_near


class Code(StrEnum):
    ACCOUNT_HALTED = "account_halted"
    ACCOUNT_REDUCING = "account_reducing"
    ACCOUNT_COOLING = "account_cooling"
    ORDER_UNKNOWN = "order_unknown"
    ALREADY_OPEN = "already_open"
    SYMBOL_NOT_TRADING = "symbol_not_trading"
    FILTER = "filter"
    NOTIONAL_CAP = "notional_cap"
    EXIT_IN_FLIGHT = "exit_in_flight"
    WOULD_INCREASE = "would_increase"
    ALREADY_DONE = "already_done"
    ATTEMPTS_USED_UP = "attempts_used_up"
    TERMS = "terms"
    LIQUIDATION = "liquidation"


@dataclass(frozen=True)
class Denial:
    """Our own refusal of an order: a code for machines, a sentence with limit and value for people."""

    code: Code
    detail: str


@dataclass(frozen=True)
class Proposal:
    """All that the checks look at, read under the position's lock."""

    is_entry: bool
    quantity: Decimal
    price: Decimal
    rules: Rules
    account_state: str
    account_cooling: bool
    orders_in_doubt: int
    live_entries: int
    position_open: bool
    exits_in_flight: Decimal  # quantity of live exits that is not filled yet
    held: Decimal  # what this order would reduce, for an exit
    same_act_real: bool  # an order for the very same act is, was or may be at the exchange
    attempts: int
    max_attempts: int | None
    max_notional: Decimal
    terms_trouble: str = ""  # futures: why leverage and margin type are not in force
    outlook: Outlook | None = None  # futures: an entry as its liquidation would see it


def first_denial(proposal: Proposal) -> Denial | None:
    """Run the checks in order; None means that the order may go."""
    for check in CHECKS:
        denial = check(proposal)
        if denial:
            return denial
    return None


def account_takes_orders(proposal: Proposal) -> Denial | None:
    if proposal.account_state == "halted":
        return Denial(Code.ACCOUNT_HALTED, "the account is halted: no orders at all")
    if proposal.is_entry and proposal.account_state == "reducing":
        return Denial(Code.ACCOUNT_REDUCING, "the account is reducing: exits only")
    if proposal.account_cooling:
        return Denial(Code.ACCOUNT_COOLING, "the exchange asked for silence")
    return None


def act_is_new(proposal: Proposal) -> Denial | None:
    if proposal.same_act_real:
        return Denial(Code.ALREADY_DONE, "an order for this very signal exists already")
    if proposal.max_attempts is not None and proposal.attempts >= proposal.max_attempts:
        detail = f"tried {proposal.attempts} times, {proposal.max_attempts} are allowed"
        return Denial(Code.ATTEMPTS_USED_UP, detail)
    return None


def outcome_is_clear(proposal: Proposal) -> Denial | None:
    if proposal.is_entry and (proposal.orders_in_doubt or proposal.live_entries):
        return Denial(Code.ORDER_UNKNOWN, "an order of this position has no clear outcome yet")
    return None


def position_is_flat(proposal: Proposal) -> Denial | None:
    """Looked at under the position's lock: the decision may be older than a fill that was just booked."""
    if proposal.is_entry and proposal.position_open:
        return Denial(Code.ALREADY_OPEN, "the position is open already")
    return None


def symbol_is_trading(proposal: Proposal) -> Denial | None:
    if not proposal.rules.is_trading:
        return Denial(Code.SYMBOL_NOT_TRADING, f"{proposal.rules.symbol} is {proposal.rules.status}")
    return None


def exit_only_reduces(proposal: Proposal) -> Denial | None:
    if proposal.is_entry:
        return None
    if proposal.exits_in_flight:
        return Denial(Code.EXIT_IN_FLIGHT, f"an exit of {plain(proposal.exits_in_flight)} is under way")
    if proposal.quantity > proposal.held:
        return Denial(Code.WOULD_INCREASE, f"exit of {plain(proposal.quantity)}, {plain(proposal.held)} is held")
    return None


def filters_are_met(proposal: Proposal) -> Denial | None:
    violation = check_market_order(proposal.rules, quantity=proposal.quantity, price=proposal.price)
    return Denial(Code.FILTER, f"{violation.filter}: {violation.detail}") if violation else None


def notional_is_within_cap(proposal: Proposal) -> Denial | None:
    notional = proposal.quantity * proposal.price
    if proposal.is_entry and notional > proposal.max_notional:
        detail = (
            f"worth {notional:.2f} {proposal.rules.quote_asset}, the platform's cap is {plain(proposal.max_notional)}"
        )
        return Denial(Code.NOTIONAL_CAP, detail)
    return None


def terms_are_in_force(proposal: Proposal) -> Denial | None:
    if proposal.is_entry and proposal.terms_trouble:
        return Denial(Code.TERMS, proposal.terms_trouble)
    return None


def liquidation_is_far(proposal: Proposal) -> Denial | None:
    found = too_near(proposal.outlook) if proposal.is_entry and proposal.outlook else None
    return Denial(Code.LIQUIDATION, found.detail) if found else None


CHECKS = (
    account_takes_orders,
    act_is_new,
    outcome_is_clear,
    position_is_flat,
    symbol_is_trading,
    exit_only_reduces,
    filters_are_met,
    notional_is_within_cap,
    terms_are_in_force,
    liquidation_is_far,
)

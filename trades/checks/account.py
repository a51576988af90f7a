"""Whether the account may be traded on: whose it is, its environment, its switches, its key."""

from market.types import Environment
from trades.checks.types import Code, Denial, Proposal


def account_is_the_owners(proposal: Proposal) -> Denial | None:
    """Owner of what wants the order, of the account and of its key are one."""
    if proposal.wanted_by is None or proposal.wanted_by == proposal.owner:
        return None
    return Denial(Code.NOT_OWNER, "the account belongs to another user")


def environment_is_switched_on(proposal: Proposal) -> Denial | None:
    """The wall before other people's money, once more: the gateway refuses, too."""
    if proposal.environment not in proposal.environments:
        allowed = ", ".join(proposal.environments)
        detail = f"{proposal.environment} is switched off here, {allowed} is on"
        return Denial(Code.ENVIRONMENT, detail, limit=allowed, value=proposal.environment)
    if proposal.environment == Environment.LIVE and not proposal.has_live_consent:
        return Denial(Code.ENVIRONMENT, "live: the owner's second consent to trade real money is missing")
    return None


def account_takes_orders(proposal: Proposal) -> Denial | None:
    state, scope = proposal.account_state, proposal.switched_by
    if state == "halted":
        return Denial(Code(f"{scope}_halted"), f"the {scope} is halted: no orders at all", "active", state)
    if proposal.is_entry and state == "reducing":
        return Denial(Code(f"{scope}_reducing"), f"the {scope} is reducing: exits only", "active", state)
    if proposal.account_cooling:
        return Denial(Code.ACCOUNT_COOLING, "the exchange asked for silence")
    return None


def key_is_usable(proposal: Proposal) -> Denial | None:
    """For entries: an exit knocks even with a key that was refused, since a position must not stay open for it."""
    if proposal.is_entry and proposal.key_trouble:
        return Denial(Code.KEY_UNUSABLE, proposal.key_trouble)
    return None


def books_are_reconciled(proposal: Proposal) -> Denial | None:
    if proposal.is_entry and not proposal.is_reconciled:
        return Denial(Code.NOT_RECONCILED, "the account's books have not been compared with the exchange's yet")
    return None

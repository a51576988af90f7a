"""How much may be at stake: for entries only, since an exit puts nothing at stake."""

from collections.abc import Callable
from decimal import Decimal

from trades.checks.types import Code, Denial, Proposal, Stake, shown
from trades.liquidation import too_near


def notional_is_within_caps(proposal: Proposal) -> Denial | None:
    if not proposal.is_entry:
        return None
    bounds = [("platform", proposal.max_notional), ("bot", proposal.caps.max_notional)]
    bounds += [(stake.whose, stake.caps.max_order_notional) for stake in proposal.stakes]
    for whose, bound in bounds:
        if bound is not None and proposal.notional > bound:
            worth = f"{proposal.notional:.2f} {proposal.rules.quote_asset}"
            detail = f"worth {worth}, the {whose}'s cap is {shown(bound)}"
            return Denial.beyond(Code.NOTIONAL_CAP, detail, limit=bound, value=proposal.notional)
    return None


def leverage_is_within_cap(proposal: Proposal) -> Denial | None:
    if not proposal.is_entry or proposal.leverage <= proposal.max_leverage:
        return None
    detail = f"leverage {proposal.leverage}, at most {proposal.max_leverage} is allowed"
    return Denial.beyond(Code.LEVERAGE, detail, limit=proposal.max_leverage, value=proposal.leverage)


def orders_are_not_too_many(proposal: Proposal) -> Denial | None:
    """Orders of the last minute, this one among them: of whoever wants it, of the account, of its owner."""
    if not proposal.is_entry:
        return None
    counts = [("bot", proposal.orders_last_minute, proposal.caps.per_minute)]
    counts += [(stake.whose, stake.orders_last_minute, stake.caps.max_orders_per_minute) for stake in proposal.stakes]
    for whose, count, bound in counts:
        if bound is not None and count + 1 > bound:
            detail = f"{count + 1} orders of the {whose} within a minute, at most {bound} are allowed"
            return Denial.beyond(Code.ORDERS_PER_MINUTE, detail, limit=bound, value=count + 1)
    return None


def execution_is_not_repeated(proposal: Proposal) -> Denial | None:
    """A strategy that enters again and again has gone wrong, whatever each single entry looks like."""
    bound, count = proposal.caps.per_hour, proposal.entries_last_hour + 1
    if not proposal.is_entry or bound is None or count <= bound:
        return None
    detail = f"{count} entries within an hour, at most {bound} are allowed: a person has to look and start it again"
    return Denial.beyond(Code.REPEATED_EXECUTION, detail, limit=bound, value=count)


def positions_are_not_too_many(proposal: Proposal) -> Denial | None:
    return (
        None
        if proposal.position_open
        else _first(
            proposal,
            Code.OPEN_POSITIONS,
            "open positions of the {whose}",
            lambda stake: (stake.open_positions + 1, stake.caps.max_open_positions),
        )
    )


def open_orders_are_not_too_many(proposal: Proposal) -> Denial | None:
    return _first(
        proposal,
        Code.OPEN_ORDERS,
        "open orders of the {whose}",
        lambda stake: (stake.open_orders + 1, stake.caps.max_open_orders),
    )


def exposure_is_within_caps(proposal: Proposal) -> Denial | None:
    return _first(
        proposal,
        Code.EXPOSURE,
        f"{proposal.rules.quote_asset} would be at stake on the {{whose}}",
        lambda stake: (stake.exposure + proposal.notional, stake.caps.max_exposure),
    )


def symbol_exposure_is_within_caps(proposal: Proposal) -> Denial | None:
    return _first(
        proposal,
        Code.SYMBOL_EXPOSURE,
        f"{proposal.rules.quote_asset} of the {{whose}} would be at stake in {proposal.rules.symbol}",
        lambda stake: (stake.symbol_exposure + proposal.notional, stake.caps.max_symbol_exposure),
    )


def _first(
    proposal: Proposal,
    code: Code,
    what: str,
    figures: Callable[[Stake], tuple[Decimal | int, Decimal | int | None]],
) -> Denial | None:
    """The first scope, account before user, whose figure with this entry would be beyond its bound."""
    if not proposal.is_entry:
        return None
    for stake in proposal.stakes:
        value, bound = figures(stake)
        if bound is not None and value > bound:
            number = value if isinstance(value, int) else f"{value:.2f}"
            detail = f"{number} {what.format(whose=stake.whose)}, at most {shown(bound)} are allowed"
            return Denial.beyond(code, detail, limit=bound, value=value)
    return None


def losses_of_the_day_are_within_caps(proposal: Proposal) -> Denial | None:
    """Over all bots and hands together: what one loses, another must not go on to lose."""
    for stake in proposal.stakes if proposal.is_entry else ():
        lost, bound = stake.lost_today, stake.caps.max_daily_loss
        if bound is not None and lost > 0 and lost >= bound:
            quote = proposal.rules.quote_asset
            detail = f"the {stake.whose} has lost {lost:.2f} {quote} today, the limit is {shown(bound)}"
            return Denial.beyond(Code.DAILY_LOSS, detail, limit=bound, value=lost)
    return None


def balance_is_enough(proposal: Proposal) -> Denial | None:
    """Without the leverage of other orders: theirs is taken to be this one's.

    What the exchange told lets an entry go as long as it is enough, less what was reserved since. It denies one only if
    it can't have become more meanwhile: else the exchange is asked again first, and decides itself if it has no answer.
    """
    if not proposal.is_entry or (proposal.free_quote is None and not proposal.balance_doubt):
        return None
    needed = proposal.notional / proposal.leverage
    free = (proposal.free_quote or Decimal(0)) - proposal.reserved_quote / proposal.leverage
    if needed <= free:
        return None
    if proposal.balance_doubt:
        return None if proposal.balance_asked else Denial(Code.BALANCE_OLD, proposal.balance_doubt)
    quote = proposal.rules.quote_asset
    detail = f"{needed:.2f} {quote} needed, {free:.2f} {quote} free after what is reserved"
    return Denial.beyond(Code.BALANCE, detail, limit=free, value=needed)


def terms_are_in_force(proposal: Proposal) -> Denial | None:
    if proposal.is_entry and proposal.terms_trouble:
        return Denial(Code.TERMS, proposal.terms_trouble)
    return None


def liquidation_is_far(proposal: Proposal) -> Denial | None:
    found = too_near(proposal.outlook) if proposal.is_entry and proposal.outlook else None
    if found is None:
        return None
    return Denial(Code.LIQUIDATION, found.detail, f"{found.limit:.2f} %", f"{found.value:.2f} %")

"""Whether the market can be trusted with this order, and the exchange would take it."""

from datetime import timedelta
from decimal import Decimal

from market.filters import Draft, check_order
from market.rounding import plain
from market.types import OrderType, Side
from trades.checks.types import Code, Denial, Proposal

PRICE_VALID_FOR = timedelta(seconds=10)
# An entry is made soon after its candle has closed, or not at all.
SIGNAL_VALID_FOR = timedelta(seconds=90)


def clock_is_right(proposal: Proposal) -> Denial | None:
    if proposal.is_entry and proposal.clock_trouble:
        return Denial(Code.CLOCK_OFF, proposal.clock_trouble)
    return None


def price_is_fresh(proposal: Proposal) -> Denial | None:
    if not (proposal.is_entry and proposal.now and proposal.price_at):
        return None
    return _too_old(Code.STALE_PRICE, "price", proposal.now - proposal.price_at, PRICE_VALID_FOR)


def signal_is_fresh(proposal: Proposal) -> Denial | None:
    if not (proposal.is_entry and proposal.now and proposal.signal_at):
        return None
    return _too_old(Code.STALE_SIGNAL, "signal", proposal.now - proposal.signal_at, SIGNAL_VALID_FOR)


def _too_old(code: Code, what: str, age: timedelta, bound: timedelta) -> Denial | None:
    if age <= bound:
        return None
    value, limit = f"{age.total_seconds():.0f} s", f"{bound.total_seconds():.0f} s"
    return Denial(code, f"the {what} is {value} old, at most {limit} are allowed", limit, value)


def symbol_is_trading(proposal: Proposal) -> Denial | None:
    rules = proposal.rules
    if not rules.is_trading:
        return Denial(Code.SYMBOL_NOT_TRADING, f"{rules.symbol} is {rules.status}", "TRADING", rules.status)
    if proposal.is_entry and rules.symbol in proposal.restricted:
        return Denial(Code.SYMBOL_RESTRICTED, f"{rules.symbol} is on the restricted list: exits only")
    return None


def filters_are_met(proposal: Proposal) -> Denial | None:
    draft = Draft(
        type=proposal.type,
        side=proposal.side,
        quantity=proposal.quantity,
        reference=proposal.price,
        price=proposal.order_price,
        reduce_only=not proposal.is_entry,
        open_orders=proposal.open_orders,
        open_conditionals=proposal.open_conditionals,
    )
    violation = check_order(proposal.rules, draft)
    if violation is None:
        return None
    found = f"{plain(proposal.quantity)} at {plain(proposal.order_price or proposal.price)}"
    return Denial(Code.FILTER, f"{violation.filter}: {violation.detail}", violation.filter, found)


def protections_have_room(proposal: Proposal) -> Denial | None:
    """An entry whose stop and targets could not rest at the exchange would have to be given up at once."""
    most, wanted = proposal.rules.max_conditionals, proposal.protections
    if most is None or not wanted or proposal.open_conditionals + wanted <= most:
        return None
    detail = (
        f"{proposal.open_conditionals} conditional orders are open on {proposal.rules.symbol} already and its stop and"
        f" targets are {wanted} more; the exchange takes {most}"
    )
    return Denial(Code.NO_ROOM, detail, str(most), str(proposal.open_conditionals + wanted))


def limit_is_within_collar(proposal: Proposal) -> Denial | None:
    """A limit far on the wrong side of the market is a slip of the hand, and would be filled at once."""
    bound, limit = proposal.max_collar_percent, proposal.order_price
    if bound is None or limit is None or proposal.type is not OrderType.LIMIT:
        return None
    percent = _worse_by(limit, proposal)
    if percent <= bound:
        return None
    where = "above" if proposal.side is Side.BUY else "below"
    detail = f"the limit {plain(limit)} is {percent:.2f} % {where} the price {plain(proposal.price)}, at most {bound} %"
    return Denial(Code.PRICE_COLLAR, detail, f"{bound} %", f"{percent:.2f} %")


def slippage_is_small(proposal: Proposal) -> Denial | None:
    """What a market entry would pay beyond the price that it was decided on, as far as the best offer tells.

    This check is the last one: whoever has to ask the exchange for a quote asks when nothing else is in the way.
    """
    bound, quote = proposal.max_slippage_percent, proposal.quote
    if bound is None or not proposal.is_entry or proposal.type is not OrderType.MARKET:
        return None
    if quote is None:
        return Denial(Code.NO_QUOTE, "nobody has asked what the market offers")
    offered = quote.ask if proposal.side is Side.BUY else quote.bid
    if offered <= 0:  # so does the exchange write that a side of the book is empty
        return Denial(Code.SLIPPAGE, "the market offers nothing", f"{bound} %")
    percent = _worse_by(offered, proposal)
    if percent <= bound:
        return None
    detail = (
        f"the market offers {plain(offered)}, {percent:.2f} % worse than {plain(proposal.price)}, at most {bound} %"
    )
    return Denial(Code.SLIPPAGE, detail, f"{bound} %", f"{percent:.2f} %")


def _worse_by(price: Decimal, proposal: Proposal) -> Decimal:
    """By how many percent ``price`` is worse than the one that the order was decided on."""
    return (price - proposal.price) * proposal.side.sign * 100 / proposal.price

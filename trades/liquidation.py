"""How far the liquidation of a futures position would be, and whether that is far enough. Plain Python.

The exchange takes a position away when what backs it, with its profit or loss, is no more than the margin that it needs
to stay. A stop loss must come before that, with some room: it waits for the last price and slips, while liquidations go
by the mark price.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from market.exchange.types import MarginBracket
from market.rounding import plain
from market.types import Side

HUNDRED = Decimal(100)
# How much farther than the stop an estimate has to be.
ROOM = Decimal("1.1")


@dataclass(frozen=True)
class Terms:
    """On which terms a futures entry is meant, and how its owner would leave it."""

    leverage: int
    is_isolated: bool
    backing: Decimal  # quote asset; what of the account's money stands for it when its margin is crossed
    stop_percent: Decimal | None  # from the entry price to the stop; None without one


@dataclass(frozen=True)
class Outlook:
    """An entry as its liquidation would see it."""

    side: Side
    quantity: Decimal  # base asset
    price: Decimal
    margin: Decimal  # quote asset; what is lost when it is liquidated
    brackets: Sequence[MarginBracket]
    stop_percent: Decimal | None
    least_percent: Decimal  # how far the liquidation has to be without a stop


@dataclass(frozen=True)
class TooNear:
    """Why an entry is denied; ``limit`` and ``value`` are percents of the price."""

    detail: str
    limit: Decimal
    value: Decimal


def margin_of(terms: Terms, notional: Decimal) -> Decimal:
    """What backs a position worth ``notional``, in quote asset: isolated its own part, crossed its owner's capital."""
    return notional / terms.leverage if terms.is_isolated else terms.backing


def liquidation_price(
    side: Side, *, quantity: Decimal, price: Decimal, margin: Decimal, brackets: Sequence[MarginBracket]
) -> Decimal | None:
    """The mark price at which margin + profit = notional × ratio - deduction; None when no price is that bad.

    Of all brackets the one counts that asks most, which is the one whose price is reached first.
    """
    notional = quantity * price
    prices = [
        (notional - side.sign * (margin + bracket.deduction)) / (quantity * (1 - side.sign * bracket.ratio))
        for bracket in brackets or [MarginBracket(Decimal(0), Decimal(0))]
    ]
    nearest = max(prices) if side is Side.BUY else min(prices)
    return nearest if nearest > 0 else None


def distance_percent(side: Side, *, entry_price: Decimal, liquidation_price: Decimal | None) -> Decimal | None:
    """How far the liquidation is from the entry, in percent of its price; None when there is none."""
    if liquidation_price is None:
        return None
    return (entry_price - liquidation_price) * side.sign * HUNDRED / entry_price


def needed_percent(stop_percent: Decimal | None, least_percent: Decimal) -> Decimal:
    """How far the liquidation has to be by estimate."""
    return least_percent if stop_percent is None else stop_percent * ROOM


def too_near(outlook: Outlook) -> TooNear | None:
    """Why the liquidation of an entry would be too near; None when it is far enough."""
    price = liquidation_price(
        outlook.side,
        quantity=outlook.quantity,
        price=outlook.price,
        margin=outlook.margin,
        brackets=outlook.brackets,
    )
    distance = distance_percent(outlook.side, entry_price=outlook.price, liquidation_price=price)
    needed = needed_percent(outlook.stop_percent, outlook.least_percent)
    if distance is None or distance >= needed:
        return None
    stop = outlook.stop_percent
    because = "without a stop loss" if stop is None else f"with the stop {plain(stop.normalize())} % away"
    detail = f"the liquidation would be {distance:.2f} % away; {because} it must be at least {needed:.2f} %"
    return TooNear(detail, limit=needed, value=distance)


def comes_first(
    side: Side,
    *,
    entry_price: Decimal,
    liquidation_price: Decimal | None,
    stop_percent: Decimal | None,
    least_percent: Decimal,
) -> bool:
    """Whether the exchange would take a position away before its stop is reached; without a stop: far too early.

    For the price that the exchange itself tells, so without the room that an estimate needs.
    """
    distance = distance_percent(side, entry_price=entry_price, liquidation_price=liquidation_price)
    return distance is not None and distance < needed_percent(stop_percent, least_percent) / ROOM

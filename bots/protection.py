"""What should rest at the exchange to protect a position, and how to get there from what rests now. Plain Python.

A position is divided into legs, one for each step of its take profit that is still ahead. A leg has a quantity, a stop
and a target. On spot the two are one pair (OCO), on futures two orders that only reduce.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from bots.exits import ExitSettings, Step, target_price, tightest_stop
from market.filters import Draft, check_order
from market.rounding import round_down
from market.rules import Rules
from market.types import OrderType, Side

# A stop that follows the price is moved when it is worth it: each move costs calls, and on spot a moment without one.
LEAST_MOVE_PERCENT = Decimal("0.05")


@dataclass(frozen=True)
class Leg:
    """A part of the position with the prices, in quote asset, at which it is to be sold (or bought back)."""

    number: int  # of the step of the take profit, from 0
    quantity: Decimal
    stop: Decimal | None
    target: Decimal | None


@dataclass(frozen=True)
class Resting:
    """A protection that rests, or may rest, at the exchange. ``leg`` is the number of its leg."""

    order_id: int
    leg: int
    is_stop: bool
    quantity: Decimal  # what is still to be filled
    price: Decimal
    side: Side  # the order's own
    in_doubt: bool = False
    canceling: bool = False


@dataclass(frozen=True)
class Holding:
    """An open position as its protections see it."""

    side: Side
    quantity: Decimal  # unsigned
    entry_price: Decimal
    best_price: Decimal


@dataclass(frozen=True)
class Plan:
    """What has to be done so that what rests is what is wanted; ``waits`` when an outcome has to be known first."""

    place: tuple[Leg, ...] = ()
    cancel: tuple[int, ...] = ()  # order ids
    waits: bool = False

    def __bool__(self) -> bool:
        return bool(self.place or self.cancel)


@dataclass
class _Found:
    stop: Resting | None = None
    target: Resting | None = None
    surplus: list[Resting] = field(default_factory=list)


def wanted_legs(settings: ExitSettings, holding: Holding, rules: Rules, *, taken: Collection[int]) -> list[Leg]:
    """The legs that should rest for what is held; ``taken`` are the numbers of the steps that were sold already.

    No leg at all when the whole is too small, or nothing is set: such a position is watched by the ticks only.
    """
    level = tightest_stop(settings, side=holding.side, entry_price=holding.entry_price, best_price=holding.best_price)
    stop = round_down(level, rules.tick_size) or None if level else None
    targets = {number: _target(holding, step, rules) for number, step in enumerate(settings.targets)}
    if not targets and stop is None:
        return []
    ahead = [(number, step.share_percent) for number, step in enumerate(settings.targets) if number not in taken]
    ahead = ahead or [(len(targets), Decimal(100))]  # what is left after the last step keeps its stop
    lowest = min(price for price in (stop, holding.entry_price, *targets.values()) if price)
    whole, side = rules.tradable(holding.quantity), holding.side.opposite
    return [
        Leg(number, quantity, stop, targets.get(number) or None)
        for number, quantity in _divide(whole, ahead, rules, side=side, price=lowest)
        if stop or targets.get(number)
    ]


def _target(holding: Holding, step: Step, rules: Rules) -> Decimal:
    return round_down(target_price(holding.entry_price, holding.side, step.gain_percent), rules.tick_size)


def _divide(
    whole: Decimal, shares: Sequence[tuple[int, Decimal]], rules: Rules, *, side: Side, price: Decimal
) -> list[tuple[int, Decimal]]:
    """The quantity of each leg, all of ``whole`` in all. What the exchange's filters would not take at ``price`` joins
    the next leg, or, if there is none, the one before."""
    ahead = sum((share for _, share in shares), Decimal(0))
    parts: list[tuple[int, Decimal]] = []
    given = carried = Decimal(0)
    for number, share in shares:
        is_last = number == shares[-1][0]
        quantity = whole - given if is_last else round_down(whole * share / ahead, rules.market_lot.step)
        given += quantity
        carried += quantity
        sale = Draft(OrderType.MARKET, side, carried, reference=price, reduce_only=rules.is_futures)
        if not check_order(rules, sale):
            parts.append((number, carried))
            carried = Decimal(0)
    if carried and parts:
        number, quantity = parts.pop()
        parts.append((number, quantity + carried))
    return parts


def plan(wanted: Sequence[Leg], resting: Sequence[Resting], *, side: Side, pairs: bool) -> Plan:
    """How to get from what rests to what is wanted, for a position of this side; ``pairs``: stop and target of a leg go
    together (spot). What would not close such a position outlived another one.
    """
    if any(order.in_doubt or order.canceling for order in resting):
        return Plan(waits=True)
    found = _by_leg([order for order in resting if order.side is not side])
    # Legs are divided anew by what is left after each: rounding alone must not move what covers the whole.
    kept = [found[leg.number] for leg in wanted if leg.number in found]
    covered = sum((order.quantity for have in kept if (order := have.stop or have.target)), Decimal(0))
    is_covered = covered == sum((leg.quantity for leg in wanted), Decimal(0))
    place, cancel = [], [order.order_id for leg in found.values() for order in leg.surplus]
    cancel += [order.order_id for order in resting if order.side is side]
    for leg in wanted:
        have = found.pop(leg.number, _Found())
        quantity = None if is_covered else leg.quantity
        stop_fits = _fits(have.stop, leg.stop, quantity, side)
        target_fits = _fits(have.target, leg.target, quantity, side)
        if stop_fits and target_fits:
            continue
        stale_stop = not stop_fits or pairs
        stale_target = not target_fits or pairs
        place.append(
            Leg(
                leg.number,
                leg.quantity,
                leg.stop if stale_stop else None,
                leg.target if stale_target else None,
            )
        )
        cancel += [
            order.order_id for order, stale in ((have.stop, stale_stop), (have.target, stale_target)) if order and stale
        ]
    cancel += [order.order_id for leg in found.values() for order in (leg.stop, leg.target) if order]
    return Plan(tuple(place), tuple(cancel))


def _by_leg(resting: Sequence[Resting]) -> dict[int, _Found]:
    """Stop and target of each leg, the newest; what else rests there is surplus: a move that died half-way."""
    found: dict[int, _Found] = {}
    for order in sorted(resting, key=lambda item: item.order_id, reverse=True):
        leg = found.setdefault(order.leg, _Found())
        name = "stop" if order.is_stop else "target"
        if getattr(leg, name) is None:
            setattr(leg, name, order)
        else:
            leg.surplus.append(order)
    return found


def _fits(have: Resting | None, wanted: Decimal | None, quantity: Decimal | None, side: Side) -> bool:
    """Whether what rests is near enough to what is wanted; a quantity of None fits any."""
    if have is None or wanted is None:
        return have is None and wanted is None
    if quantity is not None and have.quantity != quantity:
        return False
    better = (wanted - have.price) * side.sign
    if have.is_stop and better > 0:  # a stop that follows the price
        return better * 100 < have.price * LEAST_MOVE_PERCENT
    return better == 0

"""Stop loss, take profit and trailing stop, as prices and as a decision. Plain Python (features S5).

All percentages are of the entry price, which is the average price of the fills.
"""

from dataclasses import dataclass
from decimal import Decimal

from market.rounding import plain
from market.types import Side


@dataclass(frozen=True)
class Step:
    """One step of a stepped take profit: at this gain that share of the position is sold, both in percent."""

    gain_percent: Decimal
    share_percent: Decimal


@dataclass(frozen=True)
class ExitSettings:
    """What the owner set, in percent; None switches an exit off."""

    stop_loss_percent: Decimal | None = None
    take_profit_percent: Decimal | None = None
    trailing_stop_percent: Decimal | None = None
    break_even_percent: Decimal | None = None  # from this gain on the stop is not below the entry price
    steps: tuple[Step, ...] = ()  # instead of one take profit; ordered by gain, shares of 100 % in all

    @property
    def has_stop(self) -> bool:
        """Whether a position of these settings always has a price at which it is given up."""
        return self.stop_loss_percent is not None or self.trailing_stop_percent is not None

    @property
    def orders_needed(self) -> int:
        """How many stops and targets protect a position at the exchange."""
        has_stop = self.has_stop or self.break_even_percent is not None
        return len(self.targets) + (max(len(self.targets), 1) if has_stop else 0)

    @property
    def stop_percent(self) -> Decimal | None:
        """How far from the entry price a position is given up; None without a stop."""
        return min(filter(None, (self.stop_loss_percent, self.trailing_stop_percent)), default=None)

    @property
    def targets(self) -> tuple[Step, ...]:
        """Where profits are taken, the nearest first."""
        if self.steps:
            return self.steps
        return () if self.take_profit_percent is None else (Step(self.take_profit_percent, Decimal(100)),)


@dataclass(frozen=True)
class Exit:
    kind: str
    reason: str


def stop_price(entry_price: Decimal, side: Side, stop_loss_percent: Decimal) -> Decimal:
    """The price at which the loss on the position reaches ``stop_loss_percent``."""
    return entry_price * (1 - side.sign * stop_loss_percent / 100)


def target_price(entry_price: Decimal, side: Side, take_profit_percent: Decimal) -> Decimal:
    """The price at which the gain on the position reaches ``take_profit_percent``."""
    return entry_price * (1 + side.sign * take_profit_percent / 100)


def trailing_price(best_price: Decimal, side: Side, trailing_stop_percent: Decimal) -> Decimal:
    """The price at which the position has given back ``trailing_stop_percent`` of the best price."""
    return best_price * (1 - side.sign * trailing_stop_percent / 100)


def better_price(best_price: Decimal, price: Decimal, side: Side) -> Decimal:
    """The better of two prices for a position of this side: the best one only ever moves in its favour."""
    return max(best_price, price) if side is Side.BUY else min(best_price, price)


def due_exit(
    settings: ExitSettings, *, side: Side, entry_price: Decimal, best_price: Decimal, price: Decimal
) -> Exit | None:
    """The exit that ``price`` has reached, the most protective first; None if the position may stay.

    Of a stepped take profit only the last step closes the position; the others are orders that rest at the exchange.
    """
    for kind, level in stop_levels(settings, side=side, entry_price=entry_price, best_price=best_price):
        if (price - level) * side.sign <= 0:
            return Exit(kind, f"price {plain(price)} reached the {kind.replace('_', ' ')} at {plain(round(level, 8))}")
    if settings.targets:
        level = target_price(entry_price, side, settings.targets[-1].gain_percent)
        if (price - level) * side.sign >= 0:
            return Exit("take_profit", f"price {plain(price)} reached the take profit at {plain(round(level, 8))}")
    return None


def stop_levels(
    settings: ExitSettings, *, side: Side, entry_price: Decimal, best_price: Decimal
) -> list[tuple[str, Decimal]]:
    """Every stop that is in force, by its kind, with its price in quote asset."""
    stops = []
    if settings.stop_loss_percent is not None:
        stops.append(("stop_loss", stop_price(entry_price, side, settings.stop_loss_percent)))
    if settings.trailing_stop_percent is not None:
        stops.append(("trailing_stop", trailing_price(best_price, side, settings.trailing_stop_percent)))
    if settings.break_even_percent is not None:
        reached = target_price(entry_price, side, settings.break_even_percent)
        if (best_price - reached) * side.sign >= 0:
            stops.append(("break_even", entry_price))
    return stops


def tightest_stop(settings: ExitSettings, *, side: Side, entry_price: Decimal, best_price: Decimal) -> Decimal | None:
    """The stop price that is reached first; None where no stop is in force."""
    levels = [level for _, level in stop_levels(settings, side=side, entry_price=entry_price, best_price=best_price)]
    if not levels:
        return None
    return max(levels) if side is Side.BUY else min(levels)

"""Stop loss, take profit and trailing stop, as prices and as a decision. Plain Python (features S5).

All percentages are of the entry price, which is the average price of the fills.
"""

from dataclasses import dataclass
from decimal import Decimal

from market.rounding import plain
from market.types import Side


@dataclass(frozen=True)
class ExitSettings:
    """What the owner set, in percent; None switches an exit off."""

    stop_loss_percent: Decimal | None = None
    take_profit_percent: Decimal | None = None
    trailing_stop_percent: Decimal | None = None


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
    """The exit that ``price`` has reached, the most protective first; None if the position may stay."""
    for kind, level in _stops(settings, side=side, entry_price=entry_price, best_price=best_price):
        if (price - level) * side.sign <= 0:
            return Exit(kind, f"price {plain(price)} reached the {kind.replace('_', ' ')} at {plain(round(level, 8))}")
    if settings.take_profit_percent is not None:
        level = target_price(entry_price, side, settings.take_profit_percent)
        if (price - level) * side.sign >= 0:
            return Exit("take_profit", f"price {plain(price)} reached the take profit at {plain(round(level, 8))}")
    return None


def _stops(
    settings: ExitSettings, *, side: Side, entry_price: Decimal, best_price: Decimal
) -> list[tuple[str, Decimal]]:
    stops = []
    if settings.stop_loss_percent is not None:
        stops.append(("stop_loss", stop_price(entry_price, side, settings.stop_loss_percent)))
    if settings.trailing_stop_percent is not None:
        stops.append(("trailing_stop", trailing_price(best_price, side, settings.trailing_stop_percent)))
    return stops

"""How much to buy: the sizing modes (features S6). Plain Python."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from market.filters import smallest_quantity
from market.rounding import plain, round_up
from market.rules import Rules


class Mode(StrEnum):
    QUOTE = "quote"
    BASE = "base"
    PERCENT = "percent"
    RISK = "risk"


LABELS = {
    Mode.QUOTE: "fixed amount, in quote asset (USDT)",
    Mode.BASE: "fixed quantity, in base asset (BTC, ETH …)",
    Mode.PERCENT: "percent of the bot's capital",
    Mode.RISK: "risk per trade: percent of the capital that the stop loss may cost",
}


@dataclass(frozen=True)
class Sizing:
    """A mode and its value, in the unit that the mode's label names."""

    mode: Mode
    value: Decimal


FEE = Decimal("0.001")  # of the base asset, taken by the purchase
FALL_PERCENT = Decimal(5)  # what a position without a stop loss may lose and still be sellable


class TooSmall(Exception):
    """The configured size is below what the exchange takes. The message names the amount needed."""


def wanted_quantity(sizing: Sizing, *, price: Decimal, capital: Decimal, stop_loss_percent: Decimal | None) -> Decimal:
    """The quantity in base asset, before rounding; never worth more than ``capital`` (quote asset).

    Risk per trade: a position whose stop loss costs value % of the capital is worth capital × value / stop.
    """
    if sizing.mode is Mode.BASE:
        quantity = sizing.value
    elif sizing.mode is Mode.QUOTE:
        quantity = sizing.value / price
    elif sizing.mode is Mode.PERCENT:
        quantity = capital * sizing.value / 100 / price
    else:
        assert stop_loss_percent, "risk per trade without a stop loss is refused when the bot is saved"
        quantity = capital * sizing.value / stop_loss_percent / price
    return min(quantity, max(capital, Decimal(0)) / price)


def entry_quantity(
    sizing: Sizing, *, price: Decimal, capital: Decimal, stop_loss_percent: Decimal | None, rules: Rules
) -> Decimal:
    """The wanted quantity, rounded down to the lot size.

    Raises TooSmall when the exchange would not take it, or would not take it back at the stop: after the fee and a
    fall the rest must still be above its minimum.
    """
    wanted = wanted_quantity(sizing, price=price, capital=capital, stop_loss_percent=stop_loss_percent)
    quantity = rules.tradable(wanted)
    fall = FALL_PERCENT if stop_loss_percent is None else stop_loss_percent
    least_sold = smallest_quantity(rules, price=price * max(1 - fall / 100, Decimal("0.01")))
    needed = round_up(least_sold / (1 - FEE), rules.lot_size)
    if quantity < needed:
        raise TooSmall(
            f"the size gives {plain(round(wanted, 8))} {rules.base_asset}, worth {wanted * price:.2f}"
            f" {rules.quote_asset}; {plain(needed)} {rules.base_asset}, worth {needed * price:.2f}, is needed"
        )
    return quantity

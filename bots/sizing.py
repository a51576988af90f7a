"""How much to trade: the sizing modes (features S6). Plain Python.

Amount and percent are money of the bot: on futures they are the margin, and the position is worth that times the
leverage. Quantity and risk say by themselves what it is worth. No mode goes beyond the capital times the leverage.
"""

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
    Mode.QUOTE: "fixed amount, in quote asset (USDT); on futures it is the margin",
    Mode.BASE: "fixed quantity, in base asset (BTC, ETH …)",
    Mode.PERCENT: "percent of the bot's capital; on futures it is the margin",
    Mode.RISK: "risk per trade: percent of the capital that the stop loss may cost",
}


@dataclass(frozen=True)
class Sizing:
    """A mode and its value, in the unit that the mode's label names."""

    mode: Mode
    value: Decimal


FEE = Decimal("0.001")  # of the base asset, taken by a purchase on spot; futures take theirs in USDT
FALL_PERCENT = Decimal(5)  # what a position without a stop loss may lose and still be sellable


class TooSmall(Exception):
    """The configured size is below what the exchange takes. The message names the amount needed."""


def wanted_quantity(
    sizing: Sizing, *, price: Decimal, capital: Decimal, stop_loss_percent: Decimal | None, leverage: int = 1
) -> Decimal:
    """The quantity in base asset, before rounding; never worth more than ``capital`` (quote asset) times the leverage.

    Risk per trade: a position whose stop loss costs value % of the capital is worth capital × value / stop.
    """
    if sizing.mode is Mode.BASE:
        quantity = sizing.value
    elif sizing.mode is Mode.QUOTE:
        quantity = sizing.value * leverage / price
    elif sizing.mode is Mode.PERCENT:
        quantity = capital * sizing.value / 100 * leverage / price
    else:
        assert stop_loss_percent, "risk per trade without a stop loss is refused when the bot is saved"
        quantity = capital * sizing.value / stop_loss_percent / price
    return min(quantity, max(capital, Decimal(0)) * leverage / price)


def entry_quantity(
    sizing: Sizing,
    *,
    price: Decimal,
    capital: Decimal,
    stop_loss_percent: Decimal | None,
    rules: Rules,
    leverage: int = 1,
    futures: bool = False,
) -> Decimal:
    """The wanted quantity, rounded down to the lot size. Raises TooSmall when that is not worth an order."""
    wanted = wanted_quantity(
        sizing, price=price, capital=capital, stop_loss_percent=stop_loss_percent, leverage=leverage
    )
    quantity, needed = rules.tradable(wanted), _needed(price, stop_loss_percent, rules, futures=futures)
    if quantity < needed:
        raise TooSmall(
            f"the size gives {plain(round(wanted, 8))} {rules.base_asset}, {_worth(wanted * price, rules, leverage)};"
            f" {plain(needed)} {rules.base_asset}, {_worth(needed * price, rules, leverage)}, is needed"
        )
    return quantity


def reduction_quantity(
    lot: Decimal, *, held: Decimal, price: Decimal, stop_loss_percent: Decimal | None, rules: Rules, futures: bool
) -> Decimal:
    """What one sale takes of what is held: a lot, or as much as the exchange takes at least. Raises TooSmall.

    All of it where less would be left than half a lot, which is rounding and fees, or than could be sold at the stop.
    """
    least, whole = smallest_quantity(rules, price=price), rules.tradable(held)
    if whole < least:
        raise TooSmall(f"{plain(whole)} {rules.base_asset} can be sold, {plain(least)} {rules.base_asset} is needed")
    part = max(rules.tradable(lot), least)
    left = held - part
    is_worth_keeping = left >= max(lot / 2, _needed(price, stop_loss_percent, rules, futures=futures))
    return part if is_worth_keeping else whole


def _needed(price: Decimal, stop_loss_percent: Decimal | None, rules: Rules, *, futures: bool) -> Decimal:
    """The least that the exchange would take back at the stop: what the fee and a fall leave must be above its minimum.

    Futures need no such room: there is no minimum for an order that only reduces.
    """
    if futures:
        return smallest_quantity(rules, price=price)
    fall = FALL_PERCENT if stop_loss_percent is None else stop_loss_percent
    least_sold = smallest_quantity(rules, price=price * max(1 - fall / 100, Decimal("0.01")))
    return round_up(least_sold / (1 - FEE), rules.lot_size)


def _worth(notional: Decimal, rules: Rules, leverage: int) -> str:
    margin = f" ({notional / leverage:.2f} at leverage {leverage})" if leverage > 1 else ""
    return f"worth {notional:.2f} {rules.quote_asset}{margin}"

"""How much: what an entry trades, what is added to an open position, and what part of it is sold. Plain Python."""

from dataclasses import replace
from decimal import Decimal

from bots.decision import Act, Decision
from bots.situation import MarketView, Setup, Standing, capital_of
from bots.sizing import Mode, Sizing, TooSmall, entry_quantity, reduction_quantity, wanted_quantity
from bots.types import Reason
from market.types import Side


def quantity_of_entry(setup: Setup, market: MarketView, sizing: Sizing, *, capital: Decimal) -> Decimal:
    """What an entry buys or sells short, worth no more than the capital allows. Raises TooSmall."""
    return entry_quantity(
        sizing,
        price=market.price,
        capital=capital,
        stop_loss_percent=setup.exits.stop_loss_percent,
        rules=market.rules,
        leverage=setup.leverage,
        futures=setup.futures,
    )


def addition(
    setup: Setup, market: MarketView, standing: Standing, *, side: Side, held: str, obstacle: Decision | None
) -> Decision:
    """One more entry, of the usual size, as far as the capital that is not in the position yet allows it.

    No cool-down: since the position was entered it has not been closed, though parts of it may have been sold.
    """
    if obstacle:
        return replace(obstacle, text=f"{held}; nothing is added: {obstacle.text}")
    capital, usual = capital_of(setup, standing), _usual_quantity(setup, standing, price=market.price)
    free = capital - abs(standing.quantity) * standing.entry_price / setup.leverage
    try:
        quantity = quantity_of_entry(setup, market, Sizing(Mode.BASE, usual), capital=free)
    except TooSmall:
        left = f"{max(free, Decimal(0)):.2f} {market.rules.quote_asset} of the capital are left"
        return Decision(Reason.NONE, f"{held}; nothing is added: {left}")
    act = Act(is_entry=True, side=side, quantity=quantity, key=market.act_key, adds=True)
    return Decision(Reason.NONE, f"{held}; {market.text}", act)


def reduction(setup: Setup, market: MarketView, standing: Standing, *, side: Side, held: str) -> Decision:
    """An exit of one lot: of what an entry at the average entry price would be.

    Measured at that price, as many sales as there were purchases of the usual size sell all, in whatever unit it is.
    """
    try:
        quantity = reduction_quantity(
            _usual_quantity(setup, standing, price=standing.entry_price),
            held=abs(standing.quantity),
            price=market.price,
            stop_loss_percent=setup.exits.stop_loss_percent,
            rules=market.rules,
            futures=setup.futures,
        )
    except TooSmall as error:
        return Decision(Reason.NONE, f"{held}; nothing is sold: {error}")
    act = Act(is_entry=False, side=side.opposite, quantity=quantity, key=market.act_key, reduces=True)
    return Decision(Reason.NONE, f"{held}; {market.text}", act)


def _usual_quantity(setup: Setup, standing: Standing, *, price: Decimal) -> Decimal:
    """The quantity of an entry at a price, before rounding, as if nothing was held."""
    return wanted_quantity(
        setup.sizing,
        price=price,
        capital=capital_of(setup, standing),
        stop_loss_percent=setup.exits.stop_loss_percent,
        leverage=setup.leverage,
    )

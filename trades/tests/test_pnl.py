from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from market.types import Side
from trades.pnl import Execution, Holding

PRICES = st.decimals(min_value="0.0001", max_value="100000", places=8)
QUANTITIES = st.decimals(min_value="0.00001", max_value="1000", places=8)


@st.composite
def executions(draw):
    """Fills whose commission was paid in quote asset, in base asset or in another one."""
    side, price, quantity = draw(st.sampled_from(Side)), draw(PRICES), draw(QUANTITIES)
    in_base = draw(st.sampled_from([Decimal(0), quantity / 1000]))
    in_quote = draw(st.decimals(min_value=0, max_value=10, places=8))
    return Execution(side, price, quantity, in_base * price if in_base else in_quote, in_base)


EXECUTIONS = executions()


def after(*fills: Execution) -> Holding:
    holding = Holding()
    for fill in fills:
        holding = holding.after(fill)
    return holding


def bought(quantity: str, price: str, **commission: Decimal) -> Execution:
    return Execution(Side.BUY, Decimal(price), Decimal(quantity), **commission)


def sold(quantity: str, price: str, **commission: Decimal) -> Execution:
    return Execution(Side.SELL, Decimal(price), Decimal(quantity), **commission)


def test_a_second_purchase_averages_the_entry_price():
    assert after(bought("1", "100"), bought("3", "200")).entry_price == 175


def test_selling_half_keeps_the_entry_price_and_realises_half():
    holding = after(bought("2", "100"), sold("1", "130"))

    assert (holding.quantity, holding.entry_price, holding.realized_pnl) == (1, 100, 30)


def test_a_short_position_earns_when_the_price_falls():
    assert after(sold("2", "100"), bought("2", "90")).realized_pnl == 20


def test_selling_more_than_is_held_turns_the_position_at_the_new_price():
    holding = after(bought("1", "100"), sold("3", "110"))

    assert (holding.quantity, holding.entry_price, holding.realized_pnl) == (-2, 110, 10)


def test_a_commission_in_base_makes_the_position_smaller_and_costs_its_worth():
    fee = {"commission_quote": Decimal("0.1"), "commission_base": Decimal("0.001")}

    holding = after(bought("1", "100", **fee))

    assert (holding.quantity, holding.entry_price) == (Decimal("0.999"), 100)
    assert (holding.realized_pnl, holding.fees) == (Decimal("-0.1"), Decimal("0.1"))


@given(st.lists(EXECUTIONS, max_size=12), PRICES)
def test_realised_and_unrealised_are_together_what_the_fills_brought(fills, mark):
    holding = after(*fills)

    fees = sum((fill.commission_quote for fill in fills if not fill.commission_base), Decimal(0))
    cash = sum((-fill.side.sign * fill.price * fill.quantity for fill in fills), Decimal(0)) - fees
    worth = sum((fill.side.sign * fill.quantity - fill.commission_base for fill in fills), Decimal(0)) * mark
    # The average price is kept to 18 places, which the quantity of at most 12,000 multiplies.
    assert abs(holding.realized_pnl + holding.unrealized_pnl(mark) - cash - worth) < Decimal("1e-12")


@given(st.lists(EXECUTIONS, max_size=12))
def test_the_entry_price_lies_between_the_prices_paid(fills):
    fills = [fill._replace(commission_base=Decimal(0)) for fill in fills]

    holding = after(*fills)

    if holding.quantity:
        prices = [fill.price for fill in fills if fill.side.sign * holding.quantity > 0]
        assert min(prices) <= holding.entry_price + Decimal("1e-17")
        assert holding.entry_price <= max(prices) + Decimal("1e-17")

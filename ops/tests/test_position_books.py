"""The auditor's arithmetic and the books' own, which share no code, agree to the last digit."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from market.types import Side
from ops.audit.position_books import amount, replay
from trades.pnl import Execution, Holding

PRICES = st.decimals(min_value="0.00000001", max_value="100000", places=8)
QUANTITIES = st.decimals(min_value="0.00000001", max_value="10000", places=8)
FEES = st.decimals(min_value=0, max_value=10, places=18)


@st.composite
def executions(draw):
    price, quantity = draw(PRICES), draw(QUANTITIES)
    in_base = draw(st.sampled_from([Decimal(0), quantity / 1000]))
    return Execution(draw(st.sampled_from(Side)), price, quantity, draw(FEES), in_base)


@given(st.lists(executions(), max_size=12))
def test_replayed_fills_make_what_booked_ones_made(fills):
    booked = Holding()
    for fill in fills:
        booked = booked.after(fill)

    names = ("price", "quantity", "commission_quote", "commission_base")
    found = replay(
        {"side": fill.side.value, "order_id": 1} | {name: getattr(fill, name) for name in names} for fill in fills
    )

    assert amount(found.quantity) == booked.quantity
    assert amount(found.entry_price) == booked.entry_price
    assert amount(found.realized) == booked.realized_pnl

"""What hypothesis draws for tests of the market: amounts, steps, and the filters of a symbol."""

from decimal import Context, Decimal
from typing import Any

from hypothesis import strategies as st

from market.tests.factories import entry

EXACT = Context(prec=60)


def amounts(max_value: int = 10**20) -> st.SearchStrategy[Decimal]:
    """Anything that an AmountField holds, 38 digits at most."""
    largest = min(max_value * 10**18, 10**38 - 1)
    return st.integers(min_value=0, max_value=largest).map(lambda units: Decimal(units).scaleb(-18, EXACT))


def steps() -> st.SearchStrategy[Decimal]:
    """The steps of an exchange are powers of ten, nearly always; 5 and 25 of them occur as tick sizes."""
    return st.builds(
        lambda digit, places: (Decimal(digit) * Decimal(10) ** -places).normalize(),
        st.sampled_from([1, 5, 25]),
        st.integers(min_value=-3, max_value=18),
    )


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """A symbol of exchangeInfo with filters that fit each other, the odd parts included."""
    places = draw(st.integers(min_value=0, max_value=8))
    step, market_step = Decimal(10) ** -places, draw(st.sampled_from(["0.00000000", "0.1", "1"]))
    smallest = draw(st.integers(min_value=0, max_value=300)) * step / draw(st.sampled_from([1, 3]))
    notional = {
        "filterType": "NOTIONAL",
        "minNotional": draw(st.sampled_from(["0.00000000", "0.00010000", "5.00000000", "10"])),
        "applyMinToMarket": draw(st.booleans()),
        "maxNotional": draw(st.sampled_from(["0.00000000", "900.00000000", "9000000.00000000"])),
        "applyMaxToMarket": draw(st.booleans()),
    }
    older = {
        "filterType": "MIN_NOTIONAL",
        "minNotional": notional["minNotional"],
        "applyToMarket": draw(st.booleans()),
        "avgPriceMins": 5,
    }
    return entry(
        filters=[
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01000000"},
            {
                "filterType": "LOT_SIZE",
                "minQty": f"{smallest:.8f}",
                "maxQty": draw(st.sampled_from(["9000.00000000", "500"])),
                "stepSize": f"{step:.8f}",
            },
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": draw(st.sampled_from(["0.00000000", "0.5"])),
                "maxQty": draw(st.sampled_from(["0.00000000", "97.09521512", "20000"])),
                "stepSize": market_step,
            },
            draw(st.sampled_from([notional, older])),
        ]
    )

"""Numbers as futures write them."""

import pytest

from market.paper.engine.amounts import units
from market.paper.tests.futures_rest.rules import BTC, PEPE
from market.paper.web.futures import formats


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [
        ("1.23456789", 8, "1.23456789"),
        ("1.23456789", 2, "1.23"),
        ("-0.5", 1, "-0.5"),
        ("12.9", 0, "12"),
        ("0", 3, "0.000"),
    ],
)
def test_amount_has_as_many_decimals_as_asked(amount, decimals, text):
    assert formats.fixed(units(amount), decimals) == text


def test_prices_and_quantities_have_the_decimals_of_the_symbol():
    assert formats.price(BTC, units("50000")) == "50000.00"
    assert formats.quantity(BTC, units("0.1")) == "0.100"
    assert formats.price(PEPE, units("0.0036")) == "0.0036000"
    assert formats.quantity(PEPE, units("8310")) == "8310"


def test_price_times_quantity_loses_nothing():
    assert formats.quote_quantity(BTC, units("21.40523")) == "21.40523"


def test_average_is_a_plain_zero_until_there_is_one():
    assert formats.average_price(BTC, 0) == "0.00"
    assert formats.average_price(BTC, units("3057.89")) == "3057.89000"


def test_number_is_whole_where_it_can_be():
    assert [formats.number(units(text)) for text in ("50000", "0.0065")] == [50000, 0.0065]
    assert isinstance(formats.number(units("50000")), int)

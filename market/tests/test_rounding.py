"""Laws of rounding, over everything that an AmountField can hold."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from market.rounding import plain, round_down, round_up
from market.tests.strategies import amounts, steps


@given(value=amounts(), step=steps())
def test_rounding_down_never_increases_the_size(value, step):
    rounded = round_down(value, step)

    assert 0 <= Fraction(rounded) <= Fraction(value)


@given(value=amounts(), step=steps())
def test_rounding_down_a_sale_never_increases_its_size(value, step):
    rounded = round_down(value.copy_negate(), step)

    assert rounded == round_down(value, step).copy_negate()


@given(value=amounts(), step=steps())
def test_rounding_down_gives_the_largest_multiple_of_the_step(value, step):
    rounded = round_down(value, step)

    assert Fraction(rounded) % Fraction(step) == 0
    assert Fraction(value) - Fraction(rounded) < Fraction(step)


@given(value=amounts(), step=steps())
def test_rounding_up_gives_the_smallest_multiple_that_suffices(value, step):
    rounded = round_up(value, step)

    assert Fraction(rounded) % Fraction(step) == 0
    assert 0 <= Fraction(rounded) - Fraction(value) < Fraction(step)


@given(value=amounts(), step=steps())
def test_rounding_twice_changes_nothing_more(value, step):
    down, up = round_down(value, step), round_up(value, step)

    assert round_down(down, step) == down
    assert round_up(up, step) == up


@given(value=amounts())
def test_a_step_of_zero_means_no_rounding(value):
    assert round_down(value, Decimal(0)) == round_up(value, Decimal(0)) == value


@given(value=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=18))
def test_plain_text_is_the_same_number_without_an_exponent(value):
    text = plain(value)

    assert Decimal(text) == value
    assert "E" not in text.upper()
    assert text == "0" or not ("." in text and text.endswith(("0", ".")))


def test_plain_text_of_odd_zeros_and_round_numbers_is_what_the_exchange_reads():
    written = [plain(Decimal(text)) for text in ("0E-18", "-0", "-0.00", "1E+3", "100", "0.00001000", "1e-8")]

    assert written == ["0", "0", "0", "1000", "100", "0.00001", "0.00000001"]

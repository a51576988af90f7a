"""What only futures answer: the brackets of margin, in every shape that was seen."""

from decimal import Decimal

import pytest

from market.exchange.adapter.futures_reading import brackets_of
from market.exchange.reading import UNREADABLE
from market.exchange.types import MarginBracket

BRACKETS = [
    {"bracket": 1, "initialLeverage": 125, "notionalCap": 300000, "maintMarginRatio": 0.004, "cum": 0},
    {"bracket": 2, "initialLeverage": 100, "notionalCap": 800000, "maintMarginRatio": 0.005, "cum": 300.0},
]
BTC = {"symbol": "BTCUSDT", "brackets": BRACKETS}
READ = [MarginBracket(Decimal("0.004"), Decimal(0)), MarginBracket(Decimal("0.005"), Decimal(300))]


@pytest.mark.parametrize("answer", [BTC, [BTC], [{"symbol": "ETHUSDT", "brackets": []}, BTC]])
def test_the_brackets_of_a_symbol_are_read_alone_and_out_of_a_list(answer):
    assert brackets_of(answer, symbol="BTCUSDT") == READ


@pytest.mark.parametrize(
    "answer", [[], {"symbol": "ETHUSDT", "brackets": BRACKETS}, {"symbol": "BTCUSDT"}, [BTC, BTC], "text"]
)
def test_another_shape_is_unreadable(answer):
    with pytest.raises(UNREADABLE):
        brackets_of(answer, symbol="BTCUSDT")


@pytest.mark.parametrize("ratio", ["NaN", None, "a lot"])
def test_a_bracket_that_is_no_number_is_unreadable(ratio):
    answer = BTC | {"brackets": [BRACKETS[0] | {"maintMarginRatio": ratio}]}

    with pytest.raises(UNREADABLE):
        brackets_of(answer, symbol="BTCUSDT")

"""Candles that close while others write the same series."""

import numpy as np
import pytest

from market.candles import candles_key
from market.feed import appending
from market.feed.appending import Closed, append_all
from market.feed.copies import Copy
from market.tests.factories import NOON
from market.tests.test_candles_edge import series_of
from market.types import Environment, Market, Series, milliseconds

BTC, ETH = (Series(Environment.PAPER, Market.SPOT, symbol, "1m") for symbol in ("BTCUSDT", "ETHUSDT"))
MINUTE_MS = 60_000


@pytest.fixture
def copies(redis):
    """Copies of both series, with fifty candles from noon on."""
    for series in (BTC, ETH):
        redis.set(candles_key(series), Copy(series, series_of()).pack())


def closed(minute: int, *, close: float = 1.5, series: Series = BTC) -> Closed:
    row = series_of(1)[0]
    row[0] = milliseconds(NOON) // MINUTE_MS * MINUTE_MS + minute * MINUTE_MS
    row[4] = close
    return Closed(series, row)


def copy_of(redis, series: Series = BTC) -> Copy:
    return Copy.unpack(redis.get(candles_key(series)), series)


@pytest.fixture
def meanwhile(redis, monkeypatch):
    """Let somebody else write these copies of BTC, one before each try of ours."""

    def write(*copies: np.ndarray) -> None:
        really, left = appending._grown, list(copies)

        def grown(each: Closed, packed: bytes) -> bytes:
            result = really(each, packed)
            if left:
                redis.set(candles_key(BTC), Copy(BTC, left.pop(0)).pack())
            return result

        monkeypatch.setattr(appending, "_grown", grown)

    return write


def corrected(close: float) -> np.ndarray:
    rows = series_of()
    rows[-1, 4] = close
    return rows


def test_what_others_wrote_meanwhile_is_not_overwritten(copies, redis, meanwhile):
    meanwhile(corrected(1.9))

    misfits = append_all([closed(50)])

    assert misfits == []
    assert copy_of(redis).rows[-2:, 4].tolist() == [1.9, 1.5]


def test_who_is_beaten_again_and_again_lets_the_series_be_fetched(copies, redis, meanwhile):
    meanwhile(corrected(1.7), corrected(1.8), corrected(1.9))

    misfits = append_all([closed(50), closed(55, series=ETH)])

    assert [(each.series, why.whole) for each, why in misfits] == [(ETH, False), (BTC, False)]
    assert copy_of(redis).rows[-1, 4] == 1.9


def test_several_candles_of_several_series_are_all_appended(copies, redis):
    misfits = append_all([closed(50), closed(50, series=ETH), closed(51), closed(51, series=ETH), closed(52)])

    assert misfits == []
    assert len(copy_of(redis).rows) == 53
    assert len(copy_of(redis, ETH).rows) == 52


def test_a_series_that_does_not_fit_does_not_hold_up_the_others(copies, redis):
    misfits = append_all([closed(52), closed(50, series=ETH)])

    assert [(each.series, str(why)) for each, why in misfits] == [(BTC, "candles are missing before it")]
    assert len(copy_of(redis, ETH).rows) == 51


@pytest.mark.parametrize(("minute", "close", "whole"), [(49, 1.9, True), (10, 1.9, True), (51, 1.5, False)])
def test_what_contradicts_the_copy_makes_all_be_fetched_and_what_is_missing_only_the_rest(
    copies, redis, minute, close, whole
):
    ((_, why),) = append_all([closed(minute, close=close)])

    assert why.whole is whole
    assert len(copy_of(redis).rows) == 50


def test_a_candle_of_long_ago_is_passed_over(copies, redis):
    assert append_all([closed(-5), closed(10)]) == []


def test_a_copy_with_a_gap_that_the_exchange_may_fill_is_not_appended_to(redis):
    rows = series_of()
    rows = rows[[*range(20), *range(22, 50)]]
    redis.set(candles_key(BTC), Copy.of_whole(BTC, rows, before=None).pack())

    ((each, why),) = append_all([closed(50)])

    assert each.series == BTC
    assert not why.whole


def test_a_series_that_nobody_has_fetched_yet_is_fetched(redis):
    ((_, why),) = append_all([closed(50)])

    assert not why.whole
    assert redis.get(candles_key(BTC)) is None

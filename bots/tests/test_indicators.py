"""The indicators of the strategies equal an independent computation in plain Python, on recorded candles."""

import numpy as np
import pytest
import talib

from bots.strategies.adx_trend import directional
from bots.strategies.bollinger import bands
from bots.strategies.donchian import channel
from bots.strategies.lines import rsi
from bots.strategies.macd import macd_lines
from bots.strategies.supertrend import supertrend
from bots.strategies.vwap_reversion import vwap
from bots.tests import by_hand
from bots.tests.recorded import RECORDINGS, recorded

COMPARED = 200  # candles at the end, where no seed is felt any more
EXACT = 1e-9


@pytest.fixture(params=RECORDINGS, ids=" ".join)
def candles(request):
    return recorded(*request.param)


def lists(candles, *names):
    return [getattr(candles, name).tolist() for name in names]


def assert_equal(lines, expected, *, defined=1.0):
    """Each line against one column of what was computed by hand; at least ``defined`` of its values exist."""
    expected = np.array(expected[-COMPARED:]).reshape(COMPARED, -1)
    for line, column in zip(lines, expected.T, strict=True):
        known = np.isfinite(line[-COMPARED:])
        assert known.mean() >= defined
        np.testing.assert_allclose(line[-COMPARED:][known], column[known], rtol=EXACT, atol=0)


@pytest.mark.parametrize("period", [2, 9, 21, 100])
def test_ema_equals_the_one_by_hand(candles, period):
    assert_equal([talib.EMA(candles.close, period)], by_hand.ema(candles.close.tolist(), period))


@pytest.mark.parametrize("period", [2, 14, 30])
def test_rsi_equals_the_one_by_hand(candles, period):
    found = rsi(candles.close, period)

    assert_equal([found], by_hand.rsi(candles.close.tolist(), period), defined=0.95)


@pytest.mark.parametrize(("fast", "slow", "signal"), [(12, 26, 9), (3, 10, 16), (24, 52, 18)])
def test_macd_equals_the_one_by_hand(candles, fast, slow, signal):
    lines = macd_lines(candles.close, fast=fast, slow=slow, signal=signal)

    line, signal_line = by_hand.macd(candles.close.tolist(), fast, slow, signal)

    assert_equal([lines[0]], line)
    assert_equal([lines[1]], signal_line)


@pytest.mark.parametrize(("period", "deviations"), [(5, 1.5), (20, 2), (200, 3)])
def test_bollinger_bands_equal_those_by_hand(candles, period, deviations):
    lines = bands(candles.close, period=period, deviations=deviations)

    assert_equal(lines, by_hand.bollinger(candles.close.tolist(), period, deviations), defined=0.95)


@pytest.mark.parametrize("period", [2, 20, 700])
def test_the_donchian_channel_equals_the_one_by_hand(candles, period):
    assert_equal(channel(candles, period), by_hand.donchian(*lists(candles, "high", "low"), period))


@pytest.mark.parametrize("period", [2, 10, 30])
def test_atr_equals_the_one_by_hand(candles, period):
    columns = lists(candles, "high", "low", "close")

    assert_equal([talib.ATR(candles.high, candles.low, candles.close, period)], by_hand.atr(*columns, period))


@pytest.mark.parametrize(("period", "multiplier"), [(7, 1.5), (10, 3), (20, 5)])
def test_supertrend_equals_the_one_by_hand(candles, period, multiplier):
    line, trend = supertrend(candles, period=period, multiplier=multiplier)

    expected = by_hand.supertrend(*lists(candles, "high", "low", "close"), period, multiplier)

    assert_equal([line, trend > 0], expected)


@pytest.mark.parametrize("period", [5, 14, 25])
def test_the_directional_movement_equals_the_one_by_hand(candles, period):
    columns = lists(candles, "high", "low", "close")

    assert_equal(directional(candles, period), by_hand.directional(*columns, period))


@pytest.mark.parametrize("period", [5, 60, 200])
def test_vwap_equals_the_one_by_hand(candles, period):
    columns = lists(candles, "high", "low", "close", "volume")

    assert_equal(vwap(candles, period), by_hand.vwap(*columns, period))

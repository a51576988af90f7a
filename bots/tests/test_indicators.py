"""What a strategy reads of a series, without a bot."""

import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from bots import tasks
from bots.services.indicators import BadQuestion, indicators
from bots.strategies import STRATEGIES
from market.candles import closed_candles
from market.symbols import warm_symbols
from market.types import Environment, Market, Series

pytestmark = pytest.mark.django_db(transaction=True)

SERIES = Series(Environment.PAPER, Market.SPOT, "BTCUSDT", "1h")


@pytest.fixture(autouse=True)
def _symbols(paper):
    warm_symbols(Environment.PAPER, Market.SPOT, now=timezone.now())


def test_they_are_those_of_the_strategy_on_the_closed_candles():
    now = timezone.now()

    read = indicators(SERIES, "ema_rsi", {"ema_fast": 5}, now=now)

    whole = STRATEGIES["ema_rsi"]
    expected = whole.read(closed_candles(SERIES, now=now), whole.complete({"ema_fast": 5}))
    assert read.parameters["ema_fast"] == 5
    assert read.parameters["ema_slow"] == 21
    assert np.allclose(list(read.view.indicators.values()), list(expected.indicators.values()), rtol=1e-6)
    assert read.view.signal == expected.last


@pytest.mark.parametrize(
    ("strategy", "parameters", "message"),
    [
        ("astrology", {}, "'astrology' is none of ema_rsi"),
        ("ema_rsi", {"ema_fast": 0}, "ema_fast: 0 is below the minimum 2"),
        ("ema_rsi", {"moon": 1}, "moon: ema_rsi has no such parameter"),
    ],
)
def test_a_bad_question_says_what_is_wrong_with_it(strategy, parameters, message):
    with pytest.raises(BadQuestion, match=message):
        indicators(SERIES, strategy, parameters, now=timezone.now())


def test_command_prints_them(capsys):
    call_command("indicators", "btcusdt", "1h", "macd", "--json")

    told = json.loads(capsys.readouterr().out)
    assert (told["trouble"], set(told["indicators"])) == ("", {"macd", "signal"})
    assert told["parameters"] == STRATEGIES["macd"].complete({})


def test_command_names_what_it_can_not_compute():
    with pytest.raises(CommandError, match="ema_fast: 0 is below"):
        call_command("indicators", "BTCUSDT", "1h", "ema_rsi", "--parameters", '{"ema_fast": 0}')
    with pytest.raises(CommandError, match="is no JSON object"):
        call_command("indicators", "BTCUSDT", "1h", "ema_rsi", "--parameters", "[]")


def test_the_task_tells_what_the_command_shows(capsys):
    told = tasks.calculate_indicators("paper", "spot", "BTCUSDT", "1h", "ema_rsi", {"ema_fast": 5})
    call_command("indicators", "BTCUSDT", "1h", "ema_rsi", "--parameters", '{"ema_fast": 5}', "--json")

    shown = json.loads(capsys.readouterr().out)
    assert json.loads(json.dumps(told)) | {"price": ""} == shown | {"price": ""}  # which moves on
    assert told["indicators"]
    assert told["signal"].islower()


def test_the_task_raises_what_is_wrong_with_a_question():
    with pytest.raises(BadQuestion, match="astrology"):
        tasks.calculate_indicators("paper", "spot", "BTCUSDT", "1h", "astrology")

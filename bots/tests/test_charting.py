"""A chart shows what is there: candles, the strategy's lines, levels, fills, earnings; and says what is not."""

import json
import threading
import time
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from django.utils import timezone

from bots import services
from bots.models import BotConfig
from bots.services import charting
from bots.services.charting import CANDLES, NOT_YET, chart_of
from bots.services.standings import bot_now
from bots.strategies import STRATEGIES
from bots.tests.recorded import recorded
from market.candles import closed_candles
from market.exchange.errors import ExchangeUnavailable
from trades.models import Order, Trade

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bot(make_bot):
    """It holds something, with a stop that rests; its strategy is an ordinary one."""
    made = make_bot("buying", stop_loss_percent=Decimal(2))
    services.run_bot(made.pk, now=timezone.now())
    BotConfig.objects.update(strategy="ema_rsi", parameters={})
    return bot_now(made.pk)


def test_everything_is_drawn_where_it_happened(bot):
    told = chart_of(bot, now=timezone.now())

    times = [candle[0] for candle in told["candles"]]
    trade, stop = Trade.objects.get(), Order.objects.get(type="stop")
    assert len(times) == CANDLES
    assert {later - earlier for earlier, later in pairwise(times)} == {60}
    assert {line["name"]: line["own_scale"] for line in told["lines"]} == {
        "ema fast": False,
        "ema slow": False,
        "rsi": True,
    }
    assert all([point["time"] for point in line["values"]] == times for line in told["lines"])
    assert [(fill["side"], fill["price"]) for fill in told["fills"]] == [("BUY", float(trade.price))]
    assert told["fills"][0]["time"] % 60 == 0
    assert told["levels"] == [
        {"kind": "entry", "price": float(bot.position.entry_price)},
        {"kind": "stop", "price": float(stop.price)},
    ]
    assert told["equity"] == [[int(trade.created_at.timestamp()), float(bot.position.realized_pnl)]]
    assert told["note"] == ""
    json.dumps(told, allow_nan=False)


def test_what_was_earned_is_told_backwards_from_what_is_earned_now(bot):
    first = Trade.objects.get()
    BotConfig.objects.update(desired_state="flattened")
    services.run_bot(bot.pk, now=timezone.now())

    told = chart_of(bot_now(bot.pk), now=timezone.now())

    assert told["equity"][-1][1] == pytest.approx(float(bot_now(bot.pk).position.realized_pnl))
    assert told["equity"][0][1] in (pytest.approx(float(first.realized_pnl)), told["equity"][-1][1])  # one second
    assert told["levels"] == []


def test_a_page_asks_an_exchange_that_is_away_once_in_a_while(make_bot, monkeypatch):
    bot, asked = make_bot("quiet"), []

    def away(*args, **kwargs):
        asked.append(1)
        raise ExchangeUnavailable("it is down")

    monkeypatch.setattr("bots.services.charting.closed_candles", away)

    notes = [chart_of(bot, now=timezone.now())["note"] for _ in range(3)]

    assert notes == ["No candles: it is down.", NOT_YET, NOT_YET]
    assert len(asked) == 1


def test_an_exchange_that_hangs_keeps_one_thread_and_no_page_waiting(make_bot, monkeypatch, wait_until):
    bots = [make_bot("quiet"), make_bot("quiet", interval="15m"), make_bot("quiet", interval="1h")]
    asked, answers = [], threading.Event()

    def hang(series, *, now):
        asked.append(series)
        assert answers.wait(30)
        return closed_candles(series, now=now)

    monkeypatch.setattr(charting, "closed_candles", hang)
    monkeypatch.setattr(charting, "PATIENCE", timedelta(milliseconds=50))

    began = time.monotonic()
    notes = [chart_of(bot, now=timezone.now())["note"] for bot in bots]
    took = time.monotonic() - began
    answers.set()

    assert took < 2
    assert notes == [f"The exchange has not told its candles within 0.05 s. {NOT_YET}", NOT_YET, NOT_YET]
    assert asked == [bots[0].series]
    # What comes late is drawn when the page looks again; and the next series has its turn.
    wait_until(lambda: chart_of(bots[0], now=timezone.now())["candles"])
    monkeypatch.setattr(charting, "PATIENCE", timedelta(seconds=10))
    assert wait_until(lambda: chart_of(bots[1], now=timezone.now())["candles"])


@pytest.mark.parametrize(
    ("strategy", "parameters", "note"),
    [
        ("broken", {}, "broken: ZeroDivisionError: the strategy is broken"),
        ("nobody knows it", {}, "strategy 'nobody knows it' is unknown"),
        ("ema_rsi", {"ema_fast": 900}, "ema_fast: 900 is above the maximum 100."),
    ],
)
def test_candles_are_drawn_without_lines_where_the_strategy_fails(bot, strategy, parameters, note):
    bot.strategy, bot.parameters = strategy, parameters

    told = chart_of(bot, now=timezone.now())

    assert (len(told["candles"]), told["lines"], told["note"]) == (CANDLES, [], note)


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_lines_are_as_long_as_the_candles_and_end_with_what_is_told(strategy):
    candles = recorded("spot", "BTCUSDT")
    reading = strategy.read(candles, strategy.complete({}))

    assert reading.lines.keys() >= reading.indicators.keys()
    assert all(len(line) == len(candles) for line in reading.lines.values() if strategy.name != "grid")
    assert {name: line[-1] for name, line in reading.lines.items() if name in reading.indicators} == reading.indicators
    assert strategy.own_scale <= reading.lines.keys() | {"fallen"}

"""Looking at the market of many series: in as few round trips as at that of one, and never at a past one."""

from datetime import timedelta

import pytest
import redis
from django.utils import timezone

from bots.models import SeriesReading
from bots.services.evaluation import evaluate
from bots.services.look import ExchangeView, look_at_series
from bots.services.tick import all_packets
from bots.tests.test_tick import run_tick
from market.exchange.errors import ExchangeUnavailable
from market.types import Series

pytestmark = pytest.mark.django_db(transaction=True)

INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h")


@pytest.fixture
def series(make_bot):
    """Some series of one exchange, whose candles and rules everybody knows by now."""
    found = [Series("paper", "spot", symbol, interval) for symbol in ("BTCUSDT", "ETHUSDT") for interval in INTERVALS]
    for each in found:
        look_at_series(each, now=timezone.now())
    return found


@pytest.fixture
def round_trips(monkeypatch):
    """The commands that are sent to Redis, by name."""
    sent = []
    send = redis.Redis.execute_command

    def sending(self, *args, **options):
        sent.append(args[0])
        return send(self, *args, **options)

    monkeypatch.setattr(redis.Redis, "execute_command", sending)
    return sent


def look_at_all(series):
    now = timezone.now()
    exchange = ExchangeView("paper", "spot", now, series)
    return [look_at_series(each, now=now, exchange=exchange) for each in series]


def test_many_series_cost_as_many_round_trips_as_one(series, round_trips):
    look_at_all(series[:1])
    for_one = len(round_trips)
    views = look_at_all(series)

    assert len(round_trips) - for_one == for_one <= 5, round_trips
    assert [view.series for view in views] == series
    assert all(len(view.candles) > 100 for view in views)


def test_a_candle_that_closes_while_we_look_at_others_is_not_missed(series):
    one, now = series[0], timezone.now()
    closed_at = one.last_close_at(now)
    before = closed_at - timedelta(seconds=1)

    exchange = ExchangeView("paper", "spot", before, series)
    first, second = exchange.candles(one, now=before), exchange.candles(one, now=now)

    assert first.close_at(one.duration) == closed_at - one.duration
    assert second.close_at(one.duration) == closed_at


def test_what_can_not_be_read_keeps_what_was_seen_of_it_last(make_bot, monkeypatch):
    make_bot("quiet")
    run_tick()
    seen, later = SeriesReading.objects.get(), timezone.now() + timedelta(minutes=1)

    def away(*args, **kwargs):
        raise ExchangeUnavailable("it is down")

    monkeypatch.setattr("bots.services.look.last_prices", away)
    for packet in all_packets():
        list(evaluate(packet, tick_id=0, clock=lambda: later))

    now = SeriesReading.objects.get()
    assert now.evaluated_at == later
    assert (now.price, now.texts, now.candle_close_at) == (seen.price, seen.texts, seen.candle_close_at)
    assert seen.price > 0
    assert seen.texts

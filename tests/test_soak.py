"""What a soak takes for a failure; the run itself is `make soak`, which takes as long as it is told."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from bots.models import Tick
from tests.soak.measure import TICKS_SQL, _failures, _of_market_data, _thirds

GOOD = {
    "minutes": 30,
    "missed": 0,
    "late": 0,
    "unfinished": 0,
    "weight_violations": 0,
    "market_data_calls_per_minute": 0.0,
    "market_data_calls_per_minute_by_rest": 300.0,
    "rss_mb": {"worker-trading": [300, 400, 425]},
    "metrics": {"worker-trading": {"files": 11, "kb": 640}},
    "unsettled": 0,
    "audit": {"lost": 0, "duplicated": 0},
    "died": [],
}


def test_a_good_run_has_no_failures():
    assert _failures(GOOD) == []


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        ({"missed": 1}, "1 ticks missed"),
        ({"late": 2}, "2 ticks late"),
        ({"unfinished": 3}, "3 ticks unfinished"),
        ({"weight_violations": 4}, "4 calls beyond the exchange's limit"),
        ({"market_data_calls_per_minute": 0.1}, "0.1 calls a minute for market data beside the stream"),
        ({"market_data_calls_per_minute_by_rest": 300.1}, "300.1 calls a minute for market data by REST"),
        ({"rss_mb": {"beat": [100, 100, 111]}}, "beat grew from 100 to 111 MB"),
        ({"metrics": {"worker-trading": {"files": 22, "kb": 1}}}, "worker-trading has 22 files of metrics"),
        ({"metrics": {"worker-trading": {"files": 0, "kb": 0}}}, "worker-trading has counted nothing"),
        ({"unsettled": 5}, "5 orders without a clear outcome"),
        ({"audit": {"lost": 6, "duplicated": 0}}, "6 lost by the audit"),
        ({"died": ["beat: exit 1"]}, "died: beat: exit 1"),
    ],
)
def test_what_must_not_be_is_told(figures, sentence):
    assert _failures(GOOD | figures) == [sentence]


def test_a_few_minutes_tell_nothing_of_memory():
    assert _failures(GOOD | {"minutes": 2, "rss_mb": {"beat": [100, 100, 200]}}) == []


def test_memory_is_told_as_three_medians():
    assert _thirds([9, 1, 1, 2, 9, 2, 3, 3, 9]) == [1, 2, 3]
    assert _thirds([7]) == [7, 7, 7]


def test_calls_for_market_data_are_told_from_those_for_orders():
    minutes = [{"GET /api/v3/klines": 10, "POST /api/v3/order": 5}, {"GET /fapi/v2/ticker/price": 4}]

    assert _of_market_data(minutes) == 7


@pytest.mark.django_db
def test_minutes_without_a_tick_are_missed_and_late_ones_show():
    begun = Tick.slot_of(timezone.now()) - timedelta(minutes=10)
    for minute, late, took in ((0, 1, 2), (2, 6, None)):
        at = begun + timedelta(minutes=minute)
        ended = None if took is None else at + timedelta(seconds=late + took)
        Tick.objects.create(slot=at, started_at=at + timedelta(seconds=late), finished_at=ended)

    with connection.cursor() as cursor:
        cursor.execute(TICKS_SQL, {"since": begun.timestamp(), "until": begun.timestamp() + 179})
        rows = cursor.fetchall()

    assert [(late, took) for _, late, took in rows] == [(1, 2), (None, None), (6, None)]

"""How far the exchange's clock is from ours: measured over the wire, shared, judged, forgotten."""

from datetime import timedelta

import pytest
from django.utils import timezone

from market import clock
from market.clock import MAX_AGE, clock_key, clock_offset, clock_trouble, forget, measure_clocks, trouble_with
from market.exchange.errors import ExchangeUnavailable
from market.tasks import measure_clocks as measure_clocks_task
from market.tests.budgets import SPOT
from market.tests.factories import NOON, ExchangeAccountFactory
from market.tests.servers import WaywardExchange, answer, server_time

TIME = WaywardExchange.TIME
MS = timedelta(milliseconds=1)
# What a measurement over the wire may be off by on a busy machine.
NOISE = 400 * MS


@pytest.fixture
def skewed(paper, redis):
    """`skewed(ms)` lets the clock of the paper exchange be so far ahead; the next one takes its place."""

    def skew(ms: int) -> None:
        paper.admin("DELETE", "/paper/faults", {})
        paper.admin("POST", "/paper/faults", {"fault": "clock_skew", "skew_ms": ms})

    yield skew
    paper.admin("DELETE", "/paper/faults", {})


def measured(redis, offset_ms: int, *, ago: timedelta = timedelta()) -> None:
    """Let somebody on this machine have measured so much, so long before NOON."""
    redis.set(clock_key(*SPOT), f"{offset_ms} {clock.milliseconds(NOON - ago)}")


@pytest.mark.parametrize(
    ("offset_ms", "trouble"),
    [
        (0, ""),
        (499, ""),
        (-499, ""),
        (500, ""),
        (-500, ""),
        (501, "the exchange's clock is 501 ms ahead of ours, 500 ms are allowed"),
        (-501, "the exchange's clock is 501 ms behind ours, 500 ms are allowed"),
        (3_600_000, "the exchange's clock is 3600000 ms ahead of ours, 500 ms are allowed"),
    ],
)
def test_half_a_second_is_allowed_and_no_more(redis, offset_ms, trouble):
    measured(redis, offset_ms)

    assert clock_trouble(*SPOT, now=NOON) == trouble_with(offset_ms * MS) == trouble


def test_clocks_that_agree_are_no_trouble(paper, redis):
    assert clock_trouble(*SPOT, now=timezone.now()) == ""


@pytest.mark.parametrize(("skew_ms", "direction"), [(2000, "ahead of"), (-2000, "behind")])
def test_an_exchange_whose_clock_is_off_is_told_with_value_and_bound(skewed, skew_ms, direction):
    skewed(skew_ms)

    trouble = clock_trouble(*SPOT, now=timezone.now())

    off_by = int(trouble.split(" is ")[1].split(" ms ")[0])
    assert abs(off_by * MS - abs(skew_ms) * MS) < NOISE
    assert trouble.endswith(f"ms {direction} ours, 500 ms are allowed")


def test_one_answer_that_was_held_up_does_not_count(exchange, redis):
    hour = timedelta(hours=1)
    exchange.will(TIME, server_time(hour), server_time(), server_time(-hour))

    offset = clock_offset(*SPOT, now=NOON)

    assert abs(offset) < NOISE
    assert len(exchange.asked(TIME)) == 3


def test_a_measurement_serves_all_processes_of_this_machine_for_three_minutes(exchange, redis):
    measured(redis, 77, ago=MAX_AGE - MS)

    assert clock_offset(*SPOT, now=NOON) == 77 * MS
    assert not exchange.asked(TIME)


@pytest.mark.parametrize("ago", [MAX_AGE, -MAX_AGE])  # or it is of a time before our clock was set back
def test_an_old_measurement_is_made_anew_by_who_asks(exchange, redis, ago):
    measured(redis, 9999, ago=ago)

    assert clock_trouble(*SPOT, now=NOON) == ""

    assert len(exchange.asked(TIME)) == 3
    assert redis.get(clock_key(*SPOT)).split()[1] == str(clock.milliseconds(NOON)).encode()


def test_a_missing_measurement_is_made_once_by_who_asks_first(exchange, redis):
    for _ in range(3):
        clock_trouble(*SPOT, now=NOON)

    assert len(exchange.asked(TIME)) == 3


def test_another_machine_has_another_clock(exchange, redis, monkeypatch):
    measured(redis, 9999)

    monkeypatch.setattr("platform.node", lambda: "another machine")

    assert clock_trouble(*SPOT, now=NOON) == ""
    assert len(exchange.asked(TIME)) == 3


def test_a_measurement_that_nobody_can_read_is_made_anew(exchange, redis):
    redis.set(clock_key(*SPOT), "soon")

    assert clock_trouble(*SPOT, now=NOON) == ""


def test_a_clock_that_cannot_be_measured_is_trouble_with_its_reason(exchange, redis):
    exchange.will(TIME, answer("", 502))

    trouble = clock_trouble(*SPOT, now=NOON)

    assert trouble.startswith("how far the exchange's clock is from ours can't be measured: ")
    assert "502" in trouble


def test_without_redis_everybody_measures_for_himself(exchange, redis_away):
    exchange.will(TIME, server_time(timedelta(seconds=2)))

    assert "ahead of ours" in clock_trouble(*SPOT, now=NOON)
    assert "ahead of ours" in clock_trouble(*SPOT, now=NOON)


def test_a_forgotten_measurement_is_made_anew(skewed):
    skewed(0)
    before = clock_trouble(*SPOT, now=timezone.now())
    skewed(2000)
    believed = clock_trouble(*SPOT, now=timezone.now())

    forget(*SPOT)

    assert before == believed == ""
    assert "ahead of ours" in clock_trouble(*SPOT, now=timezone.now())


def test_forgetting_without_redis_is_no_error(redis_away):
    forget(*SPOT)


@pytest.mark.django_db
def test_the_clocks_of_all_markets_with_an_account_are_measured(skewed, redis, caplog):
    skewed(2000)
    for _ in range(2):
        ExchangeAccountFactory()

    measure_clocks_task()

    offset_ms, _ = map(int, redis.get(clock_key(*SPOT)).split())
    assert abs(offset_ms - 2000) * MS < NOISE
    assert f"clock of paper spot: the exchange's clock is {offset_ms} ms ahead of ours" in caplog.text
    assert len(redis.keys("clock:*")) == 1


@pytest.mark.django_db
def test_a_measurement_is_renewed_every_minute_but_not_by_a_second_beat(exchange, redis):
    ExchangeAccountFactory()

    for seconds in (0, 1, 60):
        measure_clocks(now=NOON + timedelta(seconds=seconds))

    assert len(exchange.asked(TIME)) == 6


@pytest.mark.django_db
def test_a_market_that_does_not_answer_does_not_hold_up_the_others(exchange, redis, settings, caplog):
    settings.ENVIRONMENTS = ["paper", "testnet"]
    for environment, market in (("testnet", "futures"), ("paper", "spot"), ("paper", "futures")):
        ExchangeAccountFactory(environment=environment, market=market)
    settings.ENVIRONMENTS = ["paper"]
    exchange.will(TIME, answer("", 502))
    assert measure_clocks(now=NOON) == 0
    assert "clock of paper spot: not measured" in caplog.text
    exchange.will(TIME, server_time())

    measure_clocks(now=NOON)

    assert redis.exists(clock_key(*SPOT))
    assert "testnet" not in caplog.text  # switched off


def test_the_read_raises_what_the_exchange_said(exchange, redis):
    exchange.will(TIME, answer("", 502))

    with pytest.raises(ExchangeUnavailable):
        clock_offset(*SPOT, now=NOON)

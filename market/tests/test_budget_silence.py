"""After a 429 or 418 nobody calls until Retry-After has passed; two budgets here are two processes."""

from datetime import timedelta

import pytest

from market.budget import Budget, Priority
from market.exchange.errors import BudgetSpent
from market.tests.budgets import SPOT, budget_with, refusal, room, set_minute, spend

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def minute(redis):
    set_minute(redis, seconds_in=20)


@pytest.mark.parametrize("status", [418, 429])
@pytest.mark.parametrize("priority", Priority)
def test_after_a_429_or_418_no_process_calls_whatever_for(status, priority):
    budget, another = budget_with(1000), Budget(*SPOT)

    budget.learn(status, {"Retry-After": "30"})

    for process in (budget, another):
        error = refusal(process, priority, 0)
        assert type(error) is not BudgetSpent  # this one is the exchange's own word
        assert 20 * SECOND < error.retry_after <= 31 * SECOND
        assert "asked for silence" in str(error)


def test_a_silence_only_ever_grows(redis):
    one, another = budget_with(1000), Budget(*SPOT)
    one.learn(418, {"Retry-After": "300"})

    another.learn(429, {"Retry-After": "5"})

    for process in (one, another):
        assert refusal(process, Priority.EXITS).retry_after > 250 * SECOND


def test_asking_during_a_silence_does_not_lengthen_it(redis):
    one, another = budget_with(1000), Budget(*SPOT)
    one.learn(429, {"Retry-After": "30"})
    before = redis.pttl("budget:paper:spot:silence")

    for _ in range(200):
        refusal(one, Priority.EXITS)
        refusal(another, Priority.EXITS)

    assert redis.pttl("budget:paper:spot:silence") < before


def test_calls_go_on_when_the_silence_has_passed(wait_until):
    budget = budget_with(1000)
    budget.learn(429, {"Retry-After": "0.01"})  # and the margin of a second

    def goes() -> bool:
        try:
            spend(budget, Priority.ENTRIES)
        except Exception:
            return False
        return True

    assert not goes()
    wait_until(goes, 5)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [({}, 60), ({"Retry-After": "soon"}, 60), ({"Retry-After": "0"}, 60), ({"Retry-After": "nan"}, 60)],
)
def test_a_limit_without_a_readable_end_is_a_minute_of_silence(header, seconds):
    budget = budget_with(1000)

    budget.learn(429, header)

    assert (seconds - 20) * SECOND < refusal(budget, Priority.EXITS).retry_after <= (seconds + 1) * SECOND


@pytest.mark.parametrize("header", ["1e300", "inf", "99999999"])
def test_no_silence_is_longer_than_the_longest_ban(header):
    budget = budget_with(1000)

    budget.learn(418, {"Retry-After": header})

    assert refusal(budget, Priority.EXITS).retry_after <= timedelta(days=3, seconds=1)


def test_too_many_orders_of_one_account_silence_nobody_else():
    budget = budget_with(1000)

    budget.learn(429, {"Retry-After": "3600"}, code=-1015)

    assert room(budget, Priority.WARM_UP, 100) == 5


@pytest.mark.parametrize("status", [200, 400, 403, 500, 503])
def test_other_answers_silence_nobody(status):
    budget = budget_with(1000)

    budget.learn(status, {"Retry-After": "30"})

    assert room(budget, Priority.WARM_UP, 100) == 5


def test_a_silence_outlives_a_redis_that_lost_its_data(redis):
    budget, another = budget_with(1000), Budget(*SPOT)
    budget.learn(418, {"Retry-After": "120"})

    redis.flushdb()
    refusal(budget, Priority.EXITS)

    assert refusal(another, Priority.EXITS).retry_after > 100 * SECOND

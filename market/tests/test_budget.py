"""The request weight of an address, counted in Redis for all processes; two budgets here are two processes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from market.budget import SHARES, Budget, Priority, budget_of, spending_as, usage
from market.budget.priorities import current_priority
from market.exchange.errors import BudgetSpent
from market.tests.budgets import SPOT, USED, budget_with, refusal, room, set_minute, spend
from market.tests.factories import NOON

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def minute(redis):
    set_minute(redis, seconds_in=20)


@pytest.mark.parametrize(("priority", "share"), SHARES.items())
def test_a_class_spends_its_share_and_no_more(priority, share):
    budget = budget_with(1000)

    assert room(budget, priority) == 10 * share


def test_the_classes_stand_in_the_order_in_which_work_is_urgent():
    ladder = sorted(Priority, reverse=True)

    names = ["EXITS", "PROTECTION", "RECONCILIATION", "ENTRIES", "WARM_UP", "LOOKS", "BACKTESTS", "PORTFOLIOS"]
    assert [item.name for item in ladder] == names
    assert sorted(SHARES.values(), reverse=True) == [SHARES[item] for item in ladder]
    assert (SHARES[Priority.EXITS], len(set(SHARES.values()))) == (100, 8)


def test_exits_go_through_when_entries_are_refused():
    budget = budget_with(1000)
    room(budget, Priority.ENTRIES)

    error = refusal(budget, Priority.ENTRIES)

    assert type(error) is BudgetSpent
    assert str(error) == "paper spot: 700 of 1000 request weight are used this minute, work for entries may use 70 %"
    assert 35 * SECOND < error.retry_after < 40 * SECOND
    assert room(budget, Priority.EXITS) == 300


def test_a_heavy_call_is_refused_while_a_light_one_still_fits():
    budget = budget_with(100)
    spend(budget, Priority.ENTRIES, 60)

    refusal(budget, Priority.ENTRIES, 11)

    assert room(budget, Priority.ENTRIES) == 10


def test_a_call_that_weighs_nothing_costs_nothing_and_still_needs_something_left():
    budget = budget_with(100)
    for _ in range(500):
        spend(budget, Priority.EXITS, 0)
    room(budget, Priority.EXITS)

    assert type(refusal(budget, Priority.EXITS, 0)) is BudgetSpent  # the exchange would say 429


def test_processes_spend_from_one_budget():
    one, another = budget_with(1000), Budget(*SPOT)

    assert room(one, Priority.ENTRIES, 7) == 100
    assert room(another, Priority.ENTRIES) == 0
    assert room(another, Priority.EXITS) == 300


def test_markets_and_environments_have_budgets_of_their_own():
    room(budget_with(100), Priority.EXITS)

    for other in (("paper", "futures"), ("live", "spot")):
        assert room(Budget(*other), Priority.WARM_UP, 100) == {"spot": 30, "futures": 12}[other[1]]


def test_a_new_minute_has_all_of_its_weight_again(redis):
    budget = budget_with(100)
    room(budget, Priority.EXITS)

    set_minute(redis, seconds_in=0, later=1)

    assert room(budget, Priority.EXITS) == 100


def test_a_clock_that_is_a_moment_behind_does_not_begin_the_minute_again(redis):
    budget = budget_with(100)
    set_minute(redis, seconds_in=0, later=1)
    room(budget, Priority.EXITS)

    set_minute(redis, seconds_in=59.9)

    assert type(refusal(budget, Priority.EXITS)) is BudgetSpent


def test_a_clock_that_was_an_hour_ahead_does_not_hold_the_budget_for_an_hour(redis):
    budget = budget_with(100)
    set_minute(redis, seconds_in=20, later=60)
    room(budget, Priority.EXITS)

    set_minute(redis, seconds_in=20)

    assert room(budget, Priority.EXITS) == 100


def test_work_that_nobody_named_may_not_touch_what_is_kept_for_exits():
    assert current_priority() == Priority.ENTRIES


def test_the_innermost_priority_holds_and_ends_with_its_block():
    seen = []

    @spending_as(Priority.WARM_UP)
    def work() -> None:
        seen.append(current_priority())
        with spending_as(Priority.EXITS):
            seen.append(current_priority())
        seen.append(current_priority())

    work()

    assert seen == [Priority.WARM_UP, Priority.EXITS, Priority.WARM_UP]
    assert current_priority() == Priority.ENTRIES


def test_what_other_programs_spend_is_learned_from_the_headers():
    budget, another = budget_with(1000), Budget(*SPOT)
    spend(budget, Priority.ENTRIES)

    budget.learn(200, {USED.lower(): "690"})

    assert room(another, Priority.ENTRIES) == 10


def test_a_header_never_corrects_downwards_since_other_calls_are_still_on_their_way():
    budget = budget_with(1000)
    spend(budget, Priority.ENTRIES, 600)

    budget.learn(200, {USED: "12"})

    assert room(budget, Priority.ENTRIES) == 100


@pytest.mark.parametrize("text", ["", "many", "-5", "1e9", "9" * 5000])
def test_a_header_that_is_no_number_changes_nothing(text):
    budget = budget_with(1000)
    spend(budget, Priority.ENTRIES)

    budget.learn(200, {USED: text})

    assert usage(*SPOT, now=NOON).used == 1


def test_an_answer_that_crosses_the_turn_of_the_minute_tells_nothing_of_the_new_one(redis, monkeypatch):
    budget = budget_with(1000)
    set_minute(redis, seconds_in=59.5)
    spend(budget, Priority.ENTRIES)
    monkeypatch.setattr("market.budget.budget.monotonic", lambda: budget._sent.believe_until + 0.001)
    set_minute(redis, seconds_in=0.1, later=1)

    budget.learn(200, {USED: "950"})

    assert room(budget, Priority.ENTRIES) == 700


def test_in_the_first_moments_of_a_minute_a_header_may_still_tell_of_the_last_one(redis, monkeypatch):
    monkeypatch.setattr("market.budget.budget.UNSETTLED_SECONDS", 30)  # a longer one, for a busy machine
    budget = budget_with(1000)
    spend(budget, Priority.ENTRIES)

    budget.learn(200, {USED: "950"})

    assert room(budget, Priority.ENTRIES) == 699


def test_a_redis_that_lost_its_data_is_told_by_the_next_call_of_a_process_that_knows(redis):
    budget, newcomer = budget_with(1000), Budget(*SPOT)
    spend(budget, Priority.EXITS, 950)

    redis.flushdb()
    set_minute(redis, seconds_in=20)
    assert type(refusal(budget, Priority.RECONCILIATION)) is BudgetSpent

    assert usage(*SPOT, now=NOON).used == 950
    assert type(refusal(newcomer, Priority.WARM_UP, 2051)) is BudgetSpent  # 6000, until exchangeInfo is read again


def test_a_redis_that_lost_its_data_is_told_by_the_next_headers_of_a_process_that_knows_nothing(redis):
    spend(budget_with(6000), Priority.EXITS, 5900)
    redis.flushdb()
    set_minute(redis, seconds_in=20)
    newcomer = Budget(*SPOT)
    spend(newcomer, Priority.ENTRIES)

    newcomer.learn(200, {USED: "5901"})

    assert room(Budget(*SPOT), Priority.EXITS) == 99
    assert type(refusal(newcomer, Priority.ENTRIES)) is BudgetSpent


def test_scripts_that_redis_forgot_are_sent_again(redis):
    budget = budget_with(100)
    spend(budget, Priority.EXITS)

    redis.script_flush()

    assert room(budget, Priority.EXITS) == 99
    assert usage(*SPOT, now=NOON) is not None


def test_usage_tells_what_is_used_of_how_much_and_how_long_nobody_calls():
    spend(budget_with(1000), Priority.EXITS, 123)
    before = usage(*SPOT, now=NOON)

    Budget(*SPOT).learn(418, {"Retry-After": "120"})
    after = usage(*SPOT, now=NOON)

    assert (before.used, before.limit, before.silent_until) == (123, 1000, None)
    assert 100 * SECOND < after.silent_until - NOON <= 121 * SECOND


def test_looking_at_the_usage_spends_nothing():
    budget = budget_with(100)

    for _ in range(10):
        usage(*SPOT, now=timezone.now())

    assert room(budget, Priority.EXITS) == 100


def test_until_exchange_info_is_read_the_limits_are_binances():
    limits = {market: usage("testnet", market, now=NOON).limit for market in ("spot", "futures")}

    assert limits == {"spot": 6000, "futures": 2400}
    assert budget_of(*SPOT) is budget_of(*SPOT)

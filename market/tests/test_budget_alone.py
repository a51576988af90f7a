"""Without Redis: each process keeps to a small part of the limit, and to what the exchange tells it."""

from datetime import timedelta
from time import monotonic

import pytest
from django_redis import get_redis_connection

from market.budget import SHARES, Budget, Priority, shared, usage
from market.budget.own import MINUTE
from market.exchange.errors import BudgetSpent
from market.tests.budgets import SPOT, USED, refusal, room, spend
from market.tests.factories import NOON


def lonely() -> Budget:
    """The budget of a process that has Binance's limit of 6000 in mind, in the middle of a minute."""
    budget = Budget(*SPOT)
    budget._own.turns_at = monotonic() + 40
    return budget


@pytest.mark.parametrize(("priority", "share"), SHARES.items())
def test_a_process_alone_spends_a_twentieth_by_the_same_classes(redis_away, priority, share):
    assert room(lonely(), priority) == 300 * share // 100


def test_exits_go_through_alone_too_when_entries_are_refused(redis_away):
    budget = lonely()
    room(budget, Priority.ENTRIES)

    error = refusal(budget, Priority.ENTRIES)

    assert "210 of 300 request weight" in str(error)
    assert timedelta(seconds=35) < error.retry_after <= timedelta(seconds=40)
    assert room(budget, Priority.EXITS) == 90


def test_the_next_minute_has_its_part_again(redis_away):
    budget = lonely()
    room(budget, Priority.EXITS)
    window = budget._own.window

    budget._own.turns_at -= 40 + 2 * MINUTE

    assert room(budget, Priority.EXITS) == 300
    assert budget._own.window == window + 3
    assert 0 < budget._own.turns_at - monotonic() <= MINUTE


def test_what_the_others_spend_is_learned_from_the_headers_alone_too(redis_away):
    budget = lonely()
    spend(budget, Priority.EXITS)

    budget.learn(200, {USED: "5950"})

    assert type(refusal(budget, Priority.PROTECTION)) is BudgetSpent
    assert room(budget, Priority.EXITS) == 50


@pytest.mark.parametrize("priority", Priority)
def test_a_process_alone_keeps_the_silence_that_it_was_told(redis_away, priority):
    budget = lonely()

    budget.learn(418, {"Retry-After": "120"})

    error = refusal(budget, priority, 0)
    assert type(error) is not BudgetSpent
    assert error.retry_after > timedelta(seconds=100)


def test_a_silence_heard_from_redis_is_kept_when_redis_goes_away(redis, settings, tmp_path):
    teller, hearer = Budget(*SPOT), Budget(*SPOT)
    teller.learn(418, {"Retry-After": "120"})
    refusal(hearer, Priority.EXITS)

    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": f"unix://{tmp_path / 'nobody.sock'}"}}

    assert refusal(hearer, Priority.EXITS).retry_after > timedelta(seconds=100)


def test_a_redis_that_hangs_costs_one_time_out_and_is_then_left_alone(redis_hung, settings):
    budget = lonely()

    began = monotonic()
    spent = room(budget, Priority.ENTRIES)

    assert spent == 210
    assert monotonic() - began < 1.5 * settings.CACHES["default"]["OPTIONS"]["SOCKET_TIMEOUT"]


def test_a_redis_that_is_away_is_asked_again_after_a_pause(redis_away, monkeypatch, wait_until):
    asked = []
    monkeypatch.setattr(shared, "PAUSE", timedelta(seconds=1))
    monkeypatch.setattr(shared, "get_redis_connection", lambda name: asked.append(1) or get_redis_connection(name))
    budget = lonely()

    for _ in range(20):
        spend(budget, Priority.EXITS, 0)
    assert len(asked) == 1

    wait_until(lambda: spend(budget, Priority.EXITS, 0) or len(asked) == 2)


def test_nobody_knows_the_usage_of_all_without_redis(redis_away):
    assert usage(*SPOT, now=NOON) is None


def test_a_limit_that_cannot_be_shared_still_holds_here(redis_away):
    budget = lonely()

    budget.set_limit(1000)

    assert room(budget, Priority.EXITS) == 50

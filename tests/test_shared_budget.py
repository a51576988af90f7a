"""Processes that share one budget of request weight through a real Redis, which dies and comes back."""

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Any

import pytest
from django_redis import get_redis_connection

from market.budget import Budget, Priority, shared, usage
from market.tests.budgets import SPOT, budget_with, refusal, room, set_minute, spend
from market.tests.factories import NOON
from ops.stack import environment
from ops.stack.testing import Child, Spawn
from tests.test_redis_hiccup import Broker


@pytest.fixture
def redis() -> Any:
    connection = get_redis_connection("default")
    connection.flushdb()
    set_minute(connection, seconds_in=5)
    return connection


@pytest.fixture
def gate(tmp_path) -> Path:
    """What spenders wait for."""
    return tmp_path / "gate"


def spender(spawn: Spawn, gate: Path, *arguments: str) -> Child:
    child = spawn([sys.executable, "-m", "tests.spender", str(gate), *arguments])
    child.wait_for("ready")
    return child


def result(child: Child) -> dict[str, Any]:
    assert child.wait() == 0, child.text
    return json.loads(child.text.splitlines()[-1])


def test_two_processes_at_once_spend_one_budget_to_the_last_unit(redis, spawn, gate):
    budget_with(10_000)
    children = [spender(spawn, gate, "entries", "1", "10000") for _ in range(2)]
    set_minute(redis, seconds_in=5)

    gate.touch()
    found = [result(child) for child in children]

    assert sum(one["granted"] for one in found) == 7000
    assert all(one["granted"] > 100 and one["refused"] == "BudgetSpent" for one in found)
    assert usage(*SPOT, now=NOON).used == 7000


def test_the_exits_of_one_process_go_through_what_another_one_used_up_with_entries(redis, spawn, gate):
    child = spender(spawn, gate, "exits", "1", "300")
    set_minute(redis, seconds_in=5)
    assert room(budget_with(1000), Priority.ENTRIES) == 700

    gate.touch()
    exits = result(child)

    assert (exits["granted"], exits["refused"]) == (300, "")


@pytest.mark.parametrize(("fault", "status"), [("too_many_requests", 429), ("ip_banned", 418)])
def test_what_the_exchange_told_one_process_silences_the_others(redis, spawn, gate, paper, fault, status):
    gate.touch()
    paper.admin("POST", "/paper/faults", {"fault": fault, "times": 1, "retry_after_seconds": 300})
    ping = f"{paper.url}/api/v3/ping"
    told = result(spender(spawn, gate, "entries", "1", "1", ping))

    other = result(spender(spawn, gate, "exits", "0", "10", ping))

    assert told["statuses"] == [status]
    assert (other["granted"], other["refused"]) == (0, "RateLimited")
    assert 200 < other["wait"] <= 301


class Killable:
    """The cache on a Redis of its own that a test kills."""

    def __init__(self, directory: Path, spawn: Spawn, wait_until: Callable[..., object], settings: Any) -> None:
        self.broker = Broker(directory, spawn, wait_until)
        location = environment.cache_url(self.broker.socket, 1)
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": location}}


@pytest.fixture
def killable(tmp_path, spawn, wait_until, settings, monkeypatch) -> Killable:
    monkeypatch.setattr(shared, "PAUSE", timedelta(seconds=0.2))
    wait_until(lambda: time() % 60 < 45, 20)  # there is no Redis to tell another minute
    return Killable(tmp_path / "stack", spawn, wait_until, settings)


def test_while_redis_is_dead_a_process_spends_its_own_part_and_shares_again_when_it_is_back(killable, wait_until):
    budget = budget_with(1000)
    spend(budget, Priority.EXITS, 300)

    killable.broker.kill()
    alone = room(budget, Priority.EXITS)
    killable.broker.start()

    wait_until(lambda: budget.usage(now=NOON), 10, "Redis is used again")
    assert alone == 50  # a twentieth
    assert usage(*SPOT, now=NOON).used == 350
    assert room(Budget(*SPOT), Priority.ENTRIES) == 350


def test_a_silence_told_while_redis_is_dead_holds_here_and_for_all_when_it_is_back(killable, wait_until):
    budget, another = budget_with(1000), Budget(*SPOT)
    killable.broker.kill()

    budget.learn(418, {"Retry-After": "120"})
    alone = refusal(budget, Priority.EXITS)
    killable.broker.start()

    def is_shared() -> bool:
        refusal(budget, Priority.EXITS)
        found = usage(*SPOT, now=NOON)
        return found is not None and found.silent_until is not None

    wait_until(is_shared, 10, "the silence is shared")
    assert alone.retry_after > timedelta(seconds=100)
    assert refusal(another, Priority.EXITS).retry_after > timedelta(seconds=100)

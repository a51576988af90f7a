"""Which trouble explains which, and for how long: rules, and what one process remembers."""

import pytest

from ops.health import Finding, Level, causes
from ops.health.causes import CAUSES, QUEUES, without_consequences
from ops.health.checks import CHECKS


class Clock:
    now = 1000.0


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(causes, "monotonic", lambda: Clock.now)
    causes.forget()
    yield Clock
    causes.forget()


def bad(check, subject="", text="bad"):
    return Finding(check, Level.CRITICAL, text, "mend it", subject)


def told(*critical, with_grace=True):
    """Checks that are left of these."""
    found = [bad(one) if isinstance(one, str) else one for one in critical]
    return [finding.check for finding in without_consequences(found, with_grace=with_grace)]


def test_of_two_servers_each_is_told_and_of_one_its_first_use(settings):
    settings.REDIS_URL, settings.CELERY_BROKER_URL = "unix:///a/redis.sock?db=1", "redis+socket:///a/redis.sock"
    assert told("cache", "broker", "worker", "tick", "naked") == ["broker", "naked"]

    settings.CELERY_BROKER_URL = "redis://other:6379/0"
    assert told("cache", "broker") == ["cache", "broker"]


def test_consequences_stay_for_some_time_and_readiness_does_not_wait(clock, settings):
    told("broker")

    assert told("worker") == []
    assert told("worker", with_grace=False) == ["worker"]
    clock.now += causes.GRACE_SECONDS
    assert told("worker") == ["worker"]


def test_a_worker_explains_what_waits_for_it_and_nothing_else():
    silent = bad("worker", "a@x", "worker a@x has been silent for 21 s; nobody else takes from trading, data_sync")
    served = Finding("worker", Level.WARNING, "worker a@x is silent; others take from its queues", "mend", "a@x")
    waiting = [bad("queue", "trading"), bad("queue", "payments"), bad("tick"), bad("feed"), bad("notifications")]

    assert told(silent, *waiting, with_grace=False) == ["worker", "queue", "notifications"]
    assert told(served, *waiting, with_grace=False) == ["worker", *(finding.check for finding in waiting)]
    assert told("worker", *waiting, with_grace=False) == ["worker"]


def test_the_last_look_at_everything_tells_what_it_withheld(clock):
    told("broker", bad("queue", "trading"), "cpu")
    told("database", with_grace=False)
    assert causes.withheld() == ["queue:trading"]

    clock.now += causes.GRACE_SECONDS
    told("broker")
    assert causes.withheld() == []


def test_rules_name_checks_and_queues_that_exist_and_no_two_explain_each_other(settings):
    assert {*CAUSES, *QUEUES} | {one for several in CAUSES.values() for one in several} <= CHECKS.keys()
    assert {one for several in QUEUES.values() for one in several} <= set(settings.CELERY_TASK_QUEUES)

    left, done = dict(CAUSES), set(CHECKS) - set(CAUSES)
    while ready := {check for check, several in left.items() if set(several) <= done}:
        done |= ready
        left = {check: several for check, several in left.items() if check not in ready}
    assert left == {}

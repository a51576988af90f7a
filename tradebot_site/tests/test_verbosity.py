"""Verbose logging: on for a while, for everybody, and off by itself."""

import logging
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from django.db import DatabaseError, IntegrityError
from django.test import Client
from django.utils import timezone

from market.logs import verbose
from market.logs.setup import APPS, HUSHED
from market.tests.factories import NOON, UserFactory
from ops import verbosity
from ops.models import Change, LogVerbosity
from tradebot_site.tests.people import client_of, person

ADD = "/admin/ops/logverbosity/add/"
LIST = "/admin/ops/logverbosity/"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def levels():
    """As they are without anybody's wish, and again afterwards."""
    before = {app: logging.getLogger(app).level for app in APPS}
    yield before
    verbose.speak({}, now=NOON)
    assert {app: logging.getLogger(app).level for app in APPS} == before


@pytest.fixture
def looks(monkeypatch):
    """This process looks when it is told to."""
    monkeypatch.setattr(verbosity, "_next_at", 0.0)

    def look():
        verbosity._next_at = 0.0
        verbosity.look()
        return sorted(app for app in APPS if logging.getLogger(app).level == logging.DEBUG)

    return look


def test_it_goes_back_by_itself_whoever_is_away(wait_until, levels):
    now = datetime.now(UTC)
    verbose.speak({"market": now + timedelta(seconds=0.3), "bots": now + timedelta(seconds=0.6)}, now=now)
    assert logging.getLogger("market.exchange").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("trades").isEnabledFor(logging.DEBUG)

    wait_until(lambda: logging.getLogger("market").level == levels["market"], 5)
    wait_until(lambda: logging.getLogger("bots").level == levels["bots"], 5)
    assert verbose.spoken() == {}


def test_it_goes_back_although_the_clock_was_set_back_meanwhile(wait_until, levels):
    ends_at = datetime.now(UTC) + timedelta(seconds=0.6)
    verbose.speak({"market": ends_at}, now=ends_at - timedelta(seconds=0.1))  # it was half a second later then

    wait_until(lambda: logging.getLogger("market").level == levels["market"], 5)


def test_no_library_is_ever_verbose_and_nothing_for_ever():
    verbose.speak(dict.fromkeys([*HUSHED, "", "django"], NOON + HOUR) | {"ops": NOON + 3 * HOUR}, now=NOON)

    assert verbose.spoken() == {}
    assert logging.getLogger().level == logging.WARNING


def test_nobody_but_our_handlers_writes_what_django_says():
    assert logging.getLogger("django").handlers == []
    assert logging.getLogger("django.request").handlers == []


def test_the_configuration_hushes_libraries_under_every_level(settings):
    from market.logs.setup import configuration

    told = configuration(level="DEBUG", style="json", service="web")["loggers"]

    assert {name for name in ("urllib3", "httpx", "binance", "kombu", "celery.pool", "redis") if name in told} == {
        *("urllib3", "httpx", "binance", "kombu", "celery.pool", "redis")
    }
    assert {told[name]["level"] for name in HUSHED} <= {"WARNING", "CRITICAL"}


@pytest.mark.django_db
def test_who_looks_does_as_is_wanted_also_when_it_began_before_and_until_it_is_switched_off(looks, levels):
    now, user = timezone.now(), UserFactory()
    row = verbosity.switch_on(["market", "bots"], length=HOUR, reason="why?", by=user, now=now)
    verbosity.switch_on(["market"], length=2 * HOUR, reason="longer", by=user, now=now)
    assert looks() == ["bots", "market"]
    assert verbose.spoken()["market"] == now + 2 * HOUR

    assert verbosity.switch_off(row, now=timezone.now())
    assert not verbosity.switch_off(row, now=timezone.now())
    assert looks() == ["market"]
    assert verbosity.wanted(now=now + 3 * HOUR) == {}


@pytest.mark.django_db
def test_without_a_database_nothing_changes_and_the_end_comes_all_the_same(looks, monkeypatch, wait_until, levels):
    now = timezone.now()
    LogVerbosity.objects.create(apps=["ops"], reason="x", started_at=now, until=now + timedelta(seconds=1))
    assert looks() == ["ops"]

    def away(**_):
        raise DatabaseError("away")

    monkeypatch.setattr(verbosity, "wanted", away)
    looks()
    assert 20 < verbosity._next_at - monotonic() < 40
    wait_until(lambda: logging.getLogger("ops").level == levels["ops"], 5)


@pytest.mark.django_db
def test_who_looked_just_now_asks_nobody(looks, django_assert_num_queries):
    looks()
    with django_assert_num_queries(0):
        for _ in range(100):
            verbosity.look()


@pytest.mark.django_db
def test_the_database_lets_none_last_for_ever():
    with pytest.raises(IntegrityError, match="verbosity_ends"):
        LogVerbosity.objects.create(apps=["ops"], reason="x", started_at=NOON, until=NOON + timedelta(days=1))


@pytest.mark.django_db
def test_an_operator_switches_it_on_sees_it_and_switches_it_off(looks):
    operator = person("operator")
    client = client_of(operator)
    for wrong in ({"minutes": 4}, {"minutes": 121}, {"apps": []}, {"apps": ["urllib3"]}, {"reason": ""}):
        asked = {"apps": ["market"], "minutes": 15, "reason": "orders hang"} | wrong
        assert client.post(ADD, asked).status_code == 200
    assert not LogVerbosity.objects.exists()

    assert client.post(ADD, {"apps": ["market", "bots"], "minutes": 15, "reason": "orders hang"}).status_code == 302
    row = LogVerbosity.objects.get()
    assert (row.apps, row.by, row.until - row.started_at) == (["bots", "market"], operator, timedelta(minutes=15))
    assert looks() == ["bots", "market"]
    assert "Verbose logging of bots, market until" in client.get("/admin/").content.decode()
    assert "Verbose logging of" not in client_of(person("trader")).get("/admin/").content.decode()

    client.post(LIST, {"action": "switch_off", "_selected_action": [row.pk]})
    assert looks() == []
    assert "Verbose logging of bots" not in client.get("/admin/").content.decode()
    changes = Change.objects.filter(model="ops.logverbosity").order_by("at")
    assert [(change.kind, change.by) for change in changes] == [("+", operator), ("~", operator)]
    assert changes[1].changes[0][0] == "until"
    assert Client().get(LIST).status_code == 302

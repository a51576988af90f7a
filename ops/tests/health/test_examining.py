"""Everything is looked at, in bounded time, whatever hangs."""

import time

import pytest
from celery import current_app
from django.db import connections
from django.utils import timezone

from ops.health import Level, causes, examine
from ops.health.checks import CHECKS
from ops.health.examining import Lane
from ops.tests.notifications.mail_server import hanging_server


@pytest.fixture(autouse=True)
def calm(settings):
    """What this process has seen is forgotten, and the machine is never busy."""
    settings.HEALTH_CPU_PERCENT = settings.HEALTH_MEMORY_PERCENT = settings.HEALTH_DISK_PERCENT = [1000, 1000]
    causes.forget()
    yield
    causes.forget()


@pytest.fixture(params=["hangs", "is away"])
def silent(request, transactional_db, free_port):
    """A port that takes connections and says nothing, or takes none; who waits for it is gone when the test ends."""
    with hanging_server() as port:
        yield port if request.param == "hangs" else free_port
    for lane in list(Lane.hanging.values()):
        lane.join(10)
        assert not lane.is_alive()


def test_each_check_tells_something(transactional_db):
    found = examine(now=timezone.now())

    assert {finding.check for finding in found} == set(CHECKS)


def critical(*, within):
    """The checks that are critical, which must not take longer; of what hangs nothing else is known."""
    began = time.monotonic()
    found = examine(now=timezone.now(), seconds=within)
    assert time.monotonic() - began < within + 1
    return sorted(finding.check for finding in found if finding.level is Level.CRITICAL)


def test_a_postgresql_that_does_not_answer_is_one_finding_in_time_each_time(silent):
    with pytest.MonkeyPatch.context() as patch:  # until the database is asked again, to be emptied
        for name, value in {"HOST": "127.0.0.1", "PORT": str(silent)}.items():
            patch.setitem(connections.settings["default"], name, value)

        assert critical(within=1) == ["database"]
        assert critical(within=1) == ["database"]


def test_a_redis_that_does_not_answer_is_one_finding_in_time(silent, monkeypatch, settings):
    url = f"redis://127.0.0.1:{silent}/0"
    settings.REDIS_URL = settings.CELERY_BROKER_URL = url
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": url}}
    for name in ("broker_url", "broker_read_url"):
        monkeypatch.setattr(current_app.conf, name, url)

    assert critical(within=1) == ["broker"]

"""Plain HTTP, nobody pays for what another test has asked, and one event stream for the tests of a module."""

from collections.abc import Iterator

import pytest
from django_redis import get_redis_connection

from market.api import throttles
from ops.stack import testing
from tradebot_site.api import pages
from tradebot_site.tests.api.streams import EventStream


@pytest.fixture(autouse=True)
def plain_http(settings):
    settings.SECURE_SSL_REDIRECT = False


@pytest.fixture(autouse=True)
def uncounted(monkeypatch):
    redis = get_redis_connection("default")
    for key in redis.scan_iter("throttle:*"):
        redis.delete(key)
    monkeypatch.setattr(throttles, "_own", throttles.Counts())
    monkeypatch.setattr(throttles, "_asked_again_at", 0.0)


@pytest.fixture(autouse=True)
def schema_of_its_own_addresses(request):
    """The schema is made once a process, of the addresses there are then: those of a test go with it."""
    yield
    if request.node.get_closest_marker("urls"):
        pages.schema.cache_clear()
        pages.written.cache_clear()


@pytest.fixture(scope="module")
def stream(tmp_path_factory, django_db_setup) -> Iterator[EventStream]:
    """One process for the tests of a module; those that do something to it have their own."""
    children: list[testing.Child] = []
    yield EventStream(testing.spawner(tmp_path_factory.mktemp("stream"), children))
    for child in children:
        child.kill()

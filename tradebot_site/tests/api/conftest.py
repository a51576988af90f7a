"""Plain HTTP, and nobody pays for what another test has asked."""

import pytest
from django_redis import get_redis_connection

from market.api import throttles


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

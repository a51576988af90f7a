"""What all tests of the market share."""

from pathlib import Path
from typing import Any

import pytest
from django_redis import get_redis_connection
from hypothesis import settings

from market.tests.servers import silent_socket

# Laws may take their time: on a busy machine a deadline for each example tells nothing of the code.
settings.register_profile("tradebot", deadline=None)
settings.load_profile("tradebot")


@pytest.fixture
def redis() -> Any:
    """The cache's Redis, empty."""
    connection = get_redis_connection("default")
    connection.flushdb()
    return connection


def cache_at(socket: Path) -> dict[str, Any]:
    from django.conf import settings as django_settings

    default = django_settings.CACHES["default"]
    return {"default": default | {"LOCATION": f"unix://{socket}?db=1"}}


@pytest.fixture
def redis_away(settings: Any, tmp_path: Path) -> None:
    """A cache at which nobody listens."""
    settings.CACHES = cache_at(tmp_path / "nobody.sock")


@pytest.fixture
def redis_hung(settings: Any, tmp_path: Path) -> Any:
    """A cache that takes connections and never answers."""
    with silent_socket() as path:
        settings.CACHES = cache_at(path)
        yield path

"""What all tests of the market share."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django_redis import get_redis_connection

from market.exchange.adapter import SpotGateway, client
from market.tests.factories import entry
from market.tests.listing import lists
from market.tests.orders import ORDER, PLACED, SECRET
from market.tests.servers import WaywardExchange, answer, hosts_at, silent_socket
from market.tests.streaming import StreamingExchange


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
def redis_hung(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """A cache that takes connections and never answers."""
    with silent_socket() as path:
        settings.CACHES = cache_at(path)
        yield path


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries without the pauses between them."""
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=lambda _seconds: None))


@pytest.fixture
def wayward() -> Iterator[WaywardExchange]:
    """An exchange that misbehaves as the test wishes."""
    with WaywardExchange() as exchange:
        yield exchange


@pytest.fixture
def gateway(wayward: WaywardExchange, no_waiting: None, monkeypatch: pytest.MonkeyPatch) -> SpotGateway:
    """A gateway to the wayward exchange, which takes orders unless it is told otherwise."""
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", (2, 0.4))
    wayward.will(ORDER, answer(PLACED))
    return SpotGateway(hosts_at(wayward.url), api_key="key", api_secret=SECRET)


@pytest.fixture
def exchange(settings: Any, wayward: WaywardExchange, redis: Any, no_waiting: None) -> WaywardExchange:
    """The wayward exchange where the settings look for the paper exchange; it lists two symbols."""
    settings.PAPER_URL = wayward.url
    lists(wayward, entry("BTCUSDT"), entry("ETHUSDT"))
    return wayward


@pytest.fixture
def streaming(redis: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamingExchange]:
    """An exchange with candles and streams where settings and environment look for the paper exchange."""
    with StreamingExchange() as running:
        settings.PAPER_URL = running.url
        monkeypatch.setenv("PAPER_URL", running.url)
        yield running

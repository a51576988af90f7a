"""Real servers and real processes for every test.

This file has to be imported before Django's settings are read, in the pytest process and in each pytest-xdist worker
(so pyproject.toml must not name the settings module). The pytest process starts PostgreSQL and Redis for the whole run;
the workers inherit the addresses and get databases of their own.
"""

import atexit
import gc
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from market.paper.tests.server import PaperServer
from ops.stack import environment, testing, throwaway

SOCKET = "TRADEBOT_TEST_REDIS"  # the socket of the Redis that we started, for the workers that inherit it
FUNDING_SECONDS = 8 * 3600
CHILDREN = pytest.StashKey[list[testing.Child]]()

# How long an example takes on a busy machine tells nothing of the code.
settings.register_profile("tradebot", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tradebot")


def begin() -> None:
    """Set the environment of this process, and start servers where the caller names none."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None and not os.environ.get("DATABASE_URL"):
        running = ExitStack()
        os.environ.update(running.enter_context(throwaway.servers(os.environ)))
        atexit.register(running.close)
        os.environ[SOCKET] = os.environ["REDIS_URL"].removeprefix("unix://").partition("?")[0]
    if SOCKET in os.environ:
        pair = 1 + int(worker.removeprefix("gw")) if worker else 0
        os.environ["CELERY_BROKER_URL"] = environment.broker_url(Path(os.environ[SOCKET]), 2 * pair)
        os.environ["REDIS_URL"] = environment.cache_url(Path(os.environ[SOCKET]), 2 * pair + 1)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradebot_site.settings"
    os.environ["SECOND_FACTOR_REQUIRED"] = "false"  # the tests about it switch it on


begin()
gc.disable()  # until all tests are collected: what is loaded stays, and looking through it is half of the loading

import django  # noqa: E402

django.setup()  # now, because a conftest further down may import models

from django.contrib.auth.hashers import PBKDF2PasswordHasher  # noqa: E402

from ops import verbosity  # noqa: E402
from tests import emptying  # noqa: E402

emptying.delete_rows()
verbosity.pause()  # tests count statements, and some may make none
# A quarter of a second for each user that a test makes. Other processes read the number from the hash.
PBKDF2PasswordHasher.iterations = 10


def pytest_sessionstart(session: pytest.Session) -> None:
    """Keep the settings' name from the workers: they would read the settings before they read this file."""
    if session.config.getoption("numprocesses", None):
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that wait for minutes, in one worker's share: the cores are the others' meanwhile.

    pytest-django puts what needs no database of the test's own last, where all workers would wait and one remain.
    """
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage from now on, but never again among the tests and what they import."""
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the children of a failed test said."""
    report = yield
    if report.failed:
        report.sections += [(f"output of {child.name}", child.text) for child in item.stash.get(CHILDREN, [])]
    return report


def forgive() -> None:
    """Let nobody be silent because the exchange said so, nor short of request weight."""
    from django_redis import get_redis_connection

    from market.budget import budget_of

    budget_of.cache_clear()
    redis = get_redis_connection("default")
    for key in redis.scan_iter("budget:*"):
        redis.delete(key)
    for market in ("spot", "futures"):  # all tests of a minute share one exchange, which counts what they weigh
        budget_of("paper", market).set_limit(1_000_000)


@pytest.fixture(autouse=True)
def unspent() -> Callable[[], None]:
    """No test pays for the calls of another one; `unspent()` once more forgives what the test itself has done."""
    forgive()
    return forgive


@pytest.fixture
def broker() -> Iterator[Callable[[str], int]]:
    """How many messages wait in a queue of the real broker, which is emptied before and after."""
    from celery import current_app
    from django.conf import settings

    from ops.queues import queue_depths

    def purge() -> None:
        with current_app.connection_for_write() as connection:
            for queue in settings.CELERY_TASK_QUEUES:
                connection.default_channel.queue_purge(queue)  # type: ignore[attr-defined]

    purge()
    yield lambda queue: (queue_depths() or {})[queue]
    purge()


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    return testing.free_port()


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., object]:
    """`wait_until(condition, timeout=10, message="")` returns the first true value; the only place that sleeps."""
    return testing.wait_until


@pytest.fixture(autouse=True)
def no_funding_soon(wait_until: Callable[..., object]) -> None:
    """No test begins shortly before 00:00, 08:00 or 16:00 UTC: what it holds would be charged, its day might end."""
    wait_until(lambda: -time.time() % FUNDING_SECONDS > 10, 20)


@pytest.fixture(scope="session")
def early_in(wait_until: Callable[..., object]) -> Callable[[int], None]:
    """`early_in(60)` returns early in a minute of the real clock, `early_in(10)` early in ten seconds.

    For what a test counts within such a window, which must not end before the test does. Not in its first moments:
    there the budget of request weight does not believe the exchange's headers yet.
    """

    def wait(seconds: int) -> None:
        wait_until(lambda: seconds / 30 < time.time() % seconds < seconds * 2 / 3, seconds)

    return wait


@pytest.fixture
def spawn(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[testing.Spawn]:
    """`spawn(argv, env=None, name=None)` starts a real process; it is killed, with its children, after the test."""
    children = request.node.stash.setdefault(CHILDREN, [])
    yield testing.spawner(tmp_path, children)
    for child in children:
        child.kill()


@pytest.fixture(scope="session")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperServer]:
    """A paper exchange process with a ledger of its own; environment and Django settings lead to it."""
    from django.conf import settings

    ledger = tmp_path_factory.mktemp("paper") / "ledger.sqlite"
    with PaperServer(ledger, "--weight-limit", "0", token=settings.PAPER_ADMIN_TOKEN) as exchange:
        named = {"PAPER_URL": exchange.url, "PAPER_LEDGER": str(exchange.ledger)}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in named.items():
                patch.setenv(name, value)
                patch.setattr(settings, name, value)
            yield exchange

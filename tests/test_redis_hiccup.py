"""The gate for every upgrade of Celery, kombu and redis: a worker outlives a Redis that dies under a running task.

With celery 5.7.0 the worker's main process dies here with an AttributeError (dependencies.md, section 0.1).
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from kombu import Connection
from redis import Redis

from ops.stack import environment, redis
from ops.stack.places import Places
from ops.stack.services import CELERY
from ops.stack.testing import Child, Spawn
from tests import hiccup_tasks

# The worker writes into its database what it gave back.
pytestmark = pytest.mark.django_db(transaction=True)
AWAY_SECONDS = 3
WORKER = [*CELERY, "worker", "-Q", "default", "-c", "1", "-l", "INFO"]
WORKER += ["--include", "tests.hiccup_tasks", "--without-mingle", "--without-gossip"]  # as ops.stack starts it


class Broker:
    """A Redis of its own that can be killed and comes back with its data."""

    def __init__(self, directory: Path, spawn: Spawn, wait_until: Callable[..., object]) -> None:
        self.places = Places(directory)
        self.places.create()
        self.socket = self.places.sockets / "redis.sock"
        self.url = environment.broker_url(self.socket, 0)
        self._spawn, self._wait_until = spawn, wait_until
        self.start()

    def start(self) -> None:
        service = redis.service(self.places, environment=os.environ)
        self.process = self._spawn(service.argv, name="redis")
        self._wait_until(lambda: service.ready(self.process.pid), message="Redis answers")

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def send(self, directory: Path, name: str) -> None:
        with Connection(self.url) as producer:
            hiccup_tasks.hold.apply_async((str(directory), name), connection=producer, queue="default")

    def counts(self) -> tuple[int, int]:
        """Messages that wait, and messages that a worker holds."""
        with Redis(unix_socket_path=str(self.socket)) as client:
            return client.llen("default"), client.hlen("unacked")


@pytest.fixture
def broker(tmp_path: Path, spawn: Spawn, wait_until: Callable[..., object]) -> Broker:
    return Broker(tmp_path / "stack", spawn, wait_until)


@pytest.fixture
def worker(broker: Broker, spawn: Spawn) -> Child:
    database = "postgresql://{user}@/{host}/{dbname}".format(**connection.get_connection_params())
    servers = {"CELERY_BROKER_URL": broker.url, "REDIS_URL": environment.cache_url(broker.socket, 1)}
    own = {"DATABASE_URL": database, "HICCUP_VISIBILITY_TIMEOUT": "5"}
    child = spawn(WORKER, env=os.environ | servers | own, name="worker")
    child.wait_for(" ready.")
    return child


def test_a_worker_outlives_a_redis_that_dies_under_a_running_task(broker, worker, tmp_path, wait_until):
    broker.send(tmp_path, "first")
    wait_until((tmp_path / "first.began").exists, message="the first task runs")
    broker.send(tmp_path, "second")
    assert broker.counts() == (1, 1)  # one is running and not acknowledged, one waits

    broker.kill()
    back_at = time.monotonic() + AWAY_SECONDS
    wait_until(lambda: time.monotonic() > back_at, message="Redis was away for a while")
    broker.start()
    (tmp_path / "gate").touch()

    def is_done() -> bool:
        assert worker.process.poll() is None, "the worker died"
        return all((tmp_path / f"{name}.done").exists() for name in ("first", "second"))

    wait_until(is_done, 25, "both tasks are done")
    wait_until(lambda: broker.counts() == (0, 0), 10, "queue and unacked are empty")
    assert (tmp_path / "first.began").read_text() == "run\nrun\n"  # given back, and taken again
    assert worker.process.poll() is None
    assert "Unrecoverable error" not in worker.text

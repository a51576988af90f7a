"""A worker that hangs or went deaf ends, to be started again; one that is busy, cut off or suspended does not."""

import os
import signal
import time
from pathlib import Path

import pytest
from celery import Celery
from django.db import connection
from kombu import Connection

from ops.stack import environment, redis
from ops.stack.places import Places
from ops.stack.services import CELERY
from tests import hiccup_tasks

pytestmark = pytest.mark.django_db(transaction=True)
LOOP, EARS = 3.0, 1.0  # seconds of silence; the loop beats every two
WORKER = [*CELERY, "worker", "-Q", "default", "-c", "1", "-l", "INFO"]
WORKER += ["--include", "tests.hiccup_tasks,tests.deaf_commands", "--without-mingle", "--without-gossip"]


class Trial:
    """A Redis and a worker of one's own."""

    def __init__(self, directory, spawn, wait_until):
        self.directory, self.spawn, self.wait_until = directory, spawn, wait_until
        places = Places(directory / "stack")
        places.create()
        self.url = environment.broker_url(places.sockets / "redis.sock", 0)
        self.heartbeat = directory / "heartbeat"
        service = redis.service(places, environment=os.environ, throwaway=True)
        self.redis = spawn(service.argv, name="redis")
        wait_until(lambda: service.ready(self.redis.pid), message="Redis answers")
        database = "postgresql://{user}@/{host}/{dbname}".format(**connection.get_connection_params())
        self.environment = os.environ | {
            "CELERY_BROKER_URL": self.url,
            "REDIS_URL": environment.cache_url(places.sockets / "redis.sock", 1),
            "DATABASE_URL": database,
            "HEARTBEAT_FILE": str(self.heartbeat),
            "WATCHDOG_LOOP_SECONDS": str(LOOP),
            "WATCHDOG_DEAF_SECONDS": str(EARS),
            "WATCHDOG_GRACE_SECONDS": "3",
        }
        self.start()

    def start(self):
        self.worker = self.spawn(WORKER, env=self.environment, name=f"worker-{time.monotonic()}")
        self.worker.wait_for(" ready.")

    def send(self, name):
        with Connection(self.url) as producer:
            hiccup_tasks.hold.apply_async((str(self.directory), name), connection=producer, queue="default")

    def command(self, name, **asked):
        """Send it to the worker's loop; its answers, if they are asked for."""
        app = Celery(set_as_current=False)
        app.conf.broker_write_url = app.conf.broker_read_url = self.url  # wins against the environment's
        return app.control.broadcast(name, **asked)

    def outlives(self, seconds):
        """Let so much time pass; it is still there."""
        until = time.monotonic() + seconds
        self.wait_until(lambda: self.worker.process.poll() is not None or time.monotonic() > until, seconds + 5)
        assert self.worker.process.poll() is None, self.worker.text

    def file_age(self):
        return time.time() - Path(self.heartbeat).stat().st_mtime

    def done(self, name):
        self.wait_until((self.directory / f"{name}.done").exists, 25, f"{name} is done")


@pytest.fixture
def trial(tmp_path, spawn, wait_until):
    return Trial(tmp_path, spawn, wait_until)


@pytest.mark.long
def test_it_ends_who_hangs_or_is_deaf_and_nobody_else(trial, wait_until, tmp_path):
    # Busy: a message waits for longer than it may, and the only child has something to do.
    trial.send("first")
    wait_until((tmp_path / "first.began").exists, 20)
    trial.send("second")
    trial.outlives(2.5 * EARS)
    assert trial.file_age() < 3
    (tmp_path / "gate").touch()
    trial.done("second")

    # Suspended for longer than the loop may be silent.
    trial.worker.process.send_signal(signal.SIGSTOP)
    until = time.monotonic() + LOOP + 1
    wait_until(lambda: time.monotonic() > until, 10)
    trial.send("third")
    trial.worker.process.send_signal(signal.SIGCONT)
    trial.done("third")

    # Cut off: the broker is there, and answers nobody; then its worker has not hung.
    trial.redis.process.send_signal(signal.SIGSTOP)
    trial.outlives(LOOP + 3)
    assert trial.file_age() < 5
    trial.redis.process.send_signal(signal.SIGCONT)
    trial.send("fourth")
    trial.done("fourth")

    assert trial.command("go_deaf", reply=True, limit=1, timeout=10)
    trial.send("fifth")  # which the broker may give it yet, as it had asked before
    trial.send("sixth")
    trial.worker.wait(20)
    assert " messages wait in default for more than" in trial.worker.text
    assert "it did not end by itself" not in trial.worker.text

    trial.start()
    trial.done("sixth")
    trial.command("hang")
    trial.worker.wait_for("its loop has not run for", 20)
    assert trial.file_age() > 2
    assert trial.worker.wait(20) == -signal.SIGKILL

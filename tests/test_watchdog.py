"""A worker that hangs or went deaf ends, to be started again; one that is busy, cut off or suspended does not."""

import os
import signal
import time
from pathlib import Path

import pytest
from celery import Celery
from django.db import connection, connections
from kombu import Connection

from ops.queues import Waiting
from ops.stack import environment, redis
from ops.stack.places import Places
from ops.stack.services import CELERY
from ops.tests.notifications.mail_server import hanging_server
from tests import hiccup_tasks
from tradebot_site import watchdog

LOOP, EARS = 2.0, 0.7  # seconds of silence
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
            "WATCHDOG_GRACE_SECONDS": "10",
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
@pytest.mark.django_db(transaction=True)
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

    assert trial.command("go_deaf", reply=True, limit=1, timeout=10)
    trial.send("fourth")  # which the broker may give it yet, as it had asked before
    trial.send("fifth")
    trial.worker.wait(20)
    assert " messages wait in default for more than" in trial.worker.text
    assert "it did not end by itself" not in trial.worker.text

    trial.environment["WATCHDOG_GRACE_SECONDS"] = "1"
    trial.start()
    trial.done("fifth")
    trial.command("hang")
    trial.worker.wait_for("its loop has not run for", 20)
    assert trial.file_age() > LOOP / 2
    assert trial.worker.wait(20) == -signal.SIGKILL


class Rehearsal(watchdog.Watchdog):
    """One whose worker neither beats nor takes what waits, and which ends nobody."""

    def __init__(self, waiting, monkeypatch):
        super().__init__(queues=lambda: ["default"], has_idle_child=lambda: True, is_ending=lambda: self.is_over)
        self.is_over, self.ended, self.looks = False, [], 0
        self.waiting, self.database_answers = waiting, True
        monkeypatch.setattr(watchdog, "waiting_messages", self._look)
        monkeypatch.setattr(watchdog, "_database_answers", lambda: self.database_answers)
        self.start()

    def _look(self):
        self.looks += 1
        return self.waiting

    def _end(self, trouble):
        self.ended.append(trouble)


@pytest.mark.parametrize(("loop", "deaf"), [(0.1, 60), (60, 0.1)])
def test_it_ends_nobody_while_a_server_hangs(loop, deaf, settings, monkeypatch, wait_until, tmp_path):
    settings.HEARTBEAT_FILE = str(tmp_path / "heartbeat")
    settings.WATCHDOG_LOOP_SECONDS, settings.WATCHDOG_DEAF_SECONDS = loop, deaf
    waits = {"default": Waiting(3, 1000.0)}
    dog = Rehearsal(None, monkeypatch)
    wait_until(lambda: dog.looks > 4 * watchdog.LOOKS)
    assert Path(settings.HEARTBEAT_FILE).exists()

    dog.database_answers, dog.waiting = False, waits
    Path(settings.HEARTBEAT_FILE).unlink()
    seen = dog.looks
    wait_until(lambda: dog.looks > seen + 4 * watchdog.LOOKS)
    assert Path(settings.HEARTBEAT_FILE).exists()
    assert dog.ended == []

    dog.database_answers = True
    dog.join(10)
    assert len(dog.ended) == 1


@pytest.mark.django_db(transaction=True)
def test_a_postgresql_that_takes_connections_and_says_nothing_does_not_answer():
    assert watchdog._database_answers()
    with hanging_server() as port, pytest.MonkeyPatch.context() as patch:
        for name, value in {"HOST": "127.0.0.1", "PORT": str(port)}.items():
            patch.setitem(connections.settings["default"], name, value)

        assert not watchdog._database_answers()

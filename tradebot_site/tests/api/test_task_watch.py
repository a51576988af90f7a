"""The machinery over HTTP, with a real worker: what runs, who works, what waits, whether anybody would."""

import os
import sys
import time
from datetime import datetime, timedelta

import pytest
from celery import current_app
from django.utils import timezone
from django_redis import get_redis_connection

from ops import inspecting, liveness
from tests.test_browser_admin import database_url
from tradebot_site.tests.people import ROLES, client_of, person

pytestmark = pytest.mark.django_db(transaction=True)
ROUTES = ("active", "workers", "queues", "health")


@pytest.fixture(autouse=True)
def nobody_told(settings):
    settings.SECURE_SSL_REDIRECT = False
    redis = get_redis_connection("default")
    redis.delete(liveness.KEY)
    yield
    redis.delete(liveness.KEY)


@pytest.fixture
def operator():
    return client_of(person("operator"))


@pytest.fixture
def no_broker(monkeypatch, free_port):
    """An application whose broker is not there."""
    monkeypatch.setattr(current_app.conf, "broker_url", f"redis://127.0.0.1:{free_port}/0")
    monkeypatch.setattr(current_app.conf, "broker_read_url", f"redis://127.0.0.1:{free_port}/0")
    monkeypatch.setattr(current_app.conf, "broker_write_url", f"redis://127.0.0.1:{free_port}/0")


def get(client, name):
    answer = client.get(f"/api/tasks/{name}")
    return answer.status_code, answer.json()


@pytest.mark.parametrize("name", ROUTES)
def test_operators_watch_and_nobody_else(broker, name):
    answers = {role: client_of(person(role)).get(f"/api/tasks/{name}").status_code for role in (*ROLES, "stranger")}

    assert client_of(None).get(f"/api/tasks/{name}").status_code == 401
    watched = 503 if name == "health" else 200
    assert answers == {"viewer": 403, "trader": 403, "stranger": 403, "operator": watched, "administrator": watched}


@pytest.mark.parametrize("name", ROUTES)
def test_what_is_not_known_is_refused(broker, operator, name):
    status, told = get(operator, f"{name}?verbose=1")

    assert (status, list(told["fields"])) == (400, ["verbose"])


def test_waiting_messages_are_counted_and_the_oldest_has_an_age(broker, operator, wait_until):
    for _ in range(3):
        current_app.send_task("bots.tasks.keep_decisions", queue="maintenance")

    def queue(name):
        status, told = get(operator, "queues")
        assert status == 200
        return next(row for row in told["queues"] if row["name"] == name)

    assert queue("trading") == {"name": "trading", "waiting": 0, "oldest_seconds": None, "is_served": False}
    waiting = queue("maintenance")
    assert waiting["waiting"] == 3
    assert 0 <= waiting["oldest_seconds"] < 30
    assert wait_until(lambda: queue("maintenance")["oldest_seconds"] > waiting["oldest_seconds"], 10)
    assert len(get(operator, "queues")[1]["queues"]) == len(current_app.conf.task_queues)


def test_without_workers_the_machinery_is_unhealthy_within_a_moment(broker, operator):
    began = time.monotonic()
    status, told = get(operator, "health")

    assert time.monotonic() - began < 5
    assert (status, told["status"], told["code"]) == (503, "unhealthy", "unhealthy")
    assert (told["detail"], told["answering"], told["is_beat_late"]) == ("No worker answers.", [], True)
    assert told["request_id"]
    assert get(operator, "active") == (200, {"tasks": []})


def test_a_worker_is_seen_its_task_without_secrets_and_it_is_healthy(broker, operator, spawn, wait_until):
    environment = dict(os.environ) | {"DATABASE_URL": database_url()}
    argv = ["-A", "tradebot_site", "worker", "-Q", "maintenance", "-c", "1", "-n", "tester@here", "--without-gossip"]
    spawn([sys.executable, "-m", "celery", *argv, "--include", "tests.slow_tasks"], env=environment, name="worker")
    wait_until(lambda: get(operator, "health")[0] == 200, 60, "the worker answers")

    secret = {"name": "ETHUSDT", "api_secret": "CANARY-0123456789"}
    current_app.send_task(
        "tests.slow_tasks.take_time", args=[[1, "password=CANARY"]], kwargs=secret, queue="maintenance"
    )
    wait_until(lambda: get(operator, "active")[1]["tasks"], 20, "it is at work")
    (task,) = get(operator, "active")[1]["tasks"]
    health, workers = get(operator, "health")[1], get(operator, "workers")[1]

    assert (task["task"], task["worker"]) == ("tests.slow_tasks.take_time", "tester@here")
    assert (task["args"], task["kwargs"]) == ([[1, "password=***"]], {"name": "ETHUSDT", "api_secret": "***"})
    assert timezone.now() - datetime.fromisoformat(task["started_at"]) < timedelta(minutes=2)
    assert (health["status"], health["answering"]) == ("healthy", ["tester@here"])
    assert "trading" in health["unserved_queues"]
    assert "maintenance" not in health["unserved_queues"]
    (worker,) = workers["workers"]
    assert (worker["name"], worker["queues"], worker["is_silent"]) == ("tester@here", ["maintenance"], False)


def test_one_that_fell_silent_is_shown_as_silent(operator):
    liveness._next_at = 0.0
    liveness.tell_of_worker("gone@here", ["trading"], now=timezone.now() - timedelta(minutes=5))

    (worker,) = get(operator, "workers")[1]["workers"]

    assert (worker["name"], worker["is_silent"]) == ("gone@here", True)
    assert "trading" in get(operator, "workers")[1]["unserved_queues"]


@pytest.mark.parametrize("name", ["active", "queues", "health"])
def test_without_the_broker_it_is_said_within_seconds(operator, no_broker, name):
    began = time.monotonic()
    status, told = get(operator, name)

    assert time.monotonic() - began < 8
    assert (status, told["detail"]) == (503, "The broker does not answer.")
    assert told["code"] == ("unhealthy" if name == "health" else "unavailable")


def test_without_redis_nobody_knows_who_works(operator, monkeypatch):
    monkeypatch.setattr("tradebot_site.api.task_watch.workers", lambda now: None)

    status, told = get(operator, "workers")

    assert (status, told["code"]) == (503, "unavailable")


def test_a_task_that_tells_little_is_shown_all_the_same():
    bare = inspecting._active("w@h", {"id": 1, "name": "t"})

    assert bare == ("1", "t", "w@h", [], {}, None)

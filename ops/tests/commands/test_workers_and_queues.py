"""`manage.py workers` and `manage.py queues`: who lives, what waits, who takes from it."""

from datetime import timedelta

import pytest
from celery import current_app
from django.core.management import CommandError
from django.utils import timezone
from django_redis import get_redis_connection

from ops import liveness
from ops.queues import SENT_AT, unacked_messages
from ops.tests.commands.asking import run, run_json

TASK = "bots.tasks.keep_decisions"
PASSWORD = "hunter2-is-secret"


@pytest.fixture(autouse=True)
def nobody_told():
    """No line of another test."""
    get_redis_connection("default").delete(liveness.KEY)
    yield
    get_redis_connection("default").delete(liveness.KEY)


@pytest.fixture
def tell(settings):
    """`tell(name, queues, ago=0)`: a worker tells of itself, so many seconds ago; all queues unless named."""

    def tell(name, queues=None, ago=0):
        liveness._next_at, liveness._since = 0.0, None
        at = timezone.now() - timedelta(seconds=ago)
        liveness.tell_of_worker(name, queues or settings.CELERY_TASK_QUEUES, now=at)

    yield tell
    liveness._next_at, liveness._since = 0.0, None


def send(queue, *, ago=0):
    """A message that waits since so many seconds."""
    with current_app.connection_for_write() as connection:
        headers = {"task": TASK, "id": "x", SENT_AT: timezone.now().timestamp() - ago}
        at = {"exchange": queue, "routing_key": queue, "declare": [current_app.amqp.queues[queue]]}
        connection.Producer().publish([], headers=headers, serializer="json", **at)


def test_workers_that_live_and_serve_all_queues_are_well(tell, broker):
    tell("all@here")

    code, found = run_json("workers")

    (worker,) = found["workers"]
    assert (code, found["healthy"], found["unserved"], found["asked"]) == (0, True, [], True)
    assert (worker["name"], worker["host"], worker["silent"], worker["tasks"]) == ("all@here", "here", False, [])
    assert worker["pid"] > 0
    assert worker["since"]
    assert worker["heartbeat_age_seconds"] < 5


def test_a_silent_worker_and_what_nobody_serves_now_are_told(tell):
    tell("gone@here", ["trading"], ago=60)

    code, out, _ = run("workers", "--no-ask")
    json_code, found = run_json("workers", "--no-ask")

    assert (code, json_code, found["asked"]) == (1, 1, False)
    assert found["workers"][0]["silent"]
    assert "trading" in found["unserved"]
    assert "silent, 60 s ago" in out
    assert "not asked" in out


def test_without_redis_nobody_knows_which_workers_live(monkeypatch):
    monkeypatch.setattr("ops.management.commands.workers.workers", lambda now: None)

    code, out, err = run("workers", "--no-ask")

    assert (code, out) == (1, "")
    assert "redis_ping" in err


def test_queues_tell_depth_age_and_who_takes_from_them(tell, broker):
    tell("all@here")
    send("maintenance", ago=3)
    send("maintenance")

    code, found = run_json("queues")

    queue = {it["name"]: it for it in found["queues"]}["maintenance"]
    assert (code, found["healthy"], queue["depth"], queue["workers"]) == (0, True, 2, ["all@here"])
    assert 3 <= queue["oldest_seconds"] < 10
    assert not queue["unserved"]


def test_a_message_that_a_worker_holds_is_counted_by_its_queue(tell, broker):
    tell("all@here")
    send("analytics")

    with current_app.connection_for_read() as connection:
        queue = connection.SimpleQueue(current_app.amqp.queues["analytics"])
        message = queue.get(timeout=5)
        total, by_queue = unacked_messages()
        _, found = run_json("queues")
        message.ack()
        queue.close()

    assert (total, by_queue) == (1, {"analytics": 1})
    assert (found["unacked"], {it["name"]: it["unacked"] for it in found["queues"]}["analytics"]) == (1, 1)


def test_messages_that_wait_where_nobody_takes_them_are_told(tell, broker):
    tell("some@here", ["trading"])
    send("maintenance")

    code, out, _ = run("queues")
    _, found = run_json("queues")

    assert code == 1
    assert [it["name"] for it in found["queues"] if it["unserved"]] == ["maintenance"]
    assert "messages wait in maintenance, and nobody takes from it" in out


def test_a_message_that_waits_too_long_is_told_by_the_bound_of_all(tell, broker):
    tell("all@here")
    send("high_priority", ago=86_400)

    code, out, _ = run("queues")
    _, found = run_json("queues")

    assert code == 1
    assert [(it["check"], it["subject"]) for it in found["findings"]] == [("queue", "high_priority")]
    assert "1 messages wait in the queue high_priority" in out


def test_a_broker_that_is_away_is_said_in_one_line_without_its_password(monkeypatch, free_port):
    url = f"redis://user:{PASSWORD}@127.0.0.1:{free_port}/0"
    monkeypatch.setattr(current_app.conf, "broker_read_url", url)

    code, out, err = run("queues")
    json_code, found = run_json("queues")

    assert (code, json_code, out, found["healthy"]) == (1, 1, "", False)
    assert len(err.splitlines()) == 1
    assert PASSWORD not in err + str(found)


def test_watching_is_for_terminals():
    with pytest.raises(CommandError, match="terminal"):
        run("queues", "--watch")

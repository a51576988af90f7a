"""What a real worker does with work that fails for good: it is kept, once, and the worker goes on."""

import base64
import json
import os
import signal
import threading
from pathlib import Path

import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone

from ops import dead_letters
from ops.dead_letters import policy
from ops.models import DeadLetter
from ops.stack.services import CELERY
from tests import failing_tasks, hiccup_tasks
from tests.test_browser_admin import database_url

pytestmark = pytest.mark.django_db(transaction=True)
State = DeadLetter.State
WORKER = [*CELERY, "worker", "-Q", "default", "-c", "1", "-l", "INFO", "-n", "tester@here"]
WORKER += ["--include", "tests.failing_tasks,tests.hiccup_tasks", "--without-mingle", "--without-gossip"]


@pytest.fixture
def worker(spawn, broker, monkeypatch):
    child = spawn(WORKER, env=dict(os.environ) | {"DATABASE_URL": database_url()}, name="worker")
    child.wait_for(" ready.")
    yield child
    assert child.process.poll() is None, "the worker died"
    connections.close_all()


@pytest.fixture
def letter(wait_until):
    """`letter()` waits for the only dead letter, until it fulfils a condition, and returns it."""

    def letter(condition=lambda it: True):
        def found():
            letters = list(DeadLetter.objects.all())
            assert len(letters) <= 1, letters
            return letters[0] if letters and condition(letters[0]) else None

        return wait_until(found, 30, "a dead letter")

    return letter


@pytest.fixture
def still_works(broker, tmp_path, wait_until):
    """Send a task that succeeds, and wait until it is done: whatever was sent before is over then."""

    def still_works():
        (tmp_path / "gate").touch()
        hiccup_tasks.hold.apply_async((str(tmp_path), "after"), queue="default")
        wait_until((tmp_path / "after.done").exists, 20, "the worker works")

    return still_works


def put(body, headers, content_type):
    """Lay a message into the queue that no Celery of ours would send."""
    message = json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-type": content_type,
            "content-encoding": "utf-8",
            "headers": headers,
            "properties": {
                "delivery_info": {"exchange": "default", "routing_key": "default"},
                "body_encoding": "base64",
                "delivery_tag": "tag-of-a-test",
            },
        }
    )
    with current_app.connection_for_write() as connection:
        connection.default_channel.client.lpush("default", message)


def test_a_failure_is_kept_with_everything_but_secrets(worker, letter):
    before = timezone.now()
    sent = failing_tasks.fail.apply_async(("this",), {"api_secret": "s3cr3t"}, queue="default")

    found = letter()

    assert (found.task, found.task_id, found.queue) == ("tests.failing_tasks.fail", sent.id, "default")
    assert (found.worker, found.state, found.failures) == ("tester@here", State.WAITING, 1)
    assert (found.args, found.kwargs) == (["this"], {"api_secret": "***"})
    assert found.error == "RuntimeError: no luck with this, password=***"
    assert "failing_tasks.py" in found.traceback
    assert "hunter2" not in found.traceback
    assert before < found.failed_at < timezone.now()
    assert dead_letters.why_not_requeue(found).startswith("nobody has said that it is harmless")


def test_a_positional_secret_is_redacted_by_the_name_that_its_task_has_for_it(worker, letter):
    failing_tasks.fail.apply_async(("this", "s3cr3t"), queue="default")

    found = letter()

    assert found.args == ["this", "***"]
    assert not found.is_whole


def test_the_same_failure_is_counted_and_another_is_not(worker, wait_until):
    for text in ("this", "this", "that"):
        failing_tasks.fail.apply_async((text,), queue="default")

    wait_until(lambda: DeadLetter.objects.filter(args=["that"]).exists(), 20)

    assert dict(DeadLetter.objects.values_list("args__0", "failures")) == {"this": 2, "that": 1}


def test_a_try_that_is_followed_by_another_is_no_failure(worker, letter, tmp_path):
    diary = tmp_path / "diary"
    failing_tasks.fail_each_time.apply_async((str(diary),), queue="default")

    found = letter()

    assert (found.failures, found.error) == (1, "RuntimeError: try 2")
    assert len(diary.read_text().splitlines()) == 3


def test_a_task_that_nobody_knows_is_kept(worker, letter, still_works):
    current_app.send_task("bots.tasks.of_tomorrow", args=[1], kwargs={"token": "s3cr3t"}, queue="default")

    found = letter()
    still_works()

    assert (found.task, found.queue, found.worker) == ("bots.tasks.of_tomorrow", "default", "tester@here")
    assert (found.args, found.kwargs, found.is_whole) == ([1], {"token": "***"}, False)
    assert found.error == "LookupError: no worker knows the task bots.tasks.of_tomorrow"


HEADERS = {"task": "tests.failing_tasks.fail", "id": "1", "lang": "py"}


@pytest.mark.parametrize(
    ("body", "headers", "content_type"),
    [
        (b"[[], {", HEADERS, "application/json"),
        (b"\x80\x04N.", HEADERS, "application/x-python-serialize"),
        (b"null", HEADERS, "application/json"),
        (b"[1]", HEADERS, "application/json"),
        (b"[[], {}, {}]", {"task": "tests.failing_tasks.fail"}, "application/json"),
        (b"[[], {}, {}]", HEADERS | {"eta": "tomorrow"}, "application/json"),
        (b"[[], {}, {}]", {}, "application/json"),
        (b"\xff\x00", {}, "application/json"),
        (b'{"token": "s3cr3t"}', {}, "application/json"),
    ],
)
def test_a_message_that_can_not_be_read_is_kept_and_the_worker_goes_on(
    worker, letter, still_works, body, headers, content_type
):
    put(body, headers, content_type)

    found = letter()
    still_works()

    assert (found.task, found.queue, found.worker) == ("", "default", "tester@here")
    assert not found.is_whole
    assert "s3cr3t" not in str(found.args)
    assert dead_letters.why_not_requeue(found) == "its message could not be read"


def test_arguments_that_a_task_does_not_take_are_kept(worker, letter):
    current_app.send_task("tests.failing_tasks.fail", args=[1, 2, 3], queue="default")

    assert letter().error.startswith("TypeError")


def test_what_was_killed_is_kept_and_delivered_again(worker, letter, tmp_path, wait_until):
    hiccup_tasks.hold.apply_async((str(tmp_path), "it"), queue="default")
    wait_until((tmp_path / "it.began").exists, 20, "the task runs")

    (child,) = _children(worker.process.pid)
    os.kill(child, signal.SIGKILL)
    found = letter()
    (tmp_path / "gate").touch()

    wait_until((tmp_path / "it.done").exists, 30, "it is done all the same")
    assert (found.state, found.settled_by, found.failures) == (State.REQUEUED, None, 1)
    assert found.error.startswith("WorkerLostError")
    assert found.task == "tests.hiccup_tasks.hold"
    assert letter().state == State.REQUEUED


def _children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_what_kills_its_process_each_time_is_not_delivered_for_ever(worker, letter, still_works, tmp_path):
    diary = tmp_path / "diary"
    sent = failing_tasks.be_killed.apply_async((str(diary), 99), queue="default")

    found = letter(lambda it: it.failures == 3)
    still_works()

    assert found.state == State.WAITING
    assert len(diary.read_text().splitlines()) == 3
    assert sent.state == "FAILURE"


def test_what_does_not_end_in_time_is_kept(worker, letter, still_works):
    failing_tasks.overrun.apply_async(queue="default")

    found = letter()
    still_works()

    assert (found.state, found.failures) == (State.WAITING, 1)
    assert found.error.startswith("TimeLimitExceeded")


def test_two_who_press_requeue_at_the_same_time_send_it_once(worker, letter, tmp_path, monkeypatch, still_works):
    monkeypatch.setitem(policy.HARMLESS, failing_tasks.fail_each_time.name, "a test")
    diary = tmp_path / "diary"
    failing_tasks.fail_each_time.apply_async((str(diary),), queue="default")
    first = letter()
    people = [User.objects.create(username=name) for name in ("one", "two")]
    assert len(diary.read_text().splitlines()) == 3
    together, refused = threading.Barrier(2), []

    def press(person):
        together.wait()
        try:
            dead_letters.requeue(dead_letters.Seen.of(first), by=person, now=timezone.now())
        except dead_letters.NotSettled as error:
            refused.append(str(error))
        connections.close_all()

    threads = [threading.Thread(target=press, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = letter(lambda it: it.failures > 1)
    still_works()

    assert len(refused) == 1
    assert len(diary.read_text().splitlines()) == 6, "sent once"
    assert (again.pk, again.failures, again.state) == (first.pk, 2, State.WAITING)
    assert again.settled_by in people  # of the last decision, which did not help
    assert again.task_id != first.task_id


def test_a_worker_without_a_database_goes_on(spawn, broker, tmp_path, wait_until):
    nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    worker = spawn(WORKER, env=dict(os.environ) | nowhere, name="worker")
    worker.wait_for(" ready.")

    failing_tasks.fail.apply_async(("this",), queue="default")
    current_app.send_task("bots.tasks.of_tomorrow", queue="default")
    worker.wait_for("not kept")
    (tmp_path / "gate").touch()
    hiccup_tasks.hold.apply_async((str(tmp_path), "after"), queue="default")

    wait_until((tmp_path / "after.done").exists, 30, "the worker works")
    assert worker.process.poll() is None

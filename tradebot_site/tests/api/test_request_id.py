"""One id leads from an answer to the logs, and to the tasks that the request has made."""

import logging
import os
import re
import threading

import pytest
from django.db import connections
from django.test import Client

from market import request_id
from market.logs.lines import Lines
from market.logs.reading import read, read_all
from ops.stack.services import CELERY
from tests.test_browser_admin import database_url
from tradebot_site.tests.api import trial, worker_tasks
from tradebot_site.tests.api.callers import program_of
from tradebot_site.tests.people import person

pytestmark = [pytest.mark.django_db, pytest.mark.urls(trial.URLS)]
TOKENS, SAY = "/api/v1/tokens", "/api/v1/trial/say"


@pytest.fixture
def lines():
    """What a handler of ours writes."""
    written = []

    class Written(logging.Handler):
        def emit(self, record):
            written.append(read(self.format(record)))

    handler = Written()
    handler.setFormatter(Lines("web", "json"))
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def test_every_answer_has_one_of_its_own():
    ids = [Client().get(path)["X-Request-ID"] for path in (TOKENS, TOKENS, "/api/nothing", "/admin/login/", "/health")]

    assert len(set(ids)) == 5
    assert all(len(told) == 32 for told in ids)


@pytest.mark.parametrize("told", ["a" * 8, "A-z_0.9-of-a-client", "f" * 64])
def test_the_caller_s_own_is_taken(told):
    answer = Client().get(TOKENS, headers={"x-request-id": told})

    assert (answer["X-Request-ID"], answer.json()["request_id"]) == (told, told)


@pytest.mark.parametrize("told", ["", "short", "g" * 65, "with a blank", "with\tatab00", "<script>alert", "ä" * 10])
def test_what_is_none_is_not(told):
    assert Client().get(TOKENS, headers={"x-request-id": told})["X-Request-ID"] != told


def test_it_is_in_the_lines_about_the_request(lines):
    program = program_of(person("trader"))
    program.raise_request_exception = False

    for number, path in enumerate(("/api/nothing", "/api/v1/trial/refuse/conflict", "/api/v1/trial/refuse/bug")):
        program.get(path, headers={"x-request-id": f"request-{number}"})

    told = [(line["level"], line["logger"], line["request_id"], line["event"].partition(":")[0]) for line in lines]
    assert told == [
        ("warning", "django.request", "request-0", "Not Found"),
        ("warning", "django.request", "request-1", "Conflict"),
        ("error", "django.request", "request-2", "Internal Server Error"),
    ]


def test_nothing_of_it_is_left_for_what_follows(lines):
    Client().get(TOKENS, headers={"x-request-id": "the-first-one"})

    logging.getLogger("ops").warning("after it")

    assert request_id.current() == ""
    assert lines[-1]["event"] == "after it"
    assert not {"request_id", "user"} & lines[-1].keys()
    assert Client().get(TOKENS)["X-Request-ID"] != "the-first-one"


def test_a_request_that_breaks_leaves_nothing_either():
    program = program_of(person("trader"))
    with pytest.raises(ZeroDivisionError):
        program.get("/api/v1/trial/refuse/bug")

    assert Client().get(TOKENS)["X-Request-ID"] != request_id.current()


def test_threads_do_not_share_it():
    seen = []
    request_id.begin("of-this-thread")
    thread = threading.Thread(target=lambda: seen.append(request_id.current()))
    thread.start()
    thread.join(10)
    request_id.end()

    assert seen == [""]


# --- tasks ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def worker(transactional_db, spawn, broker):
    argv = [*CELERY, "worker", "-Q", "default", "-c", "1", "-l", "INFO", "-n", "sayer@here"]
    argv += ["--include", worker_tasks.__name__, "--without-mingle", "--without-gossip"]
    child = spawn(argv, env=dict(os.environ) | {"DATABASE_URL": database_url()}, name="worker")
    child.wait_for(" ready.")
    yield child
    connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_what_a_worker_logs_leads_to_the_request_and_so_does_what_its_task_made(worker):
    program = program_of(person("trader"))
    for words, headers in (("one two", {"x-request-id": "the-request"}), ("five six", {})):
        program.post(SAY, {"what": words}, content_type="application/json", headers=headers)
        if headers:  # one after the other, in one process; what nobody has asked for comes between
            worker.wait_for("says two")
            worker_tasks.say.apply_async(("three",), {"inner": "four"}, queue="default")
            worker.wait_for("says four")
    worker.wait_for("says six")

    lines = [line for line in read_all(worker.text) if line["logger"] == "ops.said"]
    said = [(line["event"], line.get("request_id")) for line in lines]
    first, none = "the-request", None
    assert said[:4] == [("says one", first), ("says two", first), ("says three", none), ("says four", none)]
    (five, made), (six, again) = said[4:]
    assert (five, six, made) == ("says five", "says six", again)
    assert re.fullmatch(r"[0-9a-f]{32}", made)
    assert len({line["task_id"] for line in lines}) == 6

"""Idempotency-Key: the same POST twice is done once and answered twice, whoever is in a hurry, dies or breaks."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from market.api.idempotency import AT_WORK, KEPT, drop_old_answers
from market.models import IdempotentAnswer
from tradebot_site.tests.api import trial
from tradebot_site.tests.api.callers import bearer, program_of, token_of
from tradebot_site.tests.people import client_of, person

pytestmark = [pytest.mark.django_db, pytest.mark.urls(trial.URLS)]
DO, REFUSE = "/api/v1/trial/do", "/api/v1/trial/refuse"


@pytest.fixture(autouse=True)
def nothing_done():
    trial.done.clear()
    trial.gate.set()
    trial.waiting.clear()
    yield
    trial.gate.set()


@pytest.fixture
def trader():
    return person("trader")


@pytest.fixture
def program(trader):
    client = program_of(trader)
    client.raise_request_exception = False
    return client


def post(client, url=DO, *, key="a-key", **body):
    body = body or {"what": "x"}
    return client.post(url, body, content_type="application/json", headers={"Idempotency-Key": key})


def is_replayed(answer):
    return answer.headers.get("Idempotent-Replayed") == "true"


def test_the_same_again_is_answered_the_same_and_not_done_again(program):
    first, second = post(program), post(program)

    assert (first.status_code, first.json()) == (201, {"what": "x", "times": 1})
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert (is_replayed(first), is_replayed(second)) == (False, True)
    assert trial.done == ["x"]


def test_without_a_key_it_is_done_each_time(program):
    for _ in range(2):
        program.post(DO, {"what": "x"}, content_type="application/json")

    assert trial.done == ["x", "x"]
    assert not IdempotentAnswer.objects.exists()


def test_an_answer_of_odd_things_is_repeated_to_the_letter(program):
    first, second = (post(program, "/api/v1/trial/odd", what="x", price="0.10") for _ in range(2))

    assert is_replayed(second)
    assert second.content == first.content
    assert first.json()["price"] == "0.1"


def test_an_answer_without_a_body_is_repeated_too(program):
    first, second = (post(program, "/api/v1/trial/empty") for _ in range(2))

    assert [(answer.status_code, answer.content) for answer in (first, second)] == [(204, b"")] * 2
    assert is_replayed(second)


def test_another_body_or_address_under_the_key_is_refused_and_not_done(program):
    post(program)

    answers = [post(program, what="y"), post(program, f"{DO}?a=1"), post(program, "/api/v1/trial/empty")]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(422, "key_reused")] * 3
    assert trial.done == ["x"]
    assert is_replayed(post(program))


def test_the_key_of_another_user_is_another_key(trader, program):
    other = program_of(person("operator"))

    answers = [post(program), post(other, what="y"), post(other, what="y")]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert trial.done == ["x", "y"]


def test_all_tokens_of_a_user_and_a_session_share_its_keys(trader):
    post(program_of(trader, "trade"))

    assert is_replayed(post(program_of(trader, "admin")))
    assert is_replayed(post(client_of(trader)))


def test_who_may_not_do_it_is_not_told_what_was_answered(trader, program):
    post(program)

    answers = [post(program_of(trader, "read")), post(bearer("nonsense")), post(client_of(None))]

    assert [answer.status_code for answer in answers] == [403, 401, 401]
    assert IdempotentAnswer.objects.count() == 1


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256, "\x7f"])
def test_a_key_that_is_none_is_refused_by_name(program, key):
    answer = post(program, key=key)

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["Idempotency-Key"]
    assert trial.done == []


def test_the_longest_key_is_one(program):
    assert post(program, key="~" * 255).status_code == 201


# --- refusals and bugs ------------------------------------------------------------------------------------------------


def test_a_refusal_uses_no_key_up_for_nothing_was_done(program):
    for url, body in ((DO, {"what": "x", "count": 0}), (f"{REFUSE}/conflict", {"a": 1})):
        refused, again = (post(program, url, key=url, **body) for _ in range(2))
        assert refused.status_code in (400, 409)
        assert (again.status_code, is_replayed(again)) == (refused.status_code, False)
    assert not IdempotentAnswer.objects.exists()

    assert post(program, DO, key=DO, what="x", count=1).status_code == 201


@pytest.mark.parametrize(("what", "status"), [("bug", 500), ("unavailable", 503), ("database", 500)])
@pytest.mark.django_db(transaction=True)
def test_what_broke_gives_the_key_back(program, what, status):
    answers = [post(program, f"{REFUSE}/{what}").status_code for _ in range(2)]

    assert answers == [status, status]
    assert trial.done == [what, what]
    assert not IdempotentAnswer.objects.exists()


def test_what_is_refused_before_it_begins_takes_no_key(program, settings):
    trial.done.clear()
    settings.THROTTLE_ACTS = 0

    throttled = post(program)
    settings.THROTTLE_ACTS = 1_000
    done = post(program)

    assert (throttled.status_code, done.status_code, is_replayed(done)) == (429, 201, False)


def test_an_answer_that_can_t_be_written_gives_the_key_back(program):
    assert post(program, "/api/v1/trial/broken").status_code == 500
    assert not IdempotentAnswer.objects.exists()


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_a_secret_that_is_shown_once_is_neither_kept_nor_shown_again(program):
    first, second = post(program, "/api/v1/trial/secret"), post(program, "/api/v1/trial/secret")

    assert "CANARY" in first.content.decode()
    assert (second.status_code, second.json()["code"]) == (409, "answer_not_kept")
    assert "CANARY" not in str(list(IdempotentAnswer.objects.values())) + second.content.decode()
    assert trial.done == ["x"]


def test_a_file_is_not_kept_either(program):
    first, second = post(program, "/api/v1/trial/file"), post(program, "/api/v1/trial/file")

    assert (first.content, second.status_code) == (b"a,b", 409)
    assert trial.done == ["x"]


def test_what_was_sent_is_kept_as_a_hash_only(program):
    post(program, what="x", secret="CANAR", price="1")

    stored = IdempotentAnswer.objects.values().get()
    assert "CANAR" not in str(stored)
    assert len(stored["fingerprint"]) == 64


def test_a_token_that_is_made_is_nobody_s_key(trader):
    body = {"username": trader.username, "password": "wrong", "name": "x"}

    client_of(None).post("/api/v1/tokens", body, content_type="application/json", headers={"Idempotency-Key": "k"})

    assert not IdempotentAnswer.objects.exists()


# --- at once, and died ------------------------------------------------------------------------------------------------


def in_thread(client, answers, **kwargs):
    """Ask in a thread with a connection of its own."""

    def ask():
        try:
            answers.append(post(client, **kwargs))
        finally:
            connections.close_all()

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_works_and_the_other_is_told_so(trader):
    text, answers = token_of(trader)[1], []
    trial.gate.clear()
    thread = in_thread(bearer(text), answers)
    assert trial.waiting.wait(20)

    second = post(bearer(text))
    other_body = post(bearer(text), what="y")
    trial.gate.set()
    thread.join(20)
    third = post(bearer(text))

    assert (second.status_code, second.json()["code"]) == (409, "key_in_use")
    assert other_body.status_code == 422
    assert (answers[0].status_code, is_replayed(third)) == (201, True)
    assert trial.done == ["x"]


def died(user, *, ago, key="a-key"):
    """The claim of a process that died so long ago, of the request that `post` sends."""
    post(program_of(user), key=key)
    trial.done.clear()
    claims = IdempotentAnswer.objects.filter(user=user, key=key)
    claims.update(status=None, body="", claimed_at=timezone.now() - ago)


@pytest.mark.parametrize(
    ("ago", "status"), [(AT_WORK - timedelta(seconds=10), 409), (AT_WORK + timedelta(seconds=1), 201)]
)
def test_what_a_dead_process_began_is_tried_again_when_it_must_be_over(trader, ago, status):
    died(trader, ago=ago)

    answer = post(program_of(trader))

    assert answer.status_code == status
    assert trial.done == (["x"] if status == 201 else [])
    assert timedelta(seconds=60) == AT_WORK


@pytest.mark.django_db(transaction=True)
def test_exactly_one_of_many_tries_it_again(trader):
    text, answers = token_of(trader)[1], []
    died(trader, ago=AT_WORK * 2)
    trial.gate.clear()
    trial.waiting.clear()

    threads = [in_thread(bearer(text), answers) for _ in range(4)]
    assert trial.waiting.wait(20)
    for thread in threads:
        thread.join(1)
    trial.gate.set()
    for thread in threads:
        thread.join(20)

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert trial.done == ["x"]


@pytest.mark.django_db(transaction=True)
def test_who_comes_back_late_overwrites_nothing(trader):
    """The first was thought dead; the second has answered meanwhile."""
    text, answers = token_of(trader)[1], []
    trial.gate.clear()
    thread = in_thread(bearer(text), answers)
    assert trial.waiting.wait(20)
    taken = {"claimed_at": timezone.now(), "status": 201, "body": json.dumps({"what": "the second"})}
    IdempotentAnswer.objects.update(**taken)

    trial.gate.set()
    thread.join(20)

    assert post(bearer(text)).json() == {"what": "the second"}


# --- how long ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ago", "replayed"), [(timedelta(hours=23, minutes=59), True), (timedelta(hours=24, seconds=1), False)]
)
def test_it_is_kept_for_a_day(program, ago, replayed):
    post(program)
    IdempotentAnswer.objects.update(claimed_at=timezone.now() - ago)

    assert is_replayed(post(program)) == replayed
    assert timedelta(hours=24) == KEPT


def test_what_nobody_can_ask_for_any_more_is_dropped(program):
    for key in ("old", "older", "new"):
        post(program, key=key)
    IdempotentAnswer.objects.exclude(key="new").update(claimed_at=timezone.now() - KEPT - timedelta(seconds=1))

    dropped = drop_old_answers(now=timezone.now())

    assert dropped == 2
    assert list(IdempotentAnswer.objects.values_list("key", flat=True)) == ["new"]


def test_it_costs_three_statements_more_and_a_second_answer_two(program, django_assert_num_queries):
    program.post(DO, {"what": "x"}, content_type="application/json")  # notes that the token is used
    with django_assert_num_queries(2):  # the token, and what its user may
        program.post(DO, {"what": "x"}, content_type="application/json")
    with django_assert_num_queries(8):  # these two, what is old, is it there?, a savepoint around the claim, the answer
        post(program)
    with django_assert_num_queries(4):
        post(program)

"""Refusals: one shape, whoever refuses, and nothing of ours in them but an id to ask about."""

import logging

import pytest
from django.test import Client
from django.urls import get_resolver

from tradebot_site.tests.api import trial
from tradebot_site.tests.api.callers import program_of
from tradebot_site.tests.people import client_of, person

pytestmark = [pytest.mark.django_db, pytest.mark.urls(trial.URLS)]
TOKENS, REFUSE, DO = "/api/v1/tokens", "/api/v1/trial/refuse", "/api/v1/trial/do"
SHAPE = {"code", "detail", "fields", "request_id"}


@pytest.fixture
def trader():
    return person("trader")


@pytest.fixture
def program(trader):
    client = program_of(trader)
    client.raise_request_exception = False
    return client


def said(answer):
    """The code of a refusal, which has the shape of all of them."""
    body = answer.json()
    assert answer["Content-Type"] == "application/json"
    assert set(body) == SHAPE
    assert body["request_id"] == answer["X-Request-ID"]
    assert isinstance(body["detail"], str)
    assert isinstance(body["fields"], dict)
    return answer.status_code, body["code"]


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ("http404", 404, "not_found"),
        ("denied", 403, "permission_denied"),
        ("conflict", 409, "conflict"),
        ("coded", 409, "is_running"),
        ("unprocessable", 422, "unprocessable"),
        ("unavailable", 503, "unavailable"),
        ("faults", 400, "invalid"),
        ("bug", 500, "error"),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_a_view_raises_becomes_a_refusal(program, method, what, status, code):
    assert said(getattr(program, method)(f"{REFUSE}/{what}", content_type="application/json")) == (status, code)


def test_what_was_said_is_told(program):
    assert program.get(f"{REFUSE}/http404").json()["detail"] == "there is no such thing"
    assert program.get(f"{REFUSE}/coded").json()["detail"] == "it is running"


def test_faults_are_told_by_field_however_deep_they_lie(program):
    deep, flat = program.get(f"{REFUSE}/deep").json(), program.get(f"{REFUSE}/faults").json()

    assert deep["fields"] == {"a": [{}, {"b": ["is wrong"]}], "non_field_errors": ["c"]}
    assert deep["detail"] == "a.b: is wrong c"
    assert (flat["fields"], flat["detail"]) == ({"": ["one", "two"]}, "one two")


def test_a_bug_tells_nothing_but_where_to_look(program, caplog):
    caplog.set_level(logging.ERROR)

    answer = program.get(f"{REFUSE}/bug")

    assert said(answer) == (500, "error")
    assert "ZeroDivisionError" not in answer.content.decode()
    assert any("division by zero" in record.exc_text for record in caplog.records if record.exc_info)


def test_a_broken_statement_is_a_bug_too(trader):
    client = program_of(trader)
    client.raise_request_exception = False

    assert said(client.get(f"{REFUSE}/database")) == (500, "error")


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/v1/tokens/", "/api/v1/tokens/x", "/hooks/v2"])
@pytest.mark.parametrize("method", ["get", "post", "head", "delete", "options"])
def test_an_unknown_address_is_one_of_the_api(path, method):
    answer = Client().generic(method.upper(), path)

    assert answer.status_code == 404
    if method != "head":
        assert said(answer) == (404, "not_found")


def test_outside_of_the_api_people_get_a_page():
    answer = Client().get("/nothing")

    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_who_is_nobody_is_told_to_come_in():
    answer = Client().get(TOKENS)

    assert said(answer) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("client", [Client(), None])
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("put", TOKENS, "GET, POST, HEAD"),
        ("options", TOKENS, "GET, POST, HEAD"),
        ("patch", f"{TOKENS}/1", "GET, DELETE, HEAD"),
        ("get", DO, "POST"),
        ("options", DO, "POST"),
        ("post", "/api/v1/schema", "GET, HEAD"),
        ("options", "/api/v1/docs", "GET, HEAD"),
        ("trace", TOKENS, "GET, POST, HEAD"),
    ],
)
def test_a_method_that_is_not_offered_is_405_for_everybody(program, client, method, path, allowed):
    answer = (client or program).generic(method.upper(), path)

    assert said(answer) == (405, "method_not_allowed")
    assert answer["Allow"] == allowed


@pytest.mark.parametrize("path", [TOKENS, "/api/v1/schema", "/api/v1/docs"])
def test_head_is_get_without_its_body(program, path):
    got, head = program.get(path), program.head(path)

    assert (got.status_code, head.status_code) == (200, 200)
    assert head["Content-Type"] == got["Content-Type"]


def test_head_needs_what_get_needs():
    assert Client().head(TOKENS).status_code == 401
    assert client_of(person("viewer")).head(TOKENS).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"X-CSRFToken": "nonsense"}])
def test_a_session_that_does_not_prove_where_it_comes_from(trader, headers):
    client = Client(enforce_csrf_checks=True)
    client.force_login(trader)

    answer = client.post(DO, {"what": "x"}, content_type="application/json", headers=headers)

    assert said(answer) == (403, "permission_denied")
    assert "CSRF" in answer.json()["detail"]


def test_the_same_where_django_asks_itself(rf, settings):
    """None of our views does; a page of a library under /api/ would."""
    failed = get_resolver().resolve_error_handler  # the urlconf of the test is loaded
    assert failed
    from django.middleware.csrf import _get_failure_view

    answer = _get_failure_view()(rf.post("/api/x"), reason="no cookie")
    page = _get_failure_view()(rf.post("/admin/x"), reason="no cookie")

    assert (answer.status_code, answer["Content-Type"]) == (403, "application/json")
    assert b'"permission_denied"' in answer.content
    assert (page.status_code, page["Content-Type"].split(";")[0]) == (403, "text/html")


def test_a_host_that_is_not_ours(client):
    assert said(client.get(TOKENS, headers={"host": "evil.example"})) == (400, "bad_request")


def test_an_address_with_too_many_parameters(program):
    query = "&".join(f"a{number}=1" for number in range(1_100))

    assert said(program.get(f"{TOKENS}?{query}")) == (400, "bad_request")


def test_a_body_that_is_too_large(program, settings):
    settings.API_MAX_BYTES = 100

    assert said(program.post(DO, {"what": "x" * 100}, content_type="application/json")) == (413, "too_large")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_a_body_that_is_no_json(program, kind):
    answer = program.post(DO, '{"what": "x"}', content_type=kind)

    assert said(answer) == (415, "unsupported_media_type")


def test_too_many_requests(program, settings, early_in):
    early_in(60)
    settings.THROTTLE_TOKEN = 1
    program.get(TOKENS)

    answer = program.get(TOKENS)

    assert said(answer) == (429, "throttled")
    assert 0 < int(answer["Retry-After"]) <= 60


def test_nothing_of_the_api_is_kept_by_a_cache_but_what_is_for_all(program):
    kept = {path: program.get(path)["Cache-Control"] for path in (TOKENS, "/api/nothing", "/api/v1/schema")}

    assert kept == {TOKENS: "no-store", "/api/nothing": "no-store", "/api/v1/schema": "public, max-age=300"}


def test_whatever_a_client_accepts_it_gets_json(program):
    answer = program.get(TOKENS, headers={"accept": "text/html"})

    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert said(program.get("/api/v1/tokens/1", headers={"accept": "image/png"}))[0] == 404

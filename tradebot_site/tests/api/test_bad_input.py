"""Bad input: the field, the bound and the value in the answer, and never a 500."""

import json
import time
from base64 import b64encode
from datetime import timedelta
from io import BytesIO

import pytest
from django.test import Client

from bots.models import Tick
from market.tests.factories import NOON
from tradebot_site.tests.api import trial
from tradebot_site.tests.api.callers import program_of
from tradebot_site.tests.people import person

pytestmark = [pytest.mark.django_db, pytest.mark.urls(trial.URLS)]
DO, TICKS, KILL = "/api/v1/trial/do", "/api/v1/trial/ticks", "/api/v1/kill-switch"

BODIES = [
    ("", "required"),
    ("{}", "required"),
    ("[]", "Expected a dictionary"),
    ("null", "No data provided"),
    ('"x"', "Expected a dictionary"),
    ("{", "JSON parse error"),
    ('{"what": "x"} {}', "JSON parse error"),
    ('{"what": NaN}', "JSON parse error"),
    ('{"what": "x", "ratio": Infinity}', "JSON parse error"),
    ('{"what": "x", "ratio": -Infinity}', "JSON parse error"),
    ('{"what": "x", "ratio": 1e400}', "larger than any"),
    ('{"what": "x", "more": {"a": [-1e999]}}', "larger than any"),
    ('{"what": "x", "what": "y"}', "a name stands twice"),
    ('{"what": "x", "more": {"a": 1, "a": 1}}', "a name stands twice"),
    ('{"what": "a\\u0000b"}', "NUL"),
    ('{"what": "x", "more": {"a\\u0000": 1}}', "NUL"),
    ('{"what": "x", "more": [[["\\u0000"]]]}', "NUL"),
    ('["\\u0000"]', "NUL"),
    ('"\\u0000"', "NUL"),
    ('{"what": "\\ud800"}', "half a character"),
    ('{"\\udfff": 1}', "half a character"),
    ('{"what": "x", "more": [{"a": ["\\ud83d"]}]}', "half a character"),
    (b'{"what": "\xff"}', "JSON parse error"),
    (b'\xef\xbb\xbf{"what": "x"}', "JSON parse error"),
    ('{"what": "x"}'.encode("utf-16"), "JSON parse error"),
    ("[" * 100_000, "nested too deeply"),
    ('{"a":' * 50_000, "nested too deeply"),
    ('{"what": "x", "more": ' + "[" * 33 + "]" * 33 + "}", "nested too deeply"),
    ('{"what": "x", "more": ' + '{"a":' * 500 + "1" + "}" * 500 + "}", "nested too deeply"),
    ('{"what": "x", "more": ' + "[" * 30 + "]" * 30 + "}", None),
    ('{"what": "x", "count": ' + "9" * 61 + "}", "at most 60 are taken"),
    ('{"what": "x", "count": ' + "9" * 100_000 + "}", "at most 60 are taken"),
    ('{"what": "x", "count": 11}', "Given: 11."),
    ('{"what": "x", "count": ' + "9" * 60 + "}", "Given: 99999999"),
    ('{"what": "x", "count": 1.5}', "Given: 1.5."),
    ('{"what": "x", "count": true}', "Given: True."),
    ('{"what": "x", "price": "NaN"}', "number"),
    ('{"what": "x", "price": "Infinity"}', "number"),
    ('{"what": "x", "price": "1e100000"}', "digits"),
    ('{"what": "x", "price": "-1e-100000"}', "digits"),
    ('{"what": "x", "price": "' + "9" * 5_000 + '"}', "too large"),
    ('{"what": "x", "price": {}}', "number"),
    ('{"what": "x", "inner": [1, 9]}', "inner"),
    ('{"what": "x", "inner": {"a": 1}}', "list"),
    ('{"what": ["x"]}', "Not a valid string"),
    ('{"what": "' + "x" * 21 + '"}', "no more than 20"),
    ('{"what": "x", "secret": "CANARY-secret"}', "secret"),
    ('{"what": "x", "wat": 1}', "known are: count, inner, more, price, ratio, secret, what"),
    ('{"what": "x", "api_key": "1"}', "is not known here"),
    ('{"what": "x", "' + "y" * 10_000 + '": 1}', "y" * 40),
]


def cursor(text):
    return b64encode(text.encode("ascii", "replace")).decode()


CURSORS = [
    "nonsense",
    "%",
    "=" * 10,
    "\u00e4",
    b64encode(b"\xff\xfe").decode(),
    cursor("p=x"),
    cursor("p="),
    cursor("p=1"),
    cursor("p=%00"),
    cursor("p=null"),
    cursor("p={}"),
    cursor('p={"a":1,"b":2}'),
    cursor("p=[]"),
    cursor('p=["x"]'),
    cursor('p=["x","y"]'),
    cursor("p=[1,2,3]"),
    cursor("p=[null]"),
    cursor("p=[null,null]"),
    cursor("p=[[1],{}]"),
    cursor("p=[NaN]"),
    cursor("p=[Infinity]"),
    cursor("p=[Infinity,1]"),
    cursor('p=["2026-01-01","x"]'),
    cursor('p=["2026-13-99T00:00:00Z",1]'),
    cursor('p=["%00",1]'),
    cursor("p=" + "[" * 2_000),
    cursor("r=x&p=[1]"),
    cursor("r=1&p=x"),
    cursor("o=-1&p=x"),
    cursor("o=99999999999999999999&p=x"),
    cursor("p=x&p=y"),
    cursor("b=1"),
    "",
]


QUERIES = [
    ("nonsense=1", "nonsense", "is not known here; known are: after, at, bots, cursor, fields, number, ordering, "),
    ("page_size=0", "page_size", "'0' is no number from 1 to 200"),
    ("page_size=201", "page_size", "'201'"),
    ("page_size=-1", "page_size", "'-1'"),
    ("page_size=", "page_size", "''"),
    ("page_size=1e1", "page_size", "'1e1'"),
    ("page_size=%D9%A3", "page_size", "no number"),
    (f"page_size={'9' * 5_000}", "page_size", "no number"),
    ("ordering=id", "ordering", "'id' is not possible; slot, started_at, -slot, -started_at is."),
    ("ordering=--slot", "ordering", "not possible"),
    ("ordering=", "ordering", "not possible"),
    ("ordering=slot,started_at", "ordering", "not possible"),
    ("ordering=owner__password", "ordering", "not possible"),
    ("fields=", "fields", "nothing can't be asked for"),
    ("fields=id,password", "fields", "password can't be asked for; id, slot, started_at can."),
    ("at=yesterday", "at", "Given: 'yesterday'."),
    ("at=2026-13-01T00:00:00Z", "at", "Given: "),
    ("bots=x", "bots", "Given: 'x'."),
    ("bots=NaN", "bots", "Given: 'NaN'."),
    ("bots=Infinity", "bots", "Given: "),
]


BEYOND = [
    "number=1e400",
    "number=1e1000000",
    "number=" + "9" * 1_000,
    "bots=1e30",
    "bots=-1e1000000",
    "bots=1.5",
    "at=0001-01-01T00:00:00%2B14:00",
    "after=9999-12-31T23:59:59-14:00",
    "at=%00",
    "at=%FF",
    "at=%ED%A0%80",
    "nonsense=%00",
    "%00=1",
    "%FF=1",
]


@pytest.fixture(autouse=True)
def nothing_done():
    trial.done.clear()


@pytest.fixture
def program(db):
    return program_of(person("operator"))


def send(client, body, **extra):
    """Post a body as it is."""
    text = body if isinstance(body, bytes) else body.encode()
    return client.generic("POST", DO, text, content_type="application/json", **extra)


# --- bodies -----------------------------------------------------------------------------------------------------------


def test_a_body_that_is_wrong_is_refused_with_words(program):
    wrong = {}
    for body, words in BODIES:
        trial.done.clear()
        answer = send(program, body)
        text, detail = answer.content.decode(), answer.json().get("detail", "")
        is_right = answer.status_code == (400 if words else 201) and (words or "") in detail
        if not is_right or "CANARY" in text or len(text) > 1_000 or trial.done != ([] if words else ["x"]):
            wrong[body[:80]] = (answer.status_code, text)

    assert wrong == {}


def test_a_value_that_is_told_is_cut(program):
    answer = send(program, json.dumps({"what": "x" * 5_000}))

    assert answer.json()["fields"]["what"] == [
        f"Ensure this field has no more than 20 characters. Given: '{'x' * 59}…."
    ]


def test_several_faults_are_told_at_once(program):
    answer = send(program, json.dumps({"count": 0, "price": "a"}))

    assert set(answer.json()["fields"]) == {"what", "count", "price"}


def test_a_megabyte_is_refused_before_it_is_read(program):
    answer = send(program, json.dumps({"what": "x" * 1_000_000}))

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "262144" in answer.json()["detail"]


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "9" * 30, "0000000000001073741824"])
def test_a_length_that_is_none(program, length):
    assert send(program, "{}", CONTENT_LENGTH=length).status_code in (400, 413)


def test_what_comes_in_chunks_is_read_and_bounded(program):
    def chunked(body):
        source = BytesIO(body)
        extra = {"wsgi.input": source, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_TYPE": "application/json"}
        return send(program, b"", **extra)

    small, large = chunked(b'{"what": "x"}'), chunked(json.dumps({"what": "x" * 1_000_000}).encode())

    assert (small.status_code, small.json()["what"]) == (201, "x")
    assert large.status_code == 413


def test_a_form_sent_with_a_session_is_no_empty_body():
    """Django reads it while it looks for the CSRF token; what was left of it looked like nothing at all."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("trader"))
    client.cookies["csrftoken"] = "a" * 32
    headers = {"X-CSRFToken": "a" * 32, "Idempotency-Key": "k"}

    answers = [client.post("/api/v1/trial/refuse/conflict", {"a": "b"}, headers=headers)]
    answers.append(client.post("/api/v1/trial/refuse/conflict", "--x", "multipart/form-data; boundary=x"))

    assert [answer.status_code for answer in answers] == [415, 415]


def test_json_is_json_whatever_stands_behind_it(program):
    kind = "Application/JSON; charset=utf-8"

    assert program.generic("POST", DO, b'{"what": "x"}', content_type=kind).status_code == 201


def test_numbers_beyond_all_ids_are_ids_of_nobody(program):
    body = {"state": "halted", "scope": "account", "account": 10**50, "reason": "x"}

    assert program.post(KILL, body, content_type="application/json").status_code in (400, 404)
    assert program.get(f"/api/v1/tokens/{10**17}").status_code == 404
    assert program.get(f"/api/v1/tokens/{10**50}").status_code == 404


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.fixture
def ticks(db):
    """Seven, of which five began at the same moment."""
    starts = [0, 1, 1, 1, 1, 1, 2]
    return [
        Tick.objects.create(slot=NOON + timedelta(minutes=number), started_at=NOON + timedelta(hours=start))
        for number, start in enumerate(starts)
    ]


def test_a_list_is_asked_only_what_it_knows(program, ticks):
    answers = {query: program.get(f"{TICKS}?{query}") for query, _, _ in QUERIES}

    assert {answer.status_code for answer in answers.values()} == {400}
    assert [query for query, field, words in QUERIES if words not in answers[query].json()["fields"][field][0]] == []
    assert [query for query, answer in answers.items() if len(answer.content) > 1_000] == []


def test_values_beyond_all_bounds_break_nothing_and_take_no_time(program, ticks):
    before = time.monotonic()

    answers = {query: program.get(f"{TICKS}?{query}") for query in BEYOND}

    assert time.monotonic() - before < 20
    assert {answer.status_code for answer in answers.values()} <= {200, 400}
    found = {query for query, answer in answers.items() if answer.status_code == 200 and answer.json()["results"]}
    assert found == set()


@pytest.mark.parametrize("path", ["/api/v1/tokens/%00", "/api/%FF", "/api/v1/%ED%A0%80", "/api/v1/%E2%80%AE/x"])
def test_an_address_of_odd_letters_leads_nowhere(program, path):
    assert program.get(path).status_code in (400, 404)


def test_one_row_is_asked_for_with_fields_and_nothing_else(program, ticks):
    url = f"{TICKS}/{ticks[0].pk}"

    assert program.get(f"{url}?fields=id").json() == {"id": ticks[0].pk}
    assert program.get(f"{url}?slot=1").status_code == 400
    assert program.get(f"{url}?fields=nonsense").status_code == 400


def test_a_list_shows_the_fields_that_were_asked_for(program, ticks):
    row = program.get(f"{TICKS}?fields=slot,id&page_size=1").json()["results"][0]

    assert set(row) == {"id", "slot"}


# --- pages ------------------------------------------------------------------------------------------------------------


def walk(client, url):
    """All pages of a list, by the addresses that it tells."""
    pages = []
    while url:
        page = client.get(url).json()
        pages.append([row["id"] for row in page["results"]])
        last, url = page, page["next"]
    return pages, last


@pytest.mark.parametrize("ordering", ["", "slot", "-slot", "started_at", "-started_at"])
def test_pages_follow_each_other_without_a_gap_there_and_back(program, ticks, ordering):
    for size in (1, 2, 3, 7, 200):
        _walk_there_and_back(program, ticks, ordering, size)


def _walk_there_and_back(program, ticks, ordering, size):
    ids = [tick.pk for tick in ticks]
    expected = ids if ordering in ("slot", "started_at") else ids[::-1]
    query = f"page_size={size}" + (f"&ordering={ordering}" if ordering else "")

    pages, last = walk(program, f"{TICKS}?{query}")
    back = []
    while last["previous"]:
        last = program.get(last["previous"]).json()
        back.insert(0, [row["id"] for row in last["results"]])

    assert [number for page in pages for number in page] == expected
    assert [number for page in back for number in page] == expected[: len(expected) - len(pages[-1])]
    assert all(len(page) <= size for page in pages)


def test_a_page_stays_where_it_is_when_rows_come_and_go(program, ticks):
    first = program.get(f"{TICKS}?page_size=3").json()
    Tick.objects.create(slot=NOON + timedelta(days=1), started_at=NOON)
    ticks[4].delete()

    second = program.get(first["next"]).json()

    assert [row["id"] for row in second["results"]] == [tick.pk for tick in (ticks[3], ticks[2], ticks[1])]


def test_more_rows_of_one_moment_than_a_page_could_count_are_all_there(program):
    rows = [Tick(slot=NOON + timedelta(minutes=number), started_at=NOON) for number in range(1_300)]
    Tick.objects.bulk_create(rows)

    pages, _ = walk(program, f"{TICKS}?page_size=200&ordering=-started_at")

    assert len({number for page in pages for number in page}) == 1_300


def test_a_page_costs_one_statement_and_begins_in_an_index(program, ticks, django_assert_num_queries):
    url = program.get(f"{TICKS}?page_size=2&ordering=-started_at").json()["next"]

    with django_assert_num_queries(3) as queries:  # the token, what its user may, the page
        program.get(url)

    assert '"started_at" <= ' in queries.captured_queries[-1]["sql"]


@pytest.mark.parametrize("ordering", ["", "slot", "-started_at"])
def test_a_cursor_that_we_have_not_made_is_not_found(program, ticks, ordering):
    answers = {
        given: program.get(TICKS, {"cursor": given} | ({"ordering": ordering} if ordering else {})) for given in CURSORS
    }

    assert {given: answer.content for given, answer in answers.items() if answer.status_code != 404} == {}
    assert {answer.json()["detail"] for answer in answers.values()} == {"Invalid cursor"}


@pytest.mark.parametrize("digits", [300, 2_000])
def test_a_position_behind_all_numbers_is_one(program, ticks, digits):
    answer = program.get(TICKS, {"cursor": cursor(f"p=[{'9' * digits}]")})

    assert len(answer.json()["results"]) == 7


def test_a_cursor_of_another_order_is_not_found(program, ticks):
    url = program.get(f"{TICKS}?page_size=2&ordering=slot").json()["next"]

    assert program.get(url.replace("ordering=slot", "ordering=started_at")).status_code == 200  # of the same type
    assert program.get(url.replace("&ordering=slot", "").replace("ordering=slot&", "")).status_code == 404

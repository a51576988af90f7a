"""Throttles: by address, user, token and act, for all processes; with Redis away what is harmful is counted here."""

import time

import pytest
from django.test import Client
from django_redis import get_redis_connection

from market.api import throttles
from market.api.throttles import address_key
from tradebot_site.tests.api import trial
from tradebot_site.tests.api.callers import bearer, program_of, token_of
from tradebot_site.tests.people import client_of, person

pytestmark = [pytest.mark.django_db, pytest.mark.urls(trial.URLS)]
TOKENS, DO, SCHEMA = "/api/v1/tokens", "/api/v1/trial/do", "/api/v1/schema"


@pytest.fixture(autouse=True)
def within_a_window(early_in):
    early_in(60)


@pytest.fixture
def trader():
    return person("trader")


@pytest.fixture
def redis_away(settings, tmp_path):
    default = settings.CACHES["default"] | {"LOCATION": f"unix://{tmp_path}/nobody.sock?db=1"}

    def go():
        settings.CACHES = {"default": default}

    return go


def act(client, what="x"):
    return client.post(DO, {"what": what}, content_type="application/json")


def statuses(times, ask, *args):
    return [ask(*args).status_code for _ in range(times)]


def test_a_token_has_its_own_count(trader, settings):
    settings.THROTTLE_TOKEN = 2
    first, second = (program_of(trader) for _ in range(2))

    assert statuses(3, first.get, TOKENS) == [200, 200, 429]
    assert statuses(1, second.get, TOKENS) == [200]
    assert statuses(1, client_of(trader).get, TOKENS) == [200]


def test_all_tokens_and_sessions_of_a_user_share_one(trader, settings):
    settings.THROTTLE_USER = 3
    clients = [program_of(trader), program_of(trader), client_of(trader)]

    assert [client.get(TOKENS).status_code for client in clients] == [200, 200, 200]
    assert [client.get(TOKENS).status_code for client in clients] == [429, 429, 429]
    assert program_of(person("viewer")).get(TOKENS).status_code == 200


def test_what_is_done_has_a_tighter_count_than_what_is_read(trader, settings):
    settings.THROTTLE_ACTS = 2
    client = program_of(trader)

    assert statuses(3, act, client) == [201, 201, 429]
    assert statuses(5, client.get, TOKENS) == [200] * 5
    assert act(client_of(trader)).status_code == 429


def test_who_is_over_is_told_when_again(trader, settings, monkeypatch):
    settings.THROTTLE_TOKEN = 0
    monkeypatch.setattr(time, "time", lambda: 60_000 * 60 + 17.5)

    answer = program_of(trader).get(TOKENS)

    assert answer["Retry-After"] == "43"
    assert "43 seconds" in answer.json()["detail"]


def test_the_next_minute_is_another_one(trader, settings, monkeypatch):
    settings.THROTTLE_TOKEN = 1
    client, now = program_of(trader), 60_000 * 60
    monkeypatch.setattr(time, "time", lambda: now)
    before = statuses(2, client.get, TOKENS)
    now += 60

    assert before + statuses(2, client.get, TOKENS) == [200, 429, 200, 429]


def test_an_address_is_counted_before_anybody_is_looked_up(trader, settings, django_assert_num_queries):
    settings.THROTTLE_ADDRESS = 2
    _, text = token_of(trader)

    answers = [Client(REMOTE_ADDR="10.0.0.1").get(path).status_code for path in (SCHEMA, "/api/nothing")]
    with django_assert_num_queries(0):
        third = bearer(text, REMOTE_ADDR="10.0.0.1").get(TOKENS)

    assert answers == [200, 404]
    assert (third.status_code, third.json()["code"]) == (429, "throttled")
    assert 0 < int(third["Retry-After"]) <= 60
    assert bearer(text, REMOTE_ADDR="10.0.0.2").get(TOKENS).status_code == 200


def test_pages_of_the_admin_are_not_counted(trader, settings):
    settings.THROTTLE_ADDRESS = 0

    assert client_of(trader).get("/admin/").status_code == 200


def test_one_network_of_ipv6_is_one_address(settings):
    settings.THROTTLE_ADDRESS = 1
    addresses = ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"]

    assert [Client(REMOTE_ADDR=each).get(SCHEMA).status_code for each in addresses] == [200, 429, 200]


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:DB8:1:2::", "2001:db8:1:2::"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.2", "10.0.0.2"),
        ("fe80::1%eth0", "fe80::"),
        ("::1", "::"),
        (None, "none"),
        ("", "none"),
    ],
)
def test_what_one_caller_can_have_many_of_is_one_key(address, key):
    assert address_key(address) == key


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, ["1.1.1.1", "2.2.2.2"], [200, 429]),  # nobody of ours has said it
        (1, ["1.1.1.1", "2.2.2.2"], [200, 200]),
        (1, ["6.6.6.6, 1.1.1.1", "7.7.7.7, 1.1.1.1"], [200, 429]),  # what stands left anybody may claim
        (2, ["1.1.1.1, 9.9.9.9", "2.2.2.2, 9.9.9.9"], [200, 200]),
    ],
)
def test_the_proxies_of_ours_decide_which_address_counts(settings, proxies, forwarded, expected):
    settings.PROXY_COUNT, settings.THROTTLE_ADDRESS = proxies, 1

    answers = [Client(headers={"x-forwarded-for": told}).get(SCHEMA).status_code for told in forwarded]

    assert answers == expected


def test_counts_are_forgotten(trader):
    program_of(trader).get(TOKENS)

    redis = get_redis_connection("default")
    keys = list(redis.scan_iter("throttle:*"))
    assert len(keys) == 3  # address, user, token
    assert all(60 < redis.ttl(key) <= 120 for key in keys)
    assert not any(b"127.0.0.1" not in key and b":" not in key for key in keys)


# --- Redis away -------------------------------------------------------------------------------------------------------


def test_while_redis_is_away_reads_go_on(trader, settings, redis_away, caplog):
    settings.THROTTLE_TOKEN = settings.THROTTLE_USER = settings.THROTTLE_ADDRESS = 1
    client = program_of(trader)
    redis_away()

    assert statuses(4, client.get, TOKENS) == [200] * 4
    assert len([record for record in caplog.records if "throttles are not shared" in record.getMessage()]) == 1


def test_what_is_done_is_counted_in_this_process(trader, settings, redis_away):
    settings.THROTTLE_ACTS = 2
    client = program_of(trader)
    redis_away()

    assert statuses(3, act, client) == [201, 201, 429]
    assert client.get(TOKENS).status_code == 200
    assert act(program_of(person("operator"))).status_code == 201


def test_once_it_is_back_it_counts_again(trader, settings, redis_away, monkeypatch):
    settings.THROTTLE_TOKEN = 2
    client, there = program_of(trader), settings.CACHES
    redis_away()
    statuses(3, client.get, TOKENS)

    settings.CACHES = there
    meanwhile = statuses(3, client.get, TOKENS)
    monkeypatch.setattr(throttles, "_asked_again_at", time.monotonic())  # a few seconds later
    after = statuses(3, client.get, TOKENS)

    assert (meanwhile, after) == ([200] * 3, [200, 200, 429])


def test_a_process_forgets_what_it_counted_in_another_minute():
    counts = throttles.Counts()

    assert [counts.add(["a"], window=1), counts.add(["a", "b"], window=1)] == [[1], [2, 1]]
    assert counts.add(["a"], window=2) == [1]

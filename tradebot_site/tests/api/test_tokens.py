"""Tokens: made with all that a login asks for, shown once, as far as their scope, revoked when they should be."""

import time
from datetime import timedelta
from unittest.mock import patch

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_otp.oath import TOTP

from market.switches import SwitchState
from market.tests.factories import UserFactory
from ops import second_factor, tokens
from ops.models import ApiToken
from tradebot_site.tests.api.callers import bearer, program_of, token_of
from tradebot_site.tests.people import PASSWORD, client_of, person

pytestmark = pytest.mark.django_db
TOKENS, KILL = "/api/v1/tokens", "/api/v1/kill-switch"
WRONG = {"code": "authentication_failed", "detail": "Name, password or code is wrong.", "fields": {}}


@pytest.fixture
def trader():
    return person("trader")


def ask(username, password=PASSWORD, *, address="10.0.0.1", **fields):
    body = {"username": username, "password": password, "name": "a program"} | fields
    return Client(REMOTE_ADDR=address).post(TOKENS, body, content_type="application/json")


def code_of(device, *, steps=0):
    clock = TOTP(bytes.fromhex(device.key.reveal()))
    clock.time = time.time() + 30 * steps
    return f"{clock.token():06d}"


def enrolled(user):
    """A user with a second factor, and the recovery codes."""
    device = second_factor.begin(user)
    return second_factor.confirm(user, code_of(device, steps=-1))


def press(client, state, user):
    body = {"state": state, "scope": "user", "user": user.username, "reason": "a test"}
    return client.post(KILL, body, content_type="application/json").status_code


def told(answer):
    """A refusal without the one thing in it that is always another one."""
    body = answer.json()
    body.pop("request_id")
    return body


# --- made -------------------------------------------------------------------------------------------------------------


def test_it_is_made_with_a_password_and_lets_in(trader):
    answer = ask(trader.username, scope="trade", expires_in_days=7)

    made = answer.json()
    assert answer.status_code == 201
    assert (made["name"], made["scope"], made["last_used_at"]) == ("a program", "trade", None)
    assert bearer(made["token"]).get(TOKENS).json()["results"][0]["id"] == made["id"]
    assert timedelta(days=6, hours=23) < ApiToken.objects.get().expiry - timezone.now() < timedelta(days=7)


def test_it_is_shown_once(trader):
    made = ask(trader.username).json()
    client = client_of(trader)

    listed, one = client.get(TOKENS), client.get(f"{TOKENS}/{made['id']}")

    assert one.json() == listed.json()["results"][0]
    assert made["token"] not in listed.content.decode() + one.content.decode()
    assert "token" not in one.json()


def test_only_its_hash_is_kept(trader):
    text = ask(trader.username).json()["token"]

    stored = str(list(ApiToken.objects.values())) + str(list(User.history.values()))

    assert len(text) == 64
    assert text not in stored
    assert text[20:] not in stored  # the first letters are kept, to know it by
    assert ApiToken.objects.get().token_key == text[:15]


def test_read_is_what_nobody_asked_for(trader):
    made = ask(trader.username).json()

    assert (made["scope"], ApiToken.objects.get().scope) == ("read", "read")
    assert timedelta(days=89) < ApiToken.objects.get().expiry - timezone.now() < timedelta(days=90)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"scope": "root"}, "scope"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"expires_in_days": 366}, "expires_in_days"),
        ({"expires_in_days": 10**50}, "expires_in_days"),
        ({"name": ""}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"name": ["x"]}, "name"),
        ({"admin": True}, "admin"),
        ({"password": None}, "password"),
    ],
)
def test_what_is_wrong_is_named(trader, wrong, field):
    answer = ask(trader.username, **wrong)

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]
    assert not ApiToken.objects.exists()


def test_neither_password_nor_code_is_in_an_answer_that_refuses(trader):
    answer = ask(trader.username, "hunter2" * 300, code="c0de" * 10)

    assert set(answer.json()["fields"]) == {"password", "code"}
    assert "hunter2" not in answer.content.decode()
    assert "c0de" not in answer.content.decode()


def test_a_long_password_is_one_too():
    long = "long password " * 20
    user = UserFactory(username="long")
    user.set_password(long)
    user.save()

    assert ask("long", long).status_code == 201


def test_two_of_one_name_are_not_made_but_by_two_users(trader):
    ask(trader.username)

    again, other = ask(trader.username), ask(person("viewer").username)

    assert (again.status_code, other.status_code) == (400, 201)
    assert again.json()["fields"] == {"name": ["You have a token of this name: 'a program'."]}


def test_there_are_so_many_and_no_more(trader, settings):
    settings.MAX_TOKENS_PER_OWNER = 2
    old, _ = token_of(trader, lives=timedelta(seconds=-1))
    token_of(trader)

    second, third = ask(trader.username, name="second"), ask(trader.username, name="third")

    assert (second.status_code, third.status_code) == (201, 409)
    assert third.json()["code"] == "too_many_tokens"
    assert third.json()["detail"] == "tokens: you have 2, and may have 2: revoke one."
    assert not ApiToken.objects.filter(pk=old.pk).exists()  # what has expired counts no more


def test_its_user_has_made_it_whoever_is_logged_in_beside(trader):
    body = {"username": trader.username, "password": PASSWORD, "name": "mine"}

    client_of(person("operator")).post(TOKENS, body, content_type="application/json")

    noted = trader.history.first()
    assert noted.changes == [["token", "", f"mine (read, until {ApiToken.objects.get().expiry:%Y-%m-%d})"]]
    assert noted.history_user == trader


# --- not made ---------------------------------------------------------------------------------------------------------


def test_an_unknown_name_and_a_wrong_password_are_answered_alike_and_cost_alike(trader):
    work = {}
    with patch("django.contrib.auth.hashers.PBKDF2PasswordHasher.encode", autospec=True) as encode:
        encode.return_value = "pbkdf2_sha256$10$salt$no"
        for name in (trader.username, "nobody"):
            with CaptureQueriesContext(connection) as queries:
                work[name] = told(ask(name, "wrong")), encode.call_count, len(queries)
            encode.reset_mock()

    assert work[trader.username] == work["nobody"]
    assert work["nobody"][0] == WRONG
    assert work["nobody"][1] > 0


def test_a_refusal_says_how_to_come_in(trader):
    answer = ask(trader.username, "wrong")

    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Token")


def test_with_a_second_factor_its_code_is_needed(trader):
    _, codes = enrolled(trader)

    without, wrong = ask(trader.username), ask(trader.username, code="000000")
    recovered = ask(trader.username, code=f" {codes[0].upper()[:5]} {codes[0].upper()[5:]} ")
    again = ask(trader.username, code=codes[0], name="b")

    assert [answer.status_code for answer in (without, wrong, recovered, again)] == [401, 401, 201, 401]
    assert told(without) == told(wrong) == told(again) == WRONG


def test_the_code_of_the_app_counts_once(trader):
    device, _ = enrolled(trader)
    code = code_of(device)

    answers = [ask(trader.username, code=code, name=name).status_code for name in "ab"]

    assert answers == [201, 401]


def test_staff_without_one_make_none_where_it_is_required(trader, settings):
    settings.SECOND_FACTOR_REQUIRED = True

    answer, other = ask(trader.username), ask(person("stranger").username)

    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_required")
    assert other.status_code == 201  # no staff, so the admin lets them in nowhere
    assert ask(trader.username, "wrong").status_code == 401  # only who has the password is told


def test_of_staff_a_token_counts_only_while_a_second_factor_stands_where_it_is_required(trader, settings):
    program = program_of(trader)
    enrolled(trader)
    settings.SECOND_FACTOR_REQUIRED = True

    with_factor = program.get(TOKENS).status_code
    second_factor.remove(trader)
    without = program.get(TOKENS).status_code
    settings.SECOND_FACTOR_REQUIRED = False
    not_required = program.get(TOKENS).status_code

    assert (with_factor, without, not_required) == (200, 401, 200)


def test_who_is_no_longer_active_makes_none(trader):
    User.objects.filter(pk=trader.pk).update(is_active=False)

    assert told(ask(trader.username)) == WRONG


# --- guessed ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["the-trader", "nobody"])
def test_five_wrong_passwords_lock_also_the_right_one_out(trader, name):
    answers = [ask(name, "wrong") for _ in range(5)]
    right = ask(name)

    assert [answer.status_code for answer in answers] == [401] * 4 + [429]
    assert (right.status_code, right.json()["code"]) == (429, "locked")
    assert set(right.json()) == {"code", "detail", "fields", "request_id"}
    assert right.json()["request_id"] == right["X-Request-ID"]
    assert 890 <= int(right["Retry-After"]) <= 900
    assert ask(name, address="10.0.0.2").status_code == (201 if name == trader.username else 401)


def test_who_comes_in_has_not_guessed(trader):
    for _ in range(4):
        ask(trader.username, "wrong")

    right = ask(trader.username)

    assert right.status_code == 201
    assert not AccessAttempt.objects.exists()


def test_a_right_password_with_a_wrong_code_forgets_nothing(trader):
    enrolled(trader)
    ask(trader.username, "wrong")

    ask(trader.username, code="000000")

    assert AccessAttempt.objects.get().failures_since_start == 1


def test_tries_of_one_address_are_counted_whoever_they_are_for(trader, settings, early_in):
    early_in(60)
    settings.THROTTLE_LOGIN = 3

    answers = [ask(name, "wrong") for name in "abcd"]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert answers[-1].json()["code"] == "throttled"
    assert 0 < int(answers[-1]["Retry-After"]) <= 60
    assert ask(trader.username).status_code == 429
    assert ask(trader.username, address="10.0.0.2").status_code == 201


def test_while_redis_is_away_tries_are_counted_here(trader, settings, tmp_path, early_in):
    early_in(60)
    settings.THROTTLE_LOGIN = 3
    default = settings.CACHES["default"] | {"LOCATION": f"unix://{tmp_path}/nobody.sock?db=1"}
    settings.CACHES = {"default": default}

    answers = [ask(name, "wrong").status_code for name in "abcd"]

    assert answers == [401, 401, 401, 429]
    assert ask(trader.username, address="10.0.0.2").status_code == 201


# --- used -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "may"),
    [
        ("read", {"list": 200, "halt": 403, "resume": 403, "revoke": 403}),
        ("trade", {"list": 200, "halt": 200, "resume": 403, "revoke": 403}),
        ("admin", {"list": 200, "halt": 200, "resume": 200, "revoke": 204}),
    ],
)
def test_it_reaches_as_far_as_its_scope(trader, scope, may):
    client, (other, _) = program_of(trader, scope), token_of(trader)

    answers = {
        "list": client.get(TOKENS).status_code,
        "halt": press(client, SwitchState.HALTED, trader),
        "resume": press(client, SwitchState.ACTIVE, trader),
        "revoke": client.delete(f"{TOKENS}/{other.pk}").status_code,
    }

    assert answers == may


def test_the_refusal_names_the_scope_that_is_needed(trader):
    token, _ = token_of(trader)

    answer = program_of(trader, "read").delete(f"{TOKENS}/{token.pk}")

    assert told(answer) == {
        "code": "permission_denied",
        "detail": "This token's scope is read; admin is needed.",
        "fields": {},
    }


def test_a_scope_gives_nothing_that_its_user_may_not(trader):
    viewer = person("viewer")

    assert press(program_of(viewer, "admin"), SwitchState.HALTED, viewer) == 403


def test_it_counts_until_it_expires_and_not_after(trader):
    token, text = token_of(trader, lives=timedelta(hours=1))
    before = bearer(text).get(TOKENS)

    ApiToken.objects.filter(pk=token.pk).update(expiry=timezone.now())
    after = bearer(text).get(TOKENS)

    assert (before.status_code, after.status_code) == (200, 401)
    assert told(after)["detail"] == "The token is wrong, has expired, or was revoked."


@pytest.mark.parametrize("header", ["Token", "Token a b", "Token \xff", "Token nonsense", "Token " + "0" * 64])
def test_what_is_no_token_is_refused_also_for_who_is_logged_in(trader, header):
    client = client_of(trader)

    answer = client.get(TOKENS, headers={"authorization": header})

    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Token")
    assert answer.json()["code"] == "authentication_failed"


def test_its_last_use_is_told_to_the_minute_for_one_write_a_minute(trader):
    token, text = token_of(trader)
    client, used = bearer(text), []
    for seconds_ago in (None, 30, 61):
        if seconds_ago:
            ApiToken.objects.update(last_used_at=timezone.now() - timedelta(seconds=seconds_ago))
        with CaptureQueriesContext(connection) as queries:
            client.get(TOKENS)
        used.append(sum("UPDATE" in query["sql"] for query in queries))

    token.refresh_from_db()
    assert used == [1, 0, 1]
    assert timezone.now() - token.last_used_at < timedelta(seconds=20)


def test_of_two_uses_at_once_one_writes(trader):
    token, _ = token_of(trader)
    now = timezone.now()
    stale = ApiToken.objects.get(pk=token.pk)
    tokens.note_use(token, now=now)

    tokens.note_use(stale, now=now + timedelta(seconds=1))

    assert ApiToken.objects.get().last_used_at == now


def test_it_needs_no_csrf_token_which_a_session_does(trader):
    program = Client(enforce_csrf_checks=True, headers={"authorization": f"Token {token_of(trader)[1]}"})
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(trader)

    assert press(program, SwitchState.HALTED, trader) == 200
    assert press(browser, SwitchState.HALTED, trader) == 403


# --- revoked ----------------------------------------------------------------------------------------------------------


def test_once_revoked_it_counts_no_more_and_that_is_told(trader):
    token, text = token_of(trader, "trade", name="old one")

    answer = client_of(trader).delete(f"{TOKENS}/{token.pk}")

    assert answer.status_code == 204
    assert bearer(text).get(TOKENS).status_code == 401
    assert trader.history.first().changes == [["token", "old one (trade)", "revoked"]]


def test_it_may_revoke_itself(trader):
    token, text = token_of(trader)

    assert bearer(text).delete(f"{TOKENS}/{token.pk}").status_code == 204
    assert bearer(text).get(TOKENS).status_code == 401


@pytest.mark.parametrize("role", ["trader", "operator", "administrator"])
def test_those_of_others_do_not_exist(role):
    token, _ = token_of(UserFactory())
    client = program_of(person(role))

    answers = [client.get(f"{TOKENS}/{token.pk}"), client.delete(f"{TOKENS}/{token.pk}"), client.get(TOKENS)]

    assert [answer.status_code for answer in answers] == [404, 404, 200]
    assert token.pk not in [row["id"] for row in answers[2].json()["results"]]
    assert ApiToken.objects.filter(pk=token.pk).exists()


def test_a_new_password_revokes_all_of_them(trader):
    text, other = token_of(trader)[1], token_of(UserFactory())[1]
    client = client_of(trader)

    client.post(
        "/admin/password_change/",
        {"old_password": PASSWORD, "new_password1": "another battery 9", "new_password2": "another battery 9"},
    )

    assert bearer(text).get(TOKENS).status_code == 401
    assert bearer(other).get(TOKENS).status_code == 200


def test_one_that_an_administrator_sets_does_so_too(trader):
    text = token_of(trader)[1]
    new = {"password1": "another battery 9", "password2": "another battery 9", "usable_password": "true"}

    answer = client_of(person("administrator")).post(f"/admin/auth/user/{trader.pk}/password/", new)

    assert answer.status_code == 302, answer.content.decode()
    assert bearer(text).get(TOKENS).status_code == 401


def test_one_by_command_does_so_too(trader):
    text = token_of(trader)[1]

    with patch("getpass.getpass", return_value="another battery 9"):
        call_command("changepassword", trader.username)

    assert bearer(text).get(TOKENS).status_code == 401


def test_a_password_that_is_only_hashed_anew_revokes_nothing(trader, monkeypatch):
    text = token_of(trader)[1]
    monkeypatch.setattr("django.contrib.auth.hashers.PBKDF2PasswordHasher.iterations", 11)

    ask(trader.username, name="b")

    trader.refresh_from_db()
    assert "$11$" in trader.password
    assert bearer(text).get(TOKENS).status_code == 200


def test_who_is_no_longer_active_gets_in_no_more(trader):
    text = token_of(trader)[1]

    User.objects.filter(pk=trader.pk).update(is_active=False)

    assert bearer(text).get(TOKENS).status_code == 401


def test_a_list_costs_the_same_however_long_it_is(trader):
    client = program_of(trader, "read")
    client.get(TOKENS)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get(TOKENS)
        counts.append(len(queries))
        for _ in range(5):
            token_of(trader)

    assert counts == [3, 3]  # the token with its user, what that may do, the list

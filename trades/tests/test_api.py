"""The kill switch over HTTP and from the command line."""

import json
from io import StringIO

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client

from market.models import ExchangeAccount, Switch
from market.tests.factories import ExchangeAccountFactory, UserFactory
from trades.models import Event
from trades.tests.factories import OrderFactory

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/api/v1/kill-switch"


@pytest.fixture(autouse=True)
def plain_http(settings):
    settings.SECURE_SSL_REDIRECT = False


def presser(**fields):
    """A user whose role lets press switches."""
    user = UserFactory(**fields)
    codenames = ("change_switch", "change_exchangeaccount")
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def post(caller, /, **press):
    client = Client()
    if caller:
        client.force_login(caller)
    answer = client.post(URL, {"state": "halted", "reason": "a test"} | press, content_type="application/json")
    return answer.status_code, answer.json()


def test_an_owner_halts_and_resumes_an_account():
    account = ExchangeAccountFactory(name="mine", owner=presser(username="bob"))
    OrderFactory(position__account=account)

    halted = post(account.owner, scope="account", account=account.pk)
    during = ExchangeAccount.objects.get().state
    resumed = post(account.owner, scope="account", account=account.pk, state="active")

    expected = {"target": "account mine of bob", "taken_back": 1, "canceled": 0, "pending": 0, "state": "halted"}
    assert halted == (200, expected)
    assert during == "halted"
    assert resumed[0] == 200
    assert ExchangeAccount.objects.get().state == "active"


def test_an_operator_halts_the_platform_and_any_user():
    root, bob = UserFactory(is_superuser=True), UserFactory(username="bob")

    assert post(root, scope="platform")[0] == 200
    assert post(root, scope="user", user="bob")[0] == 200

    assert set(Switch.objects.values_list("user", "state", "pressed_by")) == {
        (None, "halted", root.pk),
        (bob.pk, "halted", root.pk),
    }


@pytest.mark.parametrize(
    ("press", "status", "code", "words"),
    [
        ({"scope": "platform"}, 403, "permission_denied", "only an operator"),
        ({"scope": "user", "user": "victim"}, 404, "not_found", "no such user"),
        ({"scope": "user", "user": "nobody at all"}, 404, "not_found", "no such user"),
        ({"scope": "account", "account": "theirs"}, 404, "not_found", "no such account"),
        ({"scope": "account", "account": 987_654}, 404, "not_found", "no such account"),
        ({"scope": "account"}, 400, "invalid", "account: needed with the scope account."),
        ({"scope": "platform", "user": "victim"}, 400, "invalid", "user: does not go with the scope platform."),
        ({"scope": "galaxy"}, 400, "invalid", 'scope: "galaxy" is not a valid choice.'),
        ({"scope": "platform", "state": "asleep"}, 400, "invalid", 'state: "asleep" is not a valid choice.'),
        ({"scope": "platform", "reason": " "}, 400, "invalid", "reason: This field may not be blank."),
    ],
)
def test_a_press_that_is_refused_changes_nothing_and_says_why(press, status, code, words):
    theirs = ExchangeAccountFactory(owner__username="victim")
    named = {name: theirs.pk if value == "theirs" else value for name, value in press.items()}

    answered, body = post(presser(is_staff=True), **named)

    assert (answered, body["code"]) == (status, code)
    assert words in body["detail"]
    assert not Event.objects.exists()
    assert ExchangeAccount.objects.get().state == "active"


@pytest.mark.parametrize("scope", ["account", "user", "platform"])
def test_who_only_looks_presses_nothing_not_even_what_is_his_own(scope):
    account = ExchangeAccountFactory(owner__username="viewer")
    which = {"account": {"account": account.pk}, "user": {"user": "viewer"}, "platform": {}}[scope]

    answered, body = post(account.owner, scope=scope, **which)

    assert (answered, body["code"]) == (403, "permission_denied")
    assert "your role" in body["detail"]
    assert not Event.objects.exists()


def test_who_is_not_logged_in_presses_nothing():
    answered, body = post(None, scope="platform")

    assert answered == 401
    assert body.pop("request_id")
    assert body == {
        "code": "not_authenticated",
        "detail": "Authentication credentials were not provided.",
        "fields": {},
    }


def test_a_page_of_another_site_presses_nothing():
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory(is_superuser=True))

    answer = client.post(URL, {"scope": "platform", "state": "halted", "reason": "x"}, content_type="application/json")

    assert answer.status_code == 403
    assert not Event.objects.exists()


def test_reading_the_address_presses_nothing_and_tells_how_the_switches_stand(client):
    root = UserFactory(username="root", is_superuser=True)
    account = ExchangeAccountFactory(name="mine", owner__username="bob")
    post(root, scope="account", account=account.pk)
    events = Event.objects.count()
    client.force_login(root)

    told = client.get(URL).json()
    pressed = client.get(f"{URL}?pressed=true").json()

    rows = {row["target"]: row for row in told["switches"]}
    assert list(rows) == ["the platform", "user bob", "user root", "account mine of bob"]
    assert {name: row["state"] for name, row in rows.items() if row["state"] != "active"} == {
        "account mine of bob": "halted"
    }
    assert rows["the platform"] | {"state": ""} == {
        "scope": "platform",
        "user": None,
        "account": None,
        "target": "the platform",
        "state": "",
        "reason": "",
        "pressed_by": None,
        "pressed_at": None,
    }
    stopped = rows["account mine of bob"]
    assert (stopped["user"], stopped["account"], stopped["reason"]) == ("bob", account.pk, "a test")
    assert (stopped["pressed_by"], stopped["pressed_at"] is None) == ("root", False)
    assert pressed == {"switches": [rows["the platform"], stopped][1:], "is_cut": False}
    assert Event.objects.count() == events


@pytest.mark.parametrize(("query", "field"), [("pressed=perhaps", "pressed"), ("state=halted", "state")])
def test_the_standings_are_asked_for_in_known_words(client, query, field):
    client.force_login(UserFactory(is_superuser=True))

    answer = client.get(f"{URL}?{query}")

    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**40, True, "x", 1.5, None, [], {}])
def test_an_account_is_a_number_that_may_be_one(number):
    answered, body = post(presser(), scope="account", account=number)

    assert (answered, list(body["fields"])) == (400, ["account"])


def test_a_reason_has_a_bound_and_what_is_not_known_is_refused():
    long, more = post(presser(), scope="platform", reason="x" * 201), post(presser(), scope="platform", force=True)

    assert (long[0], list(long[1]["fields"])) == (400, ["reason"])
    assert (more[0], list(more[1]["fields"])) == (400, ["force"])


def command(*args):
    out = StringIO()
    call_command("kill_switch", *args, "--reason", "a test", stdout=out)
    return out.getvalue()


def test_the_command_presses_each_kind_of_switch():
    account = ExchangeAccountFactory(name="mine", owner__username="bob")

    told = [
        command("halt", "--platform"),
        command("reduce", "--user", "bob"),
        command("halt", "--account", str(account.pk)),
        command("resume", "--platform"),
    ]

    assert [text.splitlines()[0] for text in told] == [
        "the platform is halted",
        "user bob is reducing",
        "account mine of bob is halted",
        "the platform is active",
    ]
    account.refresh_from_db()
    assert (account.state, account.state_reason) == ("halted", "a test")
    assert dict(Switch.objects.values_list("user__username", "state")) == {None: "active", "bob": "reducing"}


def test_the_command_tells_json():
    assert json.loads(command("halt", "--platform", "--json")) == {
        "target": "the platform",
        "state": "halted",
        "taken_back": 0,
        "canceled": 0,
        "pending": 0,
    }


@pytest.mark.parametrize("unknown", [("--user", "nobody"), ("--account", "99")])
def test_the_command_refuses_what_does_not_exist(unknown):
    with pytest.raises(CommandError, match=f"there is no {unknown[0][2:]} {unknown[1]}"):
        command("halt", *unknown)

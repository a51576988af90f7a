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
    assert post(None, scope="platform") == (
        403,
        {"code": "not_authenticated", "detail": "Authentication credentials were not provided."},
    )


def test_a_page_of_another_site_presses_nothing():
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory(is_superuser=True))

    answer = client.post(URL, {"scope": "platform", "state": "halted", "reason": "x"}, content_type="application/json")

    assert answer.status_code == 403
    assert not Event.objects.exists()


def test_reading_the_address_presses_nothing(client):
    client.force_login(UserFactory(is_superuser=True))

    answer = client.get(URL)

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


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

"""Kill switches by tokens, and who sees how they stand."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from market.access import TokenScope
from market.models import ExchangeAccount
from market.tests.factories import ExchangeAccountFactory, UserFactory
from ops.tokens import make_token
from tradebot_site.tests.people import client_of, person

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/api/v1/kill-switch"


@pytest.fixture(autouse=True)
def plain_http(settings):
    settings.SECURE_SSL_REDIRECT = False


@pytest.fixture
def account():
    return ExchangeAccountFactory(name="mine", owner=person("trader"))


def press(account, state, scope):
    lives, now = timedelta(days=1), timezone.now()
    _, token = make_token(account.owner, name=f"{scope} {state} {now}", scope=scope, lives=lives, now=now)
    body = {"scope": "account", "account": account.pk, "state": state, "reason": "a test"}
    headers = {"Authorization": f"Token {token}"}
    answer = Client().post(URL, body, content_type="application/json", headers=headers)
    return answer.status_code, ExchangeAccount.objects.get(pk=account.pk).state, answer.json()


def test_a_token_that_trades_stops_and_releases_nothing(account):
    trade, admin = TokenScope.TRADE, TokenScope.ADMIN

    assert press(account, "reducing", trade)[:2] == (200, "reducing")
    assert press(account, "halted", trade)[:2] == (200, "halted")
    for state in ("active", "reducing"):
        status, now, told = press(account, state, trade)
        assert (status, now, told["code"]) == (403, "halted", "permission_denied")
        assert "needs the scope admin" in told["detail"]
    assert press(account, "reducing", admin)[:2] == (200, "reducing")
    assert press(account, "active", admin)[:2] == (200, "active")


def test_a_token_that_reads_presses_nothing(account):
    assert press(account, "halted", TokenScope.READ)[:2] == (403, "active")


def test_who_sees_which_switches(account):
    other = ExchangeAccountFactory(name="theirs", owner=UserFactory(username="another"))
    people = {role: person(role) for role in ("viewer", "operator")} | {"trader": account.owner}

    def seen(user):
        return [row["target"] for row in client_of(user).get(URL).json()["switches"]]

    assert seen(people["trader"]) == ["the platform", "user the-trader", "account mine of the-trader"]
    assert seen(people["viewer"]) == ["the platform", "user the-viewer"]
    assert seen(people["operator"]) == [
        *("the platform", "user another", "user the-operator", "user the-trader", "user the-viewer"),
        *(f"account {item.name} of {item.owner}" for item in (other, account)),
    ]
    assert client_of(person("stranger")).get(URL).status_code == 403
    assert client_of(None).get(URL).status_code == 401


def test_the_standings_take_as_many_statements_for_many_switches_as_for_one(account, django_assert_num_queries):
    operator = client_of(person("operator"))

    for number in (0, 8):
        for _ in range(number):
            ExchangeAccountFactory()
        with django_assert_num_queries(8):
            operator.get(URL)

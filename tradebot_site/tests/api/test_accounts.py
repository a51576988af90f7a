"""Accounts over the API: whose they are, what is told of them, and what can't be done to them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from market.access import TokenScope
from market.models import ExchangeAccount, RiskLimits, Switch
from market.tests.factories import NOON, ExchangeAccountFactory, UserFactory
from ops.tokens import make_token
from tradebot_site.tests.api.asking import KEY, SECRET, Caller
from tradebot_site.tests.conftest import full_bot
from tradebot_site.tests.people import person
from trades.models import Fill

FIELDS = {
    *("id", "owner", "name", "environment", "market", "key", "key_trouble", "may_withdraw", "is_ip_restricted"),
    *("permissions_checked_at", "trading", "cooldown_until", "reconciled_at", "free_quote", "balance_read_at"),
    *("equity", "equity_at", "live_consent_at", "created_at"),
}


@pytest.fixture
def trader(db):
    return Caller(person("trader"))


def mine(caller, **fields):
    return ExchangeAccountFactory(owner=caller.user, **{"api_key": KEY, "api_secret": SECRET} | fields)


def counted(caller):
    """How many statements the list of accounts costs, and the list."""
    with CaptureQueriesContext(connection) as statements:
        listed = caller.get("accounts", ordering="name")[1]["results"]
    return len(statements), listed


def test_an_account_tells_its_state_and_of_its_key_the_end_alone(trader):
    account = mine(trader, name="mine", free_quote="12.50", key_error="revoked")

    status, told = trader.get(f"accounts/{account.pk}")

    assert status == 200
    assert told.keys() == FIELDS
    assert (told["owner"], told["name"], told["key"]) == ("the-trader", "mine", f"…{KEY[-4:]}")
    assert (told["free_quote"], told["key_trouble"]) == ("12.5", "revoked")
    assert told["reconciled_at"] == "2026-11-21T12:00:30Z"
    assert told == trader.get("accounts")[1]["results"][0]


@pytest.mark.parametrize(
    ("role", "is_own", "shown"),
    [("operator", False, "…"), ("operator", True, f"…{KEY[-4:]}"), ("administrator", False, f"…{KEY[-4:]}")],
)
def test_the_end_of_a_key_is_for_its_owner_and_administrators(db, role, is_own, shown):
    caller = Caller(person(role))
    account = ExchangeAccountFactory(
        api_key=KEY, api_secret=SECRET, owner=caller.user if is_own else UserFactory(username="somebody")
    )

    assert caller.get(f"accounts/{account.pk}")[1]["key"] == shown
    assert caller.get("accounts")[1]["results"][0]["key"] == shown


def test_trading_tells_the_strictest_switch_and_each_of_them(trader):
    account = mine(trader, state="reducing", state_reason="books differ")
    Switch.objects.create(user=trader.user, state="halted", reason="holidays")
    Switch.objects.update_or_create(user=None, defaults={"state": "reducing", "reason": "maintenance"})

    trading = trader.get(f"accounts/{account.pk}")[1]["trading"]

    assert (trading["state"], trading["scope"], trading["reason"]) == ("halted", "user", "holidays")
    assert trading["account"] == {"state": "reducing", "reason": "books differ"}
    assert trading["user"] == {"state": "halted", "reason": "holidays"}
    assert trading["platform"] == {"state": "reducing", "reason": "maintenance"}


def test_the_list_is_filtered_ordered_and_costs_the_same_however_long_it_is(trader):
    mine(trader, name="b", market="futures")
    of_one, _ = counted(trader)
    for name in ("a", "c"):
        mine(trader, name=name)

    of_many, listed = counted(trader)

    assert [row["name"] for row in listed] == ["a", "b", "c"]
    assert [row["name"] for row in trader.get("accounts", market="futures")[1]["results"]] == ["b"]
    assert [row["name"] for row in trader.get("accounts", search="A", fields="name")[1]["results"]] == ["a"]
    assert of_many == of_one == 6  # session, user, two of what he may do, the accounts, the switches


@pytest.mark.parametrize(
    ("query", "field"),
    [({"nonsense": 1}, "nonsense"), ({"environment": "moon"}, "environment"), ({"ordering": "api_key"}, "ordering")],
)
def test_a_list_is_asked_for_nothing_that_it_does_not_know(trader, query, field):
    status, told = trader.get("accounts", **query)

    assert (status, told["code"], list(told["fields"])) == (400, "invalid", [field])


@pytest.mark.parametrize("role", ["stranger", "viewer", "trader"])
def test_the_account_of_another_user_does_not_exist(db, role):
    caller, theirs = Caller(person(role)), ExchangeAccountFactory(api_key=KEY, api_secret=SECRET)
    page = f"accounts/{theirs.pk}"
    expected = {"stranger": 403, "viewer": 403, "trader": 404}[role]

    assert caller.get(page)[0] == (403 if role == "stranger" else 404)
    assert caller.get(f"{page}/balances")[0] == (403 if role == "stranger" else 404)
    assert caller.patch(page, name="mine now")[0] == expected
    assert caller.post(f"{page}/test")[0] == expected
    assert caller.post(f"{page}/rotate", api_key="k", api_secret="s")[0] == expected
    assert caller.post(f"{page}/wipe")[0] == expected
    assert caller.delete(page) == expected
    if role != "stranger":
        assert caller.get("accounts")[1]["results"] == []
    theirs.refresh_from_db()
    assert theirs.api_key.reveal() == KEY


def test_an_operator_sees_an_account_of_another_user_and_does_not_set_its_keys(db):
    operator, theirs = Caller(person("operator")), ExchangeAccountFactory(api_key=KEY, api_secret=SECRET, name="theirs")

    for act, body in (("rotate", {"api_key": "k" * 20, "api_secret": "s" * 20}), ("wipe", {})):
        status, told = operator.post(f"accounts/{theirs.pk}/{act}", **body)
        assert (status, told["code"]) == (403, "permission_denied")
        assert "or an administrator's to set; halt it instead" in told["detail"]

    theirs.refresh_from_db()
    assert theirs.api_key.reveal() == KEY
    assert operator.get("accounts", owner=theirs.owner.username)[1]["results"][0]["name"] == "theirs"


def test_the_keys_of_an_account_are_wiped_and_its_history_stays(trader):
    account = full_bot(owner=trader.user).account

    status, told = trader.post(f"accounts/{account.pk}/wipe")

    account.refresh_from_db()
    assert (status, told["key"], told["key_trouble"]) == (200, "none", "the account has no API key")
    assert not account.api_key
    assert Fill.objects.filter(account=account).exists()


def test_an_account_is_renamed_and_nothing_else_of_it_changes(trader):
    account = mine(trader, name="before")
    mine(trader, name="taken")

    assert trader.patch(f"accounts/{account.pk}", name=" after ")[1]["name"] == "after"
    status, told = trader.patch(f"accounts/{account.pk}", name="taken")
    unknown = trader.patch(f"accounts/{account.pk}", environment="live", name="x")

    account.refresh_from_db()
    assert (status, told["fields"]) == (400, {"name": ["you have an account 'taken' already."]})
    assert (unknown[0], list(unknown[1]["fields"])) == (400, ["environment"])
    assert (account.name, account.environment, account.api_key.reveal()) == ("after", "paper", KEY)


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, None, [], {"a": 1}, True])
def test_a_name_that_is_none_is_refused(trader, name):
    account = mine(trader, name="before")

    status, told = trader.patch(f"accounts/{account.pk}", name=name)

    assert (status, list(told["fields"])) == (400, ["name"])


def test_an_account_is_deleted_while_nothing_refers_to_it_with_its_limits(trader):
    used, unused = full_bot(owner=trader.user).account, mine(trader)
    RiskLimits.objects.create(account=unused, max_exposure=5)

    status, told = trader._told(trader.client.delete(f"/api/v1/accounts/{used.pk}"))

    assert (status, told["code"]) == (409, "conflict")
    assert "has bots, orders by hand, positions, transfers" in told["detail"]
    assert trader.delete(f"accounts/{unused.pk}") == 204
    assert trader.delete(f"accounts/{unused.pk}") == 404
    assert list(ExchangeAccount.objects.all()) == [used]


@pytest.mark.parametrize(
    ("scope", "statuses"), [("read", [200, 403, 403]), ("trade", [200, 409, 403]), ("admin", [200, 409, 200])]
)
def test_a_token_reads_tests_and_sets_keys_as_far_as_its_scope_reaches(trader, scope, statuses):
    account = mine(trader, api_key="", api_secret="")
    _, text = make_token(
        trader.user, name="a token", scope=TokenScope(scope), lives=timedelta(days=1), now=timezone.now()
    )
    caller = Caller(None)
    caller.client.defaults["HTTP_AUTHORIZATION"] = f"Token {text}"
    page = f"accounts/{account.pk}"

    assert [caller.get(page)[0], caller.post(f"{page}/test")[0], caller.post(f"{page}/wipe")[0]] == statuses
    assert caller.post("accounts")[0] == (400 if scope == "admin" else 403)
    assert caller.patch(page, name="renamed")[0] == (200 if scope == "admin" else 403)
    assert caller.delete(page) == (204 if scope == "admin" else 403)


@pytest.mark.parametrize("page", ["0", "999999999999999999", "abc", "-1", "1.5"])
def test_what_is_no_account_is_not_found(trader, page):
    assert trader.get(f"accounts/{page}")[0] == 404
    assert trader.post(f"accounts/{page}/wipe")[0] == 404


def test_an_account_without_keys_is_tested_by_nobody(trader):
    account = mine(trader, api_key="", api_secret="")

    status, told = trader.post(f"accounts/{account.pk}/test")

    assert (status, told["code"]) == (409, "conflict")
    assert "has no API key" in told["detail"]
    assert trader.get(f"accounts/{account.pk}/balances")[0] == 409


def test_a_key_that_cannot_be_opened_is_a_conflict(trader):
    account = mine(trader)
    ExchangeAccount.objects.filter(pk=account.pk).update(api_key="nonsense")
    connection.cursor().execute("UPDATE market_exchangeaccount SET api_key = 'nonsense'")

    status, told = trader.post(f"accounts/{account.pk}/test")

    assert (status, told["code"]) == (409, "conflict")
    assert trader.get(f"accounts/{account.pk}")[1]["key"] == "unreadable"


def test_a_silenced_account_asks_nobody(trader):
    account = mine(trader, cooldown_until=NOON.replace(year=2100))

    for status, told in (trader.post(f"accounts/{account.pk}/test"), trader.get(f"accounts/{account.pk}/balances")):
        assert (status, told["code"]) == (503, "unavailable")
        assert "asked for silence until" in told["detail"]

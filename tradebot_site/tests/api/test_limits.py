"""Risk limits over the API: who sets them on whom, who sees them, and which can't be."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator

from market.models import RiskLimits
from market.tests.factories import ExchangeAccountFactory, UserFactory
from tradebot_site.tests.api.asking import Caller
from tradebot_site.tests.people import person

NOTHING = dict.fromkeys(
    [
        *("max_order_notional", "max_exposure", "max_symbol_exposure", "max_daily_loss"),
        *("max_open_positions", "max_open_orders", "max_orders_per_minute"),
    ]
)


@pytest.fixture
def trader(db):
    return Caller(person("trader"))


@pytest.fixture
def operator(db):
    return Caller(person("operator"))


@pytest.fixture
def account(trader):
    return ExchangeAccountFactory(owner=trader.user)


def test_an_owner_bounds_an_account_changes_a_bound_and_lifts_them_all(trader, account):
    status, made = trader.post(
        "limits", account=account.pk, max_exposure="1000.50", max_open_orders=5, time_zone="Europe/Berlin"
    )
    page = f"limits/{made['id']}"
    changed = trader.patch(page, max_exposure=None, max_daily_loss="50")
    unchanged = trader.patch(page)

    expected = NOTHING | {"id": made["id"], "account": account.pk, "user": None, "time_zone": "Europe/Berlin"}
    assert (status, made) == (201, expected | {"max_exposure": "1000.5", "max_open_orders": 5})
    assert changed == (200, expected | {"max_open_orders": 5, "max_daily_loss": "50"})
    assert trader.get(page) == unchanged == changed
    assert trader.get("limits")[1]["results"] == [changed[1]]
    assert (trader.delete(page), trader.delete(page), RiskLimits.objects.count()) == (204, 404, 0)


def test_what_changed_is_in_the_history_of_the_limits(trader, account):
    made = trader.post("limits", account=account.pk, max_open_orders=5)[1]

    trader.patch(f"limits/{made['id']}", max_open_orders=7)

    newest = RiskLimits.history.first()
    assert (newest.history_user, newest.changes) == (trader.user, [["max open orders", "5", "7"]])


def test_an_operator_bounds_accounts_of_others_and_users_who_see_it_and_lift_no_bound_of_a_user(
    operator, trader, account
):
    of_account = operator.post("limits", account=account.pk, max_open_orders=5)[1]
    of_user = operator.post("limits", user="the-trader", max_exposure="10")[1]

    seen = trader.get("limits")[1]["results"]
    refused = trader.patch(f"limits/{of_user['id']}", max_exposure="99"), trader.delete(f"limits/{of_user['id']}")

    assert {row["id"] for row in seen} == {of_account["id"], of_user["id"]}
    assert of_user["user"] == "the-trader"
    assert (refused[0][0], refused[0][1]["code"], refused[1]) == (403, "permission_denied", 403)
    assert "an operator's to set" in refused[0][1]["detail"]
    assert trader.post("limits", user="the-trader", max_exposure="99")[0] == 403
    assert RiskLimits.objects.get(user=trader.user).max_exposure == 10
    assert operator.patch(f"limits/{of_user['id']}", max_exposure="11")[1]["max_exposure"] == "11"


def test_limits_of_a_user_have_no_account_and_the_schema_says_so(operator, trader):
    told = operator.post("limits", user="the-trader", max_exposure="10")[1]
    schemas = SchemaGenerator().get_schema(public=True)["components"]["schemas"]

    nothing = [name for name in ("account", "user") if told[name] is None]
    assert nothing == ["account"]
    assert all(schemas["Limits"]["properties"][name]["nullable"] for name in ("account", "user"))


def test_limits_of_others_and_their_accounts_do_not_exist(trader):
    theirs = RiskLimits.objects.create(account=ExchangeAccountFactory(), max_exposure=1)
    RiskLimits.objects.create(user=UserFactory(username="victim"), max_exposure=1)
    page = f"limits/{theirs.pk}"

    assert trader.get("limits")[1]["results"] == []
    assert [trader.get(page)[0], trader.patch(page, max_exposure="5")[0], trader.delete(page)] == [404, 404, 404]
    status, told = trader.post("limits", account=ExchangeAccountFactory().pk, max_exposure="5")
    assert (status, list(told["fields"])) == (400, ["account"])
    status, told = trader.post("limits", user="victim", max_exposure="5")
    assert (status, list(told["fields"])) == (400, ["user"])
    assert (
        trader.post("limits", user="nobody at all")[1]["fields"]["user"][0].replace("nobody at all", "victim")
        == (told["fields"]["user"][0])
    )
    assert RiskLimits.objects.count() == 2


def test_a_viewer_reads_and_sets_nothing(db):
    viewer = Caller(person("viewer"))
    mine = RiskLimits.objects.create(account=ExchangeAccountFactory(owner=viewer.user), max_exposure=1)
    page = f"limits/{mine.pk}"

    assert viewer.get(page)[0] == 200
    assert viewer.patch(page, max_exposure="5")[0] == 403
    assert viewer.delete(page) == 403
    assert viewer.post("limits", account=ExchangeAccountFactory(owner=viewer.user).pk)[0] == 403


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"max_exposure": "-1"}, "max_exposure"),
        ({"max_daily_loss": "-0.01"}, "max_daily_loss"),
        ({"max_exposure": "NaN"}, "max_exposure"),
        ({"max_exposure": "Infinity"}, "max_exposure"),
        ({"max_exposure": "1" * 21}, "max_exposure"),
        ({"max_exposure": "0." + "1" * 19}, "max_exposure"),
        ({"max_exposure": []}, "max_exposure"),
        ({"max_open_orders": -1}, "max_open_orders"),
        ({"max_open_orders": 2**31}, "max_open_orders"),
        ({"max_open_orders": 1.5}, "max_open_orders"),
        ({"max_open_orders": "five"}, "max_open_orders"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"account": True}, "account"),
        ({"account": "1; drop"}, "account"),
        ({"account": 10**30}, "account"),
        ({"user": ["the-trader"]}, "user"),
        ({"user": "the-trader"}, "account"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_limits_that_cannot_be_are_refused_at_their_field(trader, account, limits, field):
    status, told = trader.post("limits", **{"account": account.pk} | limits)

    assert (status, told["code"], list(told["fields"])) == (400, "invalid", [field])
    assert not RiskLimits.objects.exists()


def test_limits_are_of_something_and_stay_of_it(trader, account):
    status, told = trader.post("limits", max_exposure="5")
    made = trader.post("limits", account=account.pk)[1]
    moved = trader.patch(f"limits/{made['id']}", account=ExchangeAccountFactory(owner=trader.user).pk)

    assert (status, told["fields"]) == (400, {"account": ["name either an account or a user."]})
    assert (moved[0], list(moved[1]["fields"])) == (400, ["account"])


def test_an_account_has_one_row_of_limits(trader, account):
    trader.post("limits", account=account.pk)

    status, told = trader.post("limits", account=account.pk)

    assert (status, told["code"]) == (409, "conflict")
    assert "change those" in told["detail"]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_set_limits_at_once_one_is_told_of_the_other():
    user, begun = person("trader"), Barrier(2)
    account = ExchangeAccountFactory(owner=user)

    def limit(number):
        try:
            caller = Caller(user)
            begun.wait(10)
            return caller.post("limits", account=account.pk, max_open_orders=number)[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(limit, (1, 2)))

    assert statuses == [201, 409]


def test_two_who_change_different_bounds_at_once_undo_nothing_of_each_other(trader, account):
    made = RiskLimits.objects.create(account=account, max_exposure=1, max_open_orders=1)
    read = RiskLimits.objects.get(pk=made.pk)
    trader.patch(f"limits/{made.pk}", max_exposure="7")
    from market.services import save_limits

    read.max_open_orders = 8
    save_limits(read, by=trader.user, changed=["max_open_orders"])

    made.refresh_from_db()
    assert (made.max_exposure, made.max_open_orders) == (7, 8)


def test_the_list_is_filtered_and_costs_the_same_however_long_it_is(operator):
    def counted():
        with CaptureQueriesContext(connection) as statements:
            rows = operator.get("limits")[1]["results"]
        return len(statements), len(rows)

    first = RiskLimits.objects.create(account=ExchangeAccountFactory(owner__username="bob"))
    of_one = counted()
    for _ in range(3):
        RiskLimits.objects.create(account=ExchangeAccountFactory())
    RiskLimits.objects.create(user=UserFactory(username="eve"))

    of_many = counted()

    assert (of_one, of_many) == ((5, 1), (5, 5))  # session, user, two of what he may do, the limits
    assert [row["id"] for row in operator.get("limits", owner="bob")[1]["results"]] == [first.pk]
    assert [row["user"] for row in operator.get("limits", owner="eve")[1]["results"]] == ["eve"]
    assert [row["id"] for row in operator.get("limits", account=first.account_id)[1]["results"]] == [first.pk]
    for wrong in ("1.5", "x", "-1", "1" * 30):
        assert operator.get("limits", account=wrong)[0] == 400


def test_the_bounds_of_the_platform_are_told(trader, settings):
    settings.MAX_ORDER_NOTIONAL, settings.RESTRICTED_SYMBOLS = "123.40", ["LUNAUSDT"]

    status, told = trader.get("limits/platform")

    assert status == 200
    assert (told["max_order_notional"], told["max_open_orders"]) == ("123.4", settings.MAX_OPEN_ORDERS)
    assert told["restricted_symbols"] == ["LUNAUSDT"]
    assert trader.get("limits/platform", x=1)[0] == 400

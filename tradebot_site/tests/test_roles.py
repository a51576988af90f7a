"""The four groups, and where an operator's rights end: at the keys of others."""

import pytest
from django.contrib.auth.models import Group, Permission

from market.models import SEE_ALL_ROWS, ExchangeAccount
from market.tests.factories import ExchangeAccountFactory, UserFactory
from ops import roles
from tradebot_site.tests.conftest import KEY, SECRET
from tradebot_site.tests.people import ROLES, client_of, group_of, person
from trades.services import is_operator

pytestmark = pytest.mark.django_db
LIST, ADD = "/admin/market/exchangeaccount/", "/admin/market/exchangeaccount/add/"
NEW_KEYS = {"new_api_key": KEY, "new_api_secret": SECRET}


def page_of(account):
    return f"{LIST}{account.pk}/change/"


def test_groups_are_made_once_and_set_right_again():
    made = roles.create_groups()
    viewer, own = Group.objects.get(name="viewer"), Group.objects.create(name="auditor")
    before = set(viewer.permissions.all())
    viewer.permissions.set(Permission.objects.all())
    history = viewer.history.count()

    again = roles.create_groups()

    assert (made, again) == (4, 0)
    assert set(Group.objects.values_list("name", flat=True)) == {*ROLES, "auditor"}
    assert set(viewer.permissions.all()) == before
    assert not own.permissions.exists()
    assert viewer.history.count() == history + 1


def test_making_them_again_changes_nothing():
    roles.create_groups()
    counts = [group.history.count() for group in Group.objects.order_by("pk")]

    roles.create_groups()

    assert [group.history.count() for group in Group.objects.order_by("pk")] == counts


def test_a_permission_that_is_gone_is_named(monkeypatch):
    monkeypatch.setitem(roles.ROLES, "viewer", frozenset({"bots.view_robot"}))

    with pytest.raises(LookupError, match=r"there is no permission bots.view_robot"):
        roles.create_groups()


def test_viewers_change_nothing():
    """But how they look at the list of bots, reports and channels of their own, and the tokens that count no more."""
    own = ("_savedview", "_apitoken", "_report", "_channel")
    others = [name for name in roles.VIEWER if not name.endswith(own)]
    assert {name.partition(".")[2].partition("_")[0] for name in others} == {"view"}


@pytest.mark.parametrize(
    ("role", "is_one"), [("viewer", False), ("trader", False), ("operator", True), ("administrator", True)]
)
def test_who_sees_all_is_decided_by_a_permission(role, is_one):
    assert is_operator(person(role)) is is_one


def test_a_group_of_ones_own_makes_operators_too():
    user = UserFactory(is_staff=True)
    group = Group.objects.create(name="night shift")
    app, codename = SEE_ALL_ROWS.split(".")
    group.permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))

    user.groups.add(group)

    assert is_operator(user)


def test_who_is_no_longer_active_is_no_operator():
    user = person("operator")
    user.is_active = False

    assert not is_operator(user)


def test_an_operator_neither_reads_nor_sets_nor_wipes_the_keys_of_others():
    client = client_of(person("operator"))
    account = ExchangeAccountFactory(name="theirs", api_key="old" * 10, api_secret="old" * 10)

    html = client.get(page_of(account)).content.decode()
    saved = client.post(page_of(account), {"name": "renamed"} | NEW_KEYS)
    given = [client.post(f"{LIST}{account.pk}/rotate/", {"api_key": KEY, "api_secret": SECRET}).status_code]
    given.append(client.post(f"{LIST}{account.pk}/wipe/", {"name": "renamed"}).status_code)

    account.refresh_from_db()
    assert "new_api_key" not in html
    assert saved.status_code == 302
    assert account.name == "renamed"
    assert account.api_key.reveal() == "old" * 10
    assert given == [403, 403]


def test_an_operator_adds_accounts_for_nobody_else():
    operator, other = person("operator"), UserFactory()

    form = {"name": "mine", "owner": other.pk, "environment": "paper", "market": "spot"}
    client_of(operator).post(ADD, form | NEW_KEYS)

    assert ExchangeAccount.objects.get().owner == operator


@pytest.mark.parametrize(("role", "is_own"), [("trader", True), ("operator", True), ("administrator", False)])
def test_ones_own_keys_and_an_administrator_everybodys_are_set_and_wiped(role, is_own):
    """That a new pair is tested before it counts is another test's."""
    user = person(role)
    account = ExchangeAccountFactory(owner=user) if is_own else ExchangeAccountFactory()
    client = client_of(user)

    asked = client.get(f"{LIST}{account.pk}/rotate/")
    wiped = client.post(f"{LIST}{account.pk}/wipe/", {"name": account.name})

    account.refresh_from_db()
    assert (asked.status_code, wiped.status_code) == (200, 302)
    assert account.api_key.reveal() == ""


@pytest.mark.parametrize("page", ["change", "delete"])
def test_the_groups_of_the_house_stay_as_they_are(page):
    client = client_of(person("administrator"))
    viewer, own = group_of("viewer"), Group.objects.create(name="auditor")

    answers = [
        client.post(f"/admin/auth/group/{group.pk}/{page}/", {"post": "yes", "name": "x"}).status_code
        for group in (viewer, own)
    ]

    assert answers == [403, 302]
    assert Group.objects.filter(name="viewer").exists()

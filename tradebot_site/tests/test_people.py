"""Users and groups in the admin: nobody raises themselves, rules over who may more, or vanishes from the history."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.urls import reverse

from bots.models import BotConfig
from market.tests.factories import ExchangeAccountFactory, UserFactory
from tradebot_site.tests.people import PASSWORD, client_of, group_of, person

pytestmark = pytest.mark.django_db
LIST = "/admin/auth/user/"
JOINED = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00"}
NEW_PASSWORD = {"password1": "a new horse battery", "password2": "a new horse battery", "usable_password": "true"}


@pytest.fixture
def administrator():
    return person("administrator")


@pytest.fixture
def helper():
    """One who keeps the users, and may look at bots: a mix of the house's own."""
    user = UserFactory(username="helper", is_staff=True)
    names = ["view_user", "add_user", "change_user", "delete_user", "view_group", "change_group", "view_botconfig"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


def page_of(user, page="change"):
    return reverse(f"admin:auth_user_{page}", args=[user.pk])


def save(client, user, **changes):
    """Save the form of a user, as it is but for the changes; returns the answer."""
    shown = {"username": user.username, "is_active": "on" if user.is_active else "", **JOINED}
    shown |= {"is_staff": "on" if user.is_staff else "", "groups": [group.pk for group in user.groups.all()]}
    shown |= {"user_permissions": [item.pk for item in user.user_permissions.all()]}
    return client.post(page_of(user), {name: value for name, value in (shown | changes).items() if value != ""})


def now(user):
    return User.objects.get(pk=user.pk)


@pytest.mark.parametrize("role", ["administrator", "superuser", "helper"])
def test_nobody_changes_their_own_rights(administrator, admin_user, helper, role):
    user = {"administrator": administrator, "superuser": admin_user, "helper": helper}[role]
    group = Group.objects.create(name="another")
    before = set(now(user).user_permissions.all()), set(now(user).groups.all())

    answer = save(
        client_of(user),
        user,
        first_name="Ada",
        is_superuser="" if user.is_superuser else "on",
        is_staff="",
        is_active="",
        groups=[group.pk],
        user_permissions=[Permission.objects.get(codename="see_all_rows").pk],
    )

    kept = now(user)
    assert answer.status_code == 302
    assert kept.first_name == "Ada"
    assert (kept.is_superuser, kept.is_staff, kept.is_active) == (user.is_superuser, True, True)
    assert (set(kept.user_permissions.all()), set(kept.groups.all())) == before


def test_nobody_deletes_themselves(administrator, admin_user, act):
    for user in (administrator, admin_user):
        client = client_of(user)

        answer = client.post(page_of(user, "delete"), {"post": "yes"})
        data = {"action": "delete_selected", "_selected_action": [user.pk], "post": "yes"}
        client.post(LIST, data, follow=True)

        assert answer.status_code == 403
        assert User.objects.filter(pk=user.pk).exists()


def test_ones_own_password_needs_the_old_one(administrator):
    client = client_of(administrator)

    for address in (page_of(administrator, "password_change"), f"{LIST}0{administrator.pk}/password/"):
        answer = client.post(address, NEW_PASSWORD)
        assert answer["Location"] == reverse("admin:password_change")

    assert now(administrator).check_password(PASSWORD)


def test_an_administrator_makes_no_superuser(administrator):
    trader = person("trader")

    answer = save(client_of(administrator), trader, is_superuser="on", first_name="Ada")

    assert answer.status_code == 302
    assert (now(trader).first_name, now(trader).is_superuser) == ("Ada", False)


def test_a_superuser_makes_one(admin):
    trader = person("trader")

    save(admin, trader, is_superuser="on")

    assert now(trader).is_superuser


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("who", ["administrator", "helper"])
def test_who_may_more_is_out_of_reach(administrator, admin_user, helper, who, is_active):
    """Also when switched off: who could set the password would switch them on again and be them."""
    user, other = (administrator, admin_user) if who == "administrator" else (helper, administrator)
    User.objects.filter(pk=other.pk).update(is_active=is_active)
    client = client_of(user)

    answers = [
        save(client, other, is_active="on", first_name="Ada"),
        client.post(page_of(other, "password_change"), NEW_PASSWORD),
        client.post(page_of(other, "delete"), {"post": "yes"}),
    ]
    data = {"action": "delete_selected", "_selected_action": [other.pk], "post": "yes"}
    client.post(LIST, data, follow=True)

    kept = now(other)
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert (kept.first_name, kept.is_active, kept.password) == ("", is_active, other.password)


def test_nobody_gives_what_they_do_not_have(helper):
    client, friend = client_of(helper), UserFactory(username="friend", is_staff=True)
    person("viewer")
    lookers = Group.objects.create(name="lookers")
    lookers.permissions.set(Permission.objects.filter(codename="view_botconfig"))
    strong = Permission.objects.get(codename="see_all_rows")
    weak = Permission.objects.get(codename="view_botconfig")

    refused = [
        save(client, friend, groups=[group_of("administrator").pk]),
        save(client, friend, groups=[group_of("viewer").pk]),
        save(client, friend, user_permissions=[strong.pk]),
    ]
    given = save(client, friend, groups=[lookers.pk], user_permissions=[weak.pk])

    assert [answer.status_code for answer in refused] == [200, 200, 200]
    assert given.status_code == 302
    assert (list(friend.groups.all()), list(friend.user_permissions.all())) == ([lookers], [weak])


def test_a_group_gets_no_more_than_one_has_either(helper):
    client = client_of(helper)
    weak, strong = Group.objects.create(name="weak"), Group.objects.create(name="strong")
    all_rows = Permission.objects.get(codename="see_all_rows")
    strong.permissions.add(all_rows)

    def save_group(group):
        address = reverse("admin:auth_group_change", args=[group.pk])
        return client.post(address, {"name": "renamed", "permissions": [all_rows.pk]}).status_code

    assert [save_group(weak), save_group(strong)] == [200, 403]
    assert not weak.permissions.exists()


def test_an_administrator_still_keeps_the_others(administrator):
    client, trader = client_of(administrator), person("trader")
    other = UserFactory(username="another", is_staff=True)
    other.groups.add(group_of("administrator"))

    save(client, trader, groups=[group_of("operator").pk])
    password = client.post(page_of(trader, "password_change"), NEW_PASSWORD)
    client.post(page_of(other, "delete"), {"post": "yes"})

    assert [group.name for group in trader.groups.all()] == ["operator"]
    assert password.status_code == 302
    assert now(trader).check_password(NEW_PASSWORD["password1"])
    assert not User.objects.filter(pk=other.pk).exists()


def test_who_has_changed_something_is_switched_off_not_deleted(admin):
    """Else the history would say that it was the system."""
    trader, operator, fresh = person("trader"), person("operator"), UserFactory(username="fresh")
    limits = {"time_zone": "UTC", "account": ExchangeAccountFactory().pk}
    client_of(operator).post("/admin/market/risklimits/add/", limits)

    asked = admin.get(page_of(operator, "delete")).content.decode()
    for user in (operator, fresh):
        admin.post(page_of(user, "delete"), {"post": "yes"})
    data = {"action": "delete_selected", "_selected_action": [operator.pk, trader.pk], "post": "yes"}
    admin.post(LIST, data, follow=True)

    assert "the history says what they changed" in asked
    assert set(User.objects.filter(pk__in=[operator.pk, trader.pk])) == {operator, trader}
    assert not User.objects.filter(pk=fresh.pk).exists()


def test_who_has_money_records_is_not_deleted(admin, everything):
    admin.post(page_of(everything.owner, "delete"), {"post": "yes"})

    assert BotConfig.objects.get().owner == everything.owner

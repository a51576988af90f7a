"""Saved views of the bots' list: kept under a name, shown to whom they are meant for, changed by their owner only."""

import pytest

from bots.models import SavedView, view_of
from bots.tests.factories import BotFactory
from tradebot_site.tests.conftest import staff_user

LIST, ADD = "/admin/bots/botconfig/", "/admin/bots/savedview/add/"


def tabs_of(page):
    return {tab.title: (tab.link, tab.is_shown) for tab in page.context["tabs"].tabs}


def test_the_present_view_is_saved_under_a_name_and_stands_above_the_list(admin, admin_user, db):
    BotFactory()
    shown = admin.get(f"{LIST}?status=error&q=alpha&p=1&o=-2")
    form = admin.get(shown.context["tabs"].save)
    query = form.context["adminform"].form["query"].value()

    page = admin.post(ADD, {"name": "broken", "query": query}, follow=True)

    assert query == "o=-2&q=alpha&status=error"
    assert SavedView.objects.get().user == admin_user
    assert page.redirect_chain == [(f"{LIST}?o=-2&q=alpha&status=error", 302)]
    assert tabs_of(page)["broken"] == (f"{LIST}?o=-2&q=alpha&status=error", True)
    assert page.context["tabs"].save == ""  # it is there already
    assert tabs_of(admin.get(LIST)) == {"All": (LIST, True), "broken": (f"{LIST}?o=-2&q=alpha&status=error", False)}


def test_others_see_a_view_that_is_shared_and_can_not_change_it(staff, staff_client, db):
    other = staff_user("other")
    hidden = SavedView.objects.create(user=other, name="hidden", query="status=error")
    shared = SavedView.objects.create(user=other, name="shared", query="status=paused", is_shared=True)

    assert set(tabs_of(staff_client.get(LIST))) == {"All", "shared (other)"}
    for view in (hidden, shared):
        url = f"/admin/bots/savedview/{view.pk}/"
        staff_client.post(f"{url}change/", {"name": "taken over", "query": "status=error"})
        staff_client.post(f"{url}delete/", {"post": "yes"})
    assert set(SavedView.objects.values_list("name", flat=True)) == {"hidden", "shared"}


def test_a_private_view_is_nobody_elses_and_a_shared_one_can_be_tidied_up_by_an_operator(admin, db):
    other = staff_user("other")
    hidden = SavedView.objects.create(user=other, name="hidden", query="status=error")
    shared = SavedView.objects.create(user=other, name="shared", query="status=paused", is_shared=True)

    for view in (hidden, shared):
        admin.post(f"/admin/bots/savedview/{view.pk}/delete/", {"post": "yes"})

    assert list(SavedView.objects.all()) == [hidden]


def test_own_views_come_first_however_many_others_share(staff, staff_client, db):
    other = staff_user("other")
    for number in range(40):
        SavedView.objects.create(user=other, name=f"a{number}", query=f"q={number}", is_shared=True)
    SavedView.objects.create(user=staff, name="mine", query="status=error")

    assert list(tabs_of(staff_client.get(LIST)))[:2] == ["All", "mine"]


def test_the_owner_renames_and_deletes(staff, staff_client, db):
    view = SavedView.objects.create(user=staff, name="old", query="status=error")

    staff_client.post(f"/admin/bots/savedview/{view.pk}/change/", {"name": "new", "query": view.query})
    assert SavedView.objects.get().name == "new"

    staff_client.post(f"/admin/bots/savedview/{view.pk}/delete/", {"post": "yes"})
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"name": "taken", "query": "status=error"}, "name", "a view named 'taken' already"),
        ({"name": "all", "query": "p=3"}, "query", "this is the whole list"),
        ({"name": "long", "query": f"q={'ü' * 400}"}, "query", "at most 500 are kept"),
        ({"name": "long", "query": "q=" + "x" * 600}, "query", "at most 500 characters"),
        ({"name": "", "query": "status=error"}, "name", "This field is required."),
    ],
)
def test_what_is_no_view_is_refused_at_its_field(staff, staff_client, db, typed, field, words):
    SavedView.objects.create(user=staff, name="taken", query="status=error")

    page = staff_client.post(ADD, typed)

    assert words in " ".join(page.context["adminform"].form.errors[field])
    assert SavedView.objects.count() == 1


def test_who_may_not_see_bots_has_no_views_of_them(staff, staff_client, db):
    staff.user_permissions.remove(*staff.user_permissions.filter(codename__endswith="botconfig"))

    assert staff_client.get("/admin/bots/savedview/").status_code == 403


def test_an_address_is_kept_in_one_order_without_what_says_which_page():
    assert view_of("?status=error&p=2&e=1&q=&o=1") == view_of("o=1&status=error") == "o=1&status=error"

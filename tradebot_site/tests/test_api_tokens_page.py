"""The list of API tokens in the admin: whose there are, none to be read, and their end."""

import pytest
from django.urls import reverse

from ops.models import ApiToken
from tradebot_site.tests.api.callers import bearer, token_of
from tradebot_site.tests.people import client_of, person

pytestmark = pytest.mark.django_db
LIST = "/admin/ops/apitoken/"


@pytest.fixture
def trader():
    return person("trader")


def test_it_tells_name_scope_and_times_and_nothing_that_lets_in(trader):
    token, text = token_of(trader, "trade", name="the grid program")

    pages = [client_of(trader).get(url).content.decode() for url in (LIST, f"{LIST}{token.pk}/change/")]

    for page in pages:
        assert "the grid program" in page
        assert "trade" in page
        for secret in (text, token.digest, text[:15]):
            assert secret not in page


def test_ones_own_are_revoked(trader, act):
    (mine, text), (other, _) = token_of(trader), token_of(trader)

    page = act(client_of(trader), LIST, "revoke", mine)

    assert "Revoked: 1." in page.content.decode()
    assert list(ApiToken.objects.all()) == [other]
    assert bearer(text).get("/api/v1/tokens", secure=True).status_code == 401
    assert trader.history.latest().changes == [["token", f"{mine.name} (admin)", "revoked"]]
    assert trader.history.latest().history_user == trader


@pytest.mark.parametrize(("role", "left"), [("viewer", 1), ("operator", 1), ("administrator", 0)])
def test_those_of_others_are_revoked_by_who_may_take_their_keys(trader, act, role, left):
    token, _ = token_of(trader)

    act(client_of(person(role)), LIST, "revoke", token)

    assert ApiToken.objects.count() == left


def test_there_is_no_way_to_make_or_change_one(trader):
    token, _ = token_of(trader)
    client = client_of(person("administrator"))

    answers = [client.post(f"{LIST}{page}").status_code for page in ("add/", f"{token.pk}/delete/")]

    assert answers == [403, 403]
    assert client.post(f"{LIST}{token.pk}/change/", {"name": "x"}).status_code == 403


def test_the_menu_leads_to_the_page_of_the_api(trader):
    page = client_of(trader).get("/admin/").content.decode()

    assert f'href="{reverse("api-docs")}"' in page
    assert f'href="{LIST}"' in page

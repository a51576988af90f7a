"""The page of an order: an operator asks the exchange about one that hangs."""

import pytest

from market.exchange.errors import ExchangeUnavailable
from market.tests.factories import NOON, ExchangeAccountFactory
from trades.models import Order
from trades.tests.factories import OrderFactory, PositionFactory
from trades.tests.gateways import FakeGateway, fill_report, order_report

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/trades/order/"


@pytest.fixture
def gateway(monkeypatch):
    fake = FakeGateway(found=order_report(fill_report()))
    monkeypatch.setattr("trades.services.reconciliation.gateway_for", lambda account: fake)
    return fake


def unknown(**values):
    return OrderFactory(status="unknown", signed_at=NOON, proof_deadline=NOON, **values)


def ask(order):
    return f"{LIST}{order.pk}/ask/"


def test_an_unknown_order_is_asked_about_and_booked(admin, gateway):
    order = unknown()

    page = admin.get(f"{LIST}{order.pk}/change/").content.decode()
    asked = admin.get(ask(order)).content.decode()
    before = Order.objects.get().status
    told = admin.post(ask(order), follow=True).content.decode()

    assert f'href="{ask(order)}"' in page
    assert "Our books say: unknown." in asked
    assert before == "unknown"  # a look asks nobody
    assert "was unknown, is filled; 0.01 of it is filled." in told
    assert Order.objects.get().status == "filled"


def test_what_is_in_the_way_is_said(admin, gateway):
    gateway.found = ExchangeUnavailable("read timeout")
    order = unknown()

    assert "read timeout" in admin.post(ask(order), follow=True).content.decode()
    assert Order.objects.get().status == "unknown"


def test_one_that_is_over_offers_nothing_to_ask(admin, gateway):
    order = OrderFactory(status="canceled")

    assert ask(order) not in admin.get(f"{LIST}{order.pk}/change/").content.decode()
    assert "is still canceled" in admin.post(ask(order), follow=True).content.decode()


def test_owners_ask_about_their_own_and_strangers_and_viewers_about_none(staff, staff_client, gateway):
    mine = unknown(position=PositionFactory(account=ExchangeAccountFactory(owner=staff)))
    theirs = unknown()

    answers = [staff_client.post(ask(order)).status_code for order in (theirs, mine)]
    staff.user_permissions.set(staff.user_permissions.filter(codename__startswith="view_"))
    again = staff_client.post(ask(mine)).status_code

    assert (answers, again) == ([404, 302], 403)
    assert Order.objects.get(pk=theirs.pk).status == "unknown"

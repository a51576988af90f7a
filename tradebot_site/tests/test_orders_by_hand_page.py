"""The list of what people asked for leads to the order that it became, and tells why there is none."""

import pytest
from django.urls import reverse

from market.tests.factories import NOON
from trades.models import OrderByHand

LIST = reverse("admin:trades_orderbyhand_changelist")


@pytest.fixture
def asked(everything) -> OrderByHand:
    return OrderByHand.objects.get()


def test_what_became_an_order_leads_to_it(admin, asked, everything):
    order = everything.position.orders.get()
    asked.end("done", order=order, now=NOON)
    page = reverse("admin:trades_order_change", args=[order.pk])

    for shown in (admin.get(LIST), admin.get(reverse("admin:trades_orderbyhand_change", args=[asked.pk]))):
        assert f'href="{page}"' in shown.content.decode()


def test_what_became_none_tells_why_and_is_found_by_it(admin, asked):
    asked.end("denied", code="notional_too_small", message="5 is below 10", now=NOON)

    found = admin.get(LIST, {"q": "notional_too"}).content.decode()
    by_task = admin.get(LIST, {"q": str(asked.task_id)}).content.decode()
    others = admin.get(LIST, {"q": "price_far"}).content.decode()
    by_status = admin.get(LIST, {"status__exact": "pending"}).content.decode()

    assert "5 is below 10" in found
    assert "5 is below 10" in by_task
    assert "5 is below 10" not in others
    assert "5 is below 10" not in by_status

"""What an order pays for notifications: nothing. Its news is in the outbox, and all the rest is others' work."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from market.exchange.errors import OrderRejected
from ops import notifications
from ops.models import Channel, Delivery, Notification
from trades.models import Event
from trades.services import submit_order
from trades.tests.factories import PositionFactory
from trades.tests.gateways import FakeGateway, fill_report, order_report
from trades.tests.test_orders import NOON, buy, intend

pytestmark = pytest.mark.django_db(transaction=True)
# What an order cost before there were notifications, from its intent until it was booked, or refused.
FILLED, REJECTED = 24, 18


@pytest.mark.parametrize(
    ("answer", "kind", "statements"),
    [
        (order_report(fill_report()), "order_filled", FILLED),
        (OrderRejected("no money", code=-2010), "order_rejected", REJECTED),
    ],
)
def test_an_order_neither_asks_nor_writes_nor_sends_anything_for_them(anna, mail, broker, answer, kind, statements):
    position = PositionFactory(account__owner=anna)
    with CaptureQueriesContext(connection) as queries:
        order = intend(position, buy())
        submit_order(order, gateway=FakeGateway(answer=answer), now=NOON)

    assert not [query["sql"] for query in queries if re.search(r"\bops_", query["sql"])]
    assert len(queries) == statements
    assert broker("notifications") == 0
    assert Event.objects.get(handled_at=None).kind == kind
    assert (Channel.objects.count(), Notification.objects.count()) == (0, 0)

    notifications.distribute_events(now=NOON)
    assert Notification.objects.get().user == anna
    assert Delivery.objects.count() == (kind == "order_rejected")

"""One order, asked about by a person: what the sweep would do with it, now, and never more."""

from datetime import timedelta

import pytest
from django.db import connection

from market.exchange.errors import ExchangeUnavailable
from market.exchange.types import ReportStatus
from market.models import ExchangeAccount
from market.tests.factories import NOON
from trades.models import Fill, Order
from trades.services import reconcile_order
from trades.tests.factories import OrderFactory
from trades.tests.gateways import FakeGateway, fill_report, order_report

pytestmark = pytest.mark.django_db(transaction=True)
SECOND = timedelta(seconds=1)


class Watching(FakeGateway):
    """Remembers that it was asked, and whether a transaction was open then."""

    asked = 0
    in_transaction = False

    def find_order(self, *args):
        self.asked += 1
        self.in_transaction |= connection.in_atomic_block
        return super().find_order(*args)


@pytest.fixture
def gateway(monkeypatch):
    fake = Watching()
    monkeypatch.setattr("trades.services.reconciliation.gateway_for", lambda account: fake)
    return fake


def order_that_is(status, **values):
    return OrderFactory(status=status, signed_at=NOON, proof_deadline=NOON + 20 * SECOND, **values)


def test_an_unknown_order_that_was_executed_is_booked_once_however_often_one_asks(gateway):
    order = order_that_is("unknown")
    gateway.found = order_report(fill_report())

    answers = [reconcile_order(order, now=NOON + SECOND) for _ in range(2)]
    stale = Order.objects.get(pk=order.pk)
    stale.status = "unknown"  # a page that was read before
    answers.append(reconcile_order(stale, now=NOON + SECOND))

    assert (answers, order.status, stale.status) == ([None] * 3, "filled", "filled")
    assert Fill.objects.count() == 1
    assert not gateway.in_transaction


def test_not_found_counts_as_it_does_for_the_sweep(gateway):
    order = order_that_is("unknown")

    statuses = []
    for seconds in (1, 21, 22, 27):
        reconcile_order(order, now=NOON + seconds * SECOND)
        statuses.append(order.status)

    assert statuses == ["unknown", "unknown", "unknown", "absent"]


@pytest.mark.parametrize("status", ["intended", "filled", "canceled"])
def test_what_was_never_sent_or_is_over_is_not_asked_about_and_never_sent(gateway, status):
    order = order_that_is(status, created_at=NOON - 10 * SECOND)

    assert reconcile_order(order, now=NOON) is None

    assert (gateway.asked, gateway.sent, order.status) == (0, [], status)


def test_one_that_a_worker_is_just_sending_is_left_to_it(gateway):
    order = order_that_is("submitted")

    reconcile_order(order, now=NOON + SECOND)
    at_once = gateway.asked
    reconcile_order(order, now=NOON + 21 * SECOND)

    assert (at_once, gateway.asked) == (0, 1)


def test_what_is_in_the_way_is_told(gateway):
    order = order_that_is("open")
    gateway.found = ExchangeUnavailable("read timeout")

    away = reconcile_order(order, now=NOON)
    ExchangeAccount.objects.update(cooldown_until=NOON + 30 * SECOND)
    silent = reconcile_order(Order.objects.get(), now=NOON)

    assert str(away) == "read timeout"
    assert f"silence until {NOON + 30 * SECOND:%H:%M:%S} UTC" in str(silent)
    assert gateway.asked == 1


def test_an_open_order_stays_open(gateway):
    order = order_that_is("open")
    gateway.found = order_report(status=ReportStatus.OPEN)

    assert reconcile_order(order, now=NOON) is None
    assert order.status == "open"

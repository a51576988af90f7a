from datetime import timedelta

import pytest

from market.exchange.errors import ExchangeUnavailable
from market.tests.factories import NOON
from trades.models import Order
from trades.services import reconcile_orders
from trades.tests.factories import OrderFactory
from trades.tests.gateways import FakeGateway, fill_report, order_report

pytestmark = pytest.mark.django_db(transaction=True)
DEADLINE = NOON + timedelta(seconds=20)


@pytest.fixture
def gateway(monkeypatch):
    fake = FakeGateway()
    monkeypatch.setattr("trades.services.reconciliation.gateway_for", lambda account: fake)
    return fake


def unknown(**values):
    return OrderFactory(**{"status": "unknown", "signed_at": NOON, "proof_deadline": DEADLINE} | values)


def after(seconds: float):
    return NOON + timedelta(seconds=seconds)


def test_an_unknown_order_that_was_executed_is_found_and_booked(gateway):
    order = unknown()
    gateway.found = order_report(fill_report())

    reconcile_orders(now=after(1))

    order.refresh_from_db()
    assert order.status == "filled"


def test_not_found_before_the_deadline_proves_nothing(gateway):
    unknown()

    for second in (1, 10, 19):
        reconcile_orders(now=after(second))

    assert Order.objects.get().status == "unknown"


def test_an_order_is_absent_after_two_not_founds_some_seconds_apart_past_the_deadline(gateway):
    unknown()

    statuses = []
    for second in (21, 22, 27):
        reconcile_orders(now=after(second))
        statuses.append(Order.objects.get().status)

    assert statuses == ["unknown", "unknown", "absent"]


def test_a_question_that_fails_proves_nothing(gateway):
    unknown()
    gateway.found = ExchangeUnavailable("down")

    for second in (21, 30, 300):
        reconcile_orders(now=after(second))

    assert Order.objects.get().status == "unknown"


def test_a_submitted_order_is_asked_for_once_its_worker_must_have_died(gateway):
    unknown(status="submitted")
    gateway.found = order_report(fill_report())

    reconcile_orders(now=after(19))
    early = Order.objects.get().status
    reconcile_orders(now=after(21))

    assert (early, Order.objects.get().status) == ("submitted", "filled")


def test_an_order_left_behind_is_sent_while_it_is_fresh(gateway):
    OrderFactory()

    reconcile_orders(now=after(4))
    too_early = len(gateway.sent)
    reconcile_orders(now=after(6))

    assert (too_early, len(gateway.sent)) == (0, 1)
    assert Order.objects.get().status == "filled"


def test_an_order_left_behind_too_long_is_dropped(gateway):
    OrderFactory()

    reconcile_orders(now=after(31))

    assert gateway.sent == []
    assert Order.objects.get().status == "canceled"


def test_an_account_that_cannot_be_reached_does_not_keep_others_waiting(monkeypatch):
    stuck, lucky = unknown(), unknown()
    working = FakeGateway(found=order_report(fill_report()))
    gateways = {stuck.position.account_id: FakeGateway(found=ExchangeUnavailable("down"))}
    monkeypatch.setattr("trades.services.reconciliation.gateway_for", lambda account: gateways.get(account.pk, working))

    reconcile_orders(now=after(1))

    stuck.refresh_from_db()
    lucky.refresh_from_db()
    assert (stuck.status, lucky.status) == ("unknown", "filled")

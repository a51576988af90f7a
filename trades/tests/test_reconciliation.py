import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection

from market.exchange.errors import ExchangeUnavailable
from market.exchange.types import OpenOrder, ReportStatus
from market.locks import advisory_lock
from market.models import ExchangeAccount
from market.tests.factories import NOON
from market.types import Side
from trades import services
from trades.models import Order
from trades.services import reconcile_orders
from trades.tests.factories import OrderFactory, PositionFactory
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


def test_an_order_that_cannot_be_booked_does_not_keep_others_hanging(gateway, monkeypatch):
    poison, healthy = unknown(created_at=NOON - timedelta(minutes=1)), unknown()
    gateway.found = order_report(fill_report())
    real = services.books.record_report

    def fail_for_one(order, report, **kwargs):
        if order.pk == poison.pk:
            raise IntegrityError("trade_booked_once")
        real(order, report, **kwargs)

    monkeypatch.setattr("trades.services.books.record_report", fail_for_one)
    reconcile_orders(now=after(1))

    healthy.refresh_from_db()
    assert healthy.status == "filled"


def test_orders_of_a_dead_account_do_not_starve_the_others(monkeypatch):
    monkeypatch.setattr("trades.services.reconciliation.ORDERS_PER_SWEEP", 2)
    dead = [unknown() for _ in range(3)]
    healthy = unknown()
    working = FakeGateway(found=order_report(fill_report()))
    down = FakeGateway(found=ExchangeUnavailable("down"))
    dead_accounts = {order.position.account_id for order in dead}
    monkeypatch.setattr(
        "trades.services.reconciliation.gateway_for", lambda account: down if account.pk in dead_accounts else working
    )

    for second in (1, 2):
        reconcile_orders(now=after(second))

    healthy.refresh_from_db()
    assert healthy.status == "filled"


def test_many_orders_of_one_silent_account_do_not_fill_every_sweep(monkeypatch):
    monkeypatch.setattr("trades.services.reconciliation.ORDERS_PER_SWEEP", 2)
    dead = unknown()
    for _ in range(5):
        unknown(position=PositionFactory(account=dead.position.account))
    healthy = unknown()
    working = FakeGateway(found=order_report(fill_report()))
    down = FakeGateway(found=ExchangeUnavailable("down"))
    monkeypatch.setattr(
        "trades.services.reconciliation.gateway_for",
        lambda account: down if account.pk == dead.position.account_id else working,
    )

    for second in (1, 2, 3, 4):
        reconcile_orders(now=after(second))

    healthy.refresh_from_db()
    assert healthy.status == "filled"


def test_a_silenced_account_is_not_asked(gateway):
    order = unknown()
    ExchangeAccount.objects.update(cooldown_until=after(60))
    gateway.found = order_report(fill_report())

    assert reconcile_orders(now=after(1)) == 0

    order.refresh_from_db()
    assert order.status == "unknown"


def test_one_sweep_runs_at_a_time(gateway):
    unknown()
    looked_at = []

    def sweep():
        looked_at.append(reconcile_orders(now=after(1)))
        connection.close()

    with advisory_lock(services.reconciliation.SWEEP_LOCK) as ours:
        thread = threading.Thread(target=sweep)
        thread.start()
        thread.join(10)

    assert ours
    assert looked_at == [0]


def test_an_open_order_is_never_called_absent(gateway):
    unknown(status="open")

    for second in (21, 30, 300):
        reconcile_orders(now=after(second))

    assert Order.objects.get().status == "open"


def resting_at(account, symbol, times=1):
    """Open orders that the exchange lists as they are."""
    orders = [
        unknown(status="open", asked_at=NOON, position=PositionFactory(account=account, symbol=symbol))
        for _ in range(times)
    ]
    return [
        OpenOrder(
            symbol, order.client_order_id, order.pk, "STOP", Side.SELL, order.quantity, Decimal(0), Decimal(1), True
        )
        for order in orders
    ]


def test_what_rests_is_asked_for_twice_a_minute_with_one_question_for_a_symbol(gateway):
    account = PositionFactory().account
    gateway.open = resting_at(account, "BTCUSDT", 3) + resting_at(account, "ETHUSDT", 2)

    looked_at = [reconcile_orders(now=after(second)) for second in (10, 29, 31, 40, 62)]

    assert sorted(gateway.listed) == ["BTCUSDT", "BTCUSDT", "ETHUSDT", "ETHUSDT"]
    assert looked_at == [0] * 5


def test_many_symbols_are_one_question(gateway, monkeypatch):
    monkeypatch.setattr("trades.services.reconciliation.MOST_LISTS", 1)
    account = PositionFactory().account
    gateway.open = resting_at(account, "BTCUSDT", 2) + resting_at(account, "ETHUSDT", 2)

    reconcile_orders(now=after(31))

    assert gateway.listed == [None]


def test_an_order_whose_cancel_is_wished_for_is_asked_for_in_every_sweep(gateway):
    order = unknown(status="open", asked_at=NOON, cancel_requested_at=NOON)
    gateway.found = order_report(status=ReportStatus.OPEN)

    reconcile_orders(now=after(1))

    assert gateway.canceled == [order.client_order_id]

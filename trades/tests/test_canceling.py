"""Canceling by hand, or by a press over the web: the wish is written down, and nobody waits long for an exchange."""

from datetime import timedelta
from decimal import Decimal
from threading import BoundedSemaphore
from time import monotonic
from types import SimpleNamespace

import pytest
from django.utils import timezone

from market.exchange.types import ReportStatus
from market.patience import at_most
from market.switches import SwitchState
from market.tests.factories import ExchangeAccountFactory
from market.types import OrderType, Side
from trades import services
from trades.models import Order
from trades.tests.factories import OrderFactory
from trades.tests.gateways import FakeGateway, order_report

pytestmark = pytest.mark.django_db(transaction=True)
OPEN, CANCELED = order_report(status=ReportStatus.OPEN), order_report(status=ReportStatus.CANCELED)
LOW = services.HandOrder("BTCUSDT", Side.BUY, Decimal("0.01"), OrderType.LIMIT, Decimal(49_000))


def cancel(order):
    return services.cancel_by_hand(order.pk, by=order.position.account.owner, now=timezone.now())


def sweep():
    services.reconcile_orders(now=timezone.now() + timedelta(seconds=30))


def rests(account=None, **changes):
    now = timezone.now()
    told = {"type": "limit", "price": Decimal(49_000), "signed_at": now, "proof_deadline": now, "status": "open"}
    return OrderFactory(position__account=account or ExchangeAccountFactory(), position__by_hand=True, **told | changes)


@pytest.fixture
def gateway(monkeypatch):
    """An exchange that cancels what it is told to."""
    fake = FakeGateway(found=CANCELED)
    for where in ("canceling", "withdrawing", "reconciliation"):
        monkeypatch.setattr(f"trades.services.{where}.gateway_for", lambda account: fake)
    return fake


@pytest.fixture
def hangs(paper, monkeypatch):
    """`hangs()` lets the exchange answer to no cancel; who waits for us waits half a second, not five."""
    monkeypatch.setattr("market.patience.SECONDS", 0.5)
    yield lambda: paper.admin(
        "POST", "/paper/faults", {"fault": "delay_before", "match": {"method": "DELETE"}, "delay_seconds": 60}
    )
    paper.admin("DELETE", "/paper/faults", {})


def take_all_places(monkeypatch):
    places = BoundedSemaphore(1)
    places.acquire()
    monkeypatch.setattr("market.patience._places", places)


def test_an_exchange_that_hangs_holds_nobody_and_the_sweep_cancels(account, paper, hangs):
    order = services.place_order(account.owner, account, LOW, key="a", now=timezone.now())
    hangs()
    begun = monotonic()

    told, detail = cancel(order)

    assert monotonic() - begun < 5
    assert (told.status, told.cancel_requested_at is None, detail == "") == ("open", False, False)
    paper.admin("DELETE", "/paper/faults", {})
    sweep()
    order.refresh_from_db()
    assert order.status == "canceled"


def test_who_finds_the_places_taken_has_written_down_the_wish(gateway, monkeypatch):
    take_all_places(monkeypatch)
    order = rests()

    told, detail = cancel(order)

    assert (told.status, gateway.canceled) == ("open", [])
    assert "wait for an exchange already" in detail
    reports = [OPEN, CANCELED]
    gateway.find_order = lambda *_: reports.pop(0)
    sweep()
    assert (gateway.canceled, Order.objects.get().status) == ([order.client_order_id], "canceled")


@pytest.mark.parametrize("status", ["submitted", "unknown"])
@pytest.mark.parametrize("outcome", [OPEN, order_report(status=ReportStatus.FILLED)])
def test_what_has_no_answer_yet_is_canceled_as_soon_as_it_is_found_open(gateway, status, outcome):
    order = rests(status=status, signed_at=timezone.now() - timedelta(seconds=10))

    told, detail = cancel(order)

    assert (told.status, told.cancel_requested_at is None) == (status, False)
    assert "as soon as it is found open" in detail
    assert gateway.canceled == []
    reports = [outcome, CANCELED]
    gateway.find_order = lambda *_: reports.pop(0)
    sweep()
    assert gateway.canceled == ([order.client_order_id] if outcome is OPEN else [])


def test_what_a_worker_sends_while_it_is_taken_back_is_canceled_afterwards(gateway, monkeypatch):
    order, now = rests(status="intended"), timezone.now()
    move = Order.move

    def sent_just_now(self, *args, **kwargs):
        Order.objects.update(status="submitted", signed_at=now, proof_deadline=now)
        return move(self, *args, **kwargs)

    with monkeypatch.context() as racing:
        racing.setattr(Order, "move", sent_just_now)
        told, detail = cancel(order)

    assert (told.status, told.cancel_requested_at is None, detail == "") == ("submitted", False, False)
    reports = [OPEN, CANCELED]
    gateway.find_order = lambda *_: reports.pop(0)
    sweep()
    assert Order.objects.get().status == "canceled"


@pytest.mark.parametrize("read", ["intended", "submitted", "open"])
def test_what_has_ended_since_it_was_read_is_told_so(gateway, monkeypatch, read):
    order, look = rests(status=read), services.canceling.visible

    def look_and_end(*args, **kwargs):
        found = look(*args, **kwargs)
        found._fetch_all()
        Order.objects.update(status="canceled", finished_at=timezone.now())
        return SimpleNamespace(get=lambda pk: found[0])

    monkeypatch.setattr("trades.services.canceling.visible", look_and_end)

    with pytest.raises(services.CantBeCanceled, match="is canceled already"):
        cancel(order)
    assert Order.objects.get().cancel_requested_at is None


# --- presses -------------------------------------------------------------------------------------------------------


def halt(account, **how):
    target = services.Target(account=account)
    return services.press(target, SwitchState.HALTED, by=None, reason="a test", now=timezone.now(), **how)


def halt_all(account):
    target = services.Target(account=account)
    (outcome,) = services.press_all({target: ""}, SwitchState.HALTED, by=None, reason="a test", now=timezone.now())
    return outcome.pressed


@pytest.mark.parametrize(
    "press", [lambda account: halt(account, in_haste=True), halt_all], ids=["of one switch", "of several"]
)
def test_a_press_of_a_web_request_waits_no_longer_than_patience_and_leaves_the_rest_to_the_sweep(
    account, paper, hangs, press
):
    order = services.place_order(account.owner, account, LOW, key="a", now=timezone.now())
    hangs()
    begun = monotonic()

    done = press(account)

    assert monotonic() - begun < 5
    assert (done.state, done.canceled, done.pending) == ("halted", 0, 1)
    paper.admin("DELETE", "/paper/faults", {})
    sweep()
    order.refresh_from_db()
    assert order.status == "canceled"


def test_a_press_whose_places_are_taken_halts_and_leaves_all_to_the_sweep(gateway, monkeypatch):
    take_all_places(monkeypatch)
    order = rests()

    done = halt(order.account, in_haste=True)

    assert (done.state, done.canceled, done.pending) == ("halted", 0, 1)
    assert gateway.canceled == []


@pytest.mark.parametrize(("in_haste", "seconds"), [(True, 5), (False, 60)])
def test_only_who_waits_for_a_web_page_is_in_haste(gateway, in_haste, seconds):
    allowed, order = [], rests()
    gateway.cancel = lambda *args: allowed.append(at_most(60))

    halt(order.account, in_haste=in_haste)

    assert seconds - 1 < allowed[0] <= seconds

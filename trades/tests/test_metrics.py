"""Each status that an order comes to is counted once, whichever way leads there."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from market.exchange.errors import OrderRejected, OutcomeUnknown
from market.exchange.types import ReportStatus
from market.switches import SwitchState
from market.telemetry.bounded import REGISTRY
from market.tests.factories import NOON
from trades.metrics import ORDERS
from trades.services import PLATFORM, cancel_by_hand, press, reconcile_orders, submit_order, take_back_unsent
from trades.tests.factories import OrderFactory
from trades.tests.gateways import FakeGateway, order_report
from trades.tests.test_orders import buy, intend

pytestmark = pytest.mark.django_db(transaction=True)


def outcomes() -> Counter[tuple[str, str]]:
    """How many orders of the paper exchange's spot market came to what, by purpose."""
    return Counter(
        {
            (sample.labels["purpose"], sample.labels["outcome"]): round(sample.value)
            for metric in ORDERS._metric.collect()
            for sample in metric.samples
            if sample.name.endswith("_total") and sample.labels["environment"] == "paper"
            if sample.labels["market"] == "spot"
        }
    )


@pytest.fixture
def counted():
    """`counted()`: what was counted since the test began."""
    before = outcomes()
    return lambda: dict(outcomes() - before)


def send(answer=None, **changes):
    submit_order(OrderFactory(**changes), gateway=FakeGateway(answer=answer), now=NOON)


def take_back():
    for purpose, key in (("entry", "entry:a"), ("exit", "exit:1:signal:0"), ("exit", "exit:1:stop_loss:0")):
        order = OrderFactory(purpose=purpose, signal_key=key)
        take_back_unsent(order.position_id, signal_exits=True, now=NOON)
        take_back_unsent(order.position_id, signal_exits=True, now=NOON)


def press_the_switch():
    OrderFactory.create_batch(3)
    OrderFactory(purpose="exit", side="SELL")
    press(PLATFORM, SwitchState.HALTED, by=None, reason="a test", now=NOON)


def cancel():
    order = OrderFactory(position__by_hand=True)
    cancel_by_hand(order.pk, by=order.position.account.owner, now=timezone.now())


def send_what_is_done_already():
    order = intend(OrderFactory(status="canceled").position, buy("entry:b"))
    submit_order(order, gateway=FakeGateway(), now=NOON)
    intend(order.position, buy("entry:b"))


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (send, {("entry", "submitted"): 1, ("entry", "filled"): 1}),
        (lambda: send(order_report(status=ReportStatus.OPEN)), {("entry", "submitted"): 1, ("entry", "open"): 1}),
        (lambda: send(OrderRejected("no", code=-1)), {("entry", "submitted"): 1, ("entry", "rejected"): 1}),
        (lambda: send(OutcomeUnknown("?"), purpose="exit"), {("exit", "submitted"): 1, ("exit", "unknown"): 1}),
        (take_back, {("entry", "canceled"): 1, ("exit", "canceled"): 1}),
        (press_the_switch, {("entry", "canceled"): 3}),
        (cancel, {("entry", "canceled"): 1}),
        (send_what_is_done_already, {("entry", "submitted"): 1, ("entry", "filled"): 1, ("entry", "denied"): 1}),
    ],
)
def test_an_order_is_counted_once_for_each_status_that_it_comes_to(act, told, counted):
    act()

    assert counted() == told


def test_an_answer_is_timed_from_when_the_order_was_written_down(monkeypatch):
    def answers() -> tuple[float, ...]:
        names = ("tradebot_order_seconds_sum", "tradebot_order_seconds_count", "tradebot_fills_total")
        return tuple(REGISTRY.get_sample_value(name, {"environment": "paper", "market": "spot"}) or 0 for name in names)

    before = answers()
    send(created_at=NOON - timedelta(seconds=3))
    send(OrderRejected("no", code=-1), created_at=NOON - timedelta(seconds=2))
    send(OutcomeUnknown("?"), created_at=NOON - timedelta(seconds=60))  # no answer

    seconds, count, fills = (now - then for now, then in zip(answers(), before, strict=True))
    assert (count, fills) == (2, 1)
    assert 5 <= seconds < 6


def test_what_reconciliation_finds_out_is_counted(counted, monkeypatch):
    long_ago = {"created_at": NOON, "signed_at": NOON, "proof_deadline": NOON}
    OrderFactory(status="unknown", **long_ago)
    monkeypatch.setattr("trades.services.reconciliation.gateway_for", lambda account: FakeGateway())

    for minutes in (1, 2, 3):
        reconcile_orders(now=NOON + timedelta(minutes=minutes))

    assert counted() == {("entry", "absent"): 1}

"""Whoever is stopped sends nothing, whatever was queued, written down or running, and while Redis is away."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.utils import timezone

from market.exchange.errors import OutcomeUnknown
from market.exchange.types import ReportStatus
from market.models import ExchangeAccount, Switch
from market.switches import SwitchState
from market.tests.factories import NOON, ExchangeAccountFactory, UserFactory
from trades import services, tasks
from trades.models import Event, Order
from trades.services import (
    PLATFORM,
    NotYourSwitch,
    Target,
    kill_switch,
    press,
    press_all,
    reconcile_orders,
    standings,
    submit_order,
    switch_lock,
    withdrawing,
)
from trades.tests.factories import OrderFactory, PositionFactory
from trades.tests.gateways import FakeGateway, order_report

pytestmark = pytest.mark.django_db(transaction=True)
ACTIVE, REDUCING, HALTED = SwitchState
OPEN, CANCELED = order_report(status=ReportStatus.OPEN), order_report(status=ReportStatus.CANCELED)
SENT = {"signed_at": NOON, "proof_deadline": NOON + timedelta(seconds=20)}


@pytest.fixture
def gateway(monkeypatch):
    """The exchange for whoever cancels or sweeps; it finds every order canceled."""
    fake = FakeGateway(found=CANCELED)
    monkeypatch.setattr("trades.services.withdrawing.gateway_for", lambda account: fake)
    monkeypatch.setattr("trades.services.reconciliation.gateway_for", lambda account: fake)
    return fake


@pytest.fixture
def redis_away(settings, tmp_path):
    default = settings.CACHES["default"] | {"LOCATION": f"unix://{tmp_path}/nobody.sock?db=1"}
    settings.CACHES = {"default": default}


def targets(account):
    return {"platform": PLATFORM, "user": Target(user=account.owner), "account": Target(account=account)}


def pressed(target, state, by=None, reason="a test"):
    return press(target, state, by=by, reason=reason, now=NOON)


def statuses():
    return list(Order.objects.order_by("pk").values_list("status", flat=True))


@pytest.mark.parametrize("scope", ["platform", "user", "account"])
@pytest.mark.parametrize(
    ("state", "purpose", "sent"),
    [
        (REDUCING, "entry", False),
        (REDUCING, "exit", True),
        (HALTED, "entry", False),
        (HALTED, "exit", False),
        (HALTED, "protection", False),
    ],
)
def test_what_is_written_down_already_obeys_the_switch(redis_away, gateway, scope, state, purpose, sent):
    order, stranger = OrderFactory(purpose=purpose), OrderFactory(purpose=purpose)
    gateway.answer = OPEN
    pressed(targets(order.position.account)[scope], state)

    for each in (order, stranger):
        submit_order(Order.objects.get(pk=each.pk), gateway=gateway, now=NOON)

    reached = {request.client_order_id for request in gateway.sent}
    assert (order.client_order_id in reached) == sent
    assert (stranger.client_order_id in reached) == (sent or scope != "platform")
    assert sent or statuses()[0] == "canceled"


@pytest.mark.parametrize(
    ("platform", "user", "account", "expected"),
    [
        (ACTIVE, ACTIVE, ACTIVE, ("active", "platform")),
        (ACTIVE, REDUCING, ACTIVE, ("reducing", "user")),
        (REDUCING, ACTIVE, HALTED, ("halted", "account")),
        (HALTED, REDUCING, HALTED, ("halted", "platform")),
        (ACTIVE, HALTED, REDUCING, ("halted", "user")),
    ],
)
def test_the_strictest_switch_counts(platform, user, account, expected):
    mine, other = ExchangeAccountFactory(), ExchangeAccountFactory()
    for scope, state in (("platform", platform), ("user", user), ("account", account)):
        pressed(targets(mine)[scope], state)
    mine.refresh_from_db()

    holds = Switch.objects.holds([mine, other])

    if expected[0] == "active":
        assert holds[mine.pk].state == ACTIVE
    else:
        assert (holds[mine.pk].state, holds[mine.pk].scope) == expected
    assert holds[other.pk].state == platform


def test_a_halt_takes_back_what_is_not_sent_cancels_what_is_open_and_leaves_exits_alone(gateway):
    account = ExchangeAccountFactory()

    def order(**values):
        return OrderFactory(position=PositionFactory(account=account), **values)

    resting = {"type": "limit", "price": Decimal(40_000), "status": "open", **SENT}
    unsent, open_entry = order(), order(**resting)
    doubtful = order(type="limit", price=Decimal(40_000), status="unknown", **SENT)
    stop = order(purpose="protection", type="stop", side="SELL", price=Decimal(40_000), status="open", **SENT)
    leaving = order(purpose="exit", side="SELL", **resting)

    done = pressed(Target(account=account), HALTED)

    assert gateway.canceled == [open_entry.client_order_id]
    assert (done.taken_back, done.canceled, done.pending) == (1, 1, 1)
    assert {each.pk: each.status for each in Order.objects.all()} == {
        unsent.pk: "canceled",
        open_entry.pk: "canceled",
        doubtful.pk: "unknown",
        stop.pk: "open",
        leaving.pk: "open",
    }


def test_an_entry_in_doubt_is_canceled_as_soon_as_it_is_found_open(gateway):
    entry = OrderFactory(type="limit", price=Decimal(40_000), status="unknown", **SENT)
    pressed(PLATFORM, HALTED)

    reports = [OPEN, CANCELED]
    gateway.find_order = lambda *_: reports.pop(0)
    reconcile_orders(now=NOON + timedelta(seconds=30))

    assert gateway.canceled == [entry.client_order_id]
    assert statuses() == ["canceled"]


def test_a_cancel_that_fails_is_left_to_the_sweep(gateway):
    entry = OrderFactory(type="limit", price=Decimal(40_000), status="open", **SENT)
    gateway.cancel_answer = OutcomeUnknown("timed out")

    done = pressed(PLATFORM, HALTED)
    gateway.cancel_answer = None
    gateway.found = OPEN
    reconcile_orders(now=NOON + timedelta(seconds=30))

    assert (done.canceled, done.pending) == (0, 1)
    assert gateway.canceled == [entry.client_order_id] * 2


def test_entries_that_a_press_could_not_reach_are_withdrawn_by_the_next_sweep(gateway):
    unsent, halted_meanwhile = OrderFactory(), OrderFactory(type="limit", price=Decimal(1), status="open", **SENT)
    ExchangeAccount.objects.update(state="halted")
    gateway.found = OPEN

    tasks.reconcile_orders()

    unsent.refresh_from_db()
    assert gateway.canceled == [halted_meanwhile.client_order_id]
    assert gateway.sent == []
    assert (unsent.status, unsent.error) == ("canceled", "taken back by the kill switch")


def test_a_press_is_told_once_committed_with_who_and_why(gateway):
    owner = UserFactory(username="bob")
    account = ExchangeAccountFactory(owner=owner, name="mine")

    pressed(Target(account=account), REDUCING, by=owner, reason="it rains")
    pressed(Target(user=owner), HALTED, by=owner, reason="it pours")
    pressed(PLATFORM, HALTED, reason="flood")

    events = list(Event.objects.order_by("pk").values_list("kind", "account", "user", "message"))
    assert events == [
        ("kill_switch", account.pk, None, "account mine of bob is reducing, by bob: it rains"),
        ("kill_switch", None, owner.pk, "user bob is halted, by bob: it pours"),
        ("kill_switch", None, None, "the platform is halted, by the system: flood"),
    ]
    account.refresh_from_db()
    assert (account.state_reason, account.state_set_by, account.state_set_at) == ("it rains", owner, NOON)
    switch = Switch.objects.get(user=None)
    assert (switch.state, switch.reason, switch.pressed_by, switch.pressed_at) == ("halted", "flood", None, NOON)


def test_there_is_one_switch_for_each_scope():
    owner = UserFactory()

    for state in (HALTED, REDUCING, ACTIVE):
        pressed(PLATFORM, state)
        pressed(Target(user=owner), state)

    assert sorted(Switch.objects.values_list("user", "state"), key=str) == [(owner.pk, "active"), (None, "active")]


@pytest.mark.parametrize("scope", ["platform", "user", "account"])
def test_nobody_presses_what_is_anothers(scope):
    account = ExchangeAccountFactory()
    stranger = UserFactory(is_staff=True)

    with pytest.raises(NotYourSwitch, match="only an operator"):
        pressed(targets(account)[scope], HALTED, by=stranger)

    assert not Event.objects.exists()
    assert Switch.objects.holds([account])[account.pk].state == ACTIVE


def test_operators_press_everything():
    account = ExchangeAccountFactory()
    root = UserFactory(is_superuser=True)

    for target in targets(account).values():
        pressed(target, HALTED, by=root)
        pressed(target, ACTIVE, by=root)

    account.refresh_from_db()
    assert Switch.objects.holds([account])[account.pk].state == ACTIVE


@pytest.mark.parametrize("scope", ["user", "account"])
@pytest.mark.parametrize(("stopped", "again"), [(REDUCING, HALTED), (REDUCING, REDUCING), (HALTED, HALTED)])
def test_what_an_operator_has_stopped_its_owner_makes_stricter_but_never_lets_go(gateway, scope, stopped, again):
    account, root = ExchangeAccountFactory(), UserFactory(is_superuser=True)
    target, owner = targets(account)[scope], account.owner
    pressed(target, stopped, by=root, reason="absurd prices")

    pressed(target, again, by=owner, reason="me too")
    for eased in (ACTIVE, REDUCING)[: again.strictness]:
        with pytest.raises(NotYourSwitch, match="it was not you"):
            pressed(target, eased, by=owner)

    account.refresh_from_db()
    hold = Switch.objects.holds([account])[account.pk]
    presser = account.state_set_by if scope == "account" else Switch.objects.get().pressed_by
    assert (hold.state, hold.reason, presser) == (again, "absurd prices", root)
    assert Event.objects.order_by("pk").last().data["reason"] == "me too"


def test_what_the_system_has_stopped_its_owner_does_not_let_go_by_pressing_it_again(gateway):
    account = ExchangeAccountFactory()
    target = Target(account=account)
    pressed(target, HALTED, by=None)

    pressed(target, HALTED, by=account.owner)

    with pytest.raises(NotYourSwitch, match="it was not you"):
        pressed(target, ACTIVE, by=account.owner)


def test_who_has_stopped_himself_lets_go_even_after_an_operators_release(gateway):
    account = ExchangeAccountFactory()
    target, owner = Target(account=account), account.owner
    pressed(target, HALTED, by=UserFactory(is_superuser=True))
    pressed(target, ACTIVE, by=UserFactory(is_superuser=True))

    pressed(target, REDUCING, by=owner)
    pressed(target, HALTED, by=owner, reason="worse")
    account.refresh_from_db()
    assert (account.state_set_by, account.state_reason) == (owner, "worse")
    pressed(target, ACTIVE, by=owner)

    account.refresh_from_db()
    assert account.state == "active"


RESTING = {"type": "limit", "price": Decimal(40_000), "status": "open", **SENT}


def all_pressed(targets, state=HALTED, by=None):
    seen = {target: standing.mark for target, standing in standings(targets).items()}
    return press_all(seen, state, by=by, reason="flood", now=NOON)


def test_of_several_switches_all_are_set_before_the_first_order_is_canceled(gateway, monkeypatch):
    orders = [OrderFactory(**RESTING) for _ in range(3)]
    seen = []
    real_cancel = withdrawing.cancel_order

    def look_and_cancel(order, **kwargs):
        seen.append(set(ExchangeAccount.objects.values_list("state", flat=True)))
        return real_cancel(order, **kwargs)

    monkeypatch.setattr(withdrawing, "cancel_order", look_and_cancel)
    outcomes = all_pressed([Target(account=order.account) for order in orders])

    assert seen == [{"halted"}] * 3
    assert [(each.pressed.canceled, each.error) for each in outcomes] == [(1, "")] * 3
    assert statuses() == ["canceled"] * 3


def test_what_fails_at_one_switch_leaves_no_other_unpressed(gateway):
    mine, theirs, gone, last = [ExchangeAccountFactory() for _ in range(4)]
    ExchangeAccount.objects.exclude(pk=theirs.pk).update(owner=mine.owner)
    targets = [Target(account=account) for account in ExchangeAccount.objects.order_by("pk")]
    seen = dict.fromkeys(targets, "")
    ExchangeAccount.objects.filter(pk=gone.pk).delete()

    outcomes = press_all(seen, HALTED, by=mine.owner, reason="flood", now=NOON)

    assert [bool(each.pressed) for each in outcomes] == [True, False, False, True]
    assert "only an operator may press this switch" in outcomes[1].error
    assert f"{targets[2]} is not halted: " in outcomes[2].error
    states = dict(ExchangeAccount.objects.values_list("pk", "state"))
    assert states == {mine.pk: "halted", theirs.pk: "active", last.pk: "halted"}


@pytest.mark.parametrize("scope", ["platform", "user", "account"])
@pytest.mark.parametrize(
    ("shown", "meanwhile", "wanted", "is_refused"),
    [
        (HALTED, HALTED, ACTIVE, True),  # it is another halt: somebody had let go of the one that was shown
        (REDUCING, HALTED, ACTIVE, True),
        (ACTIVE, HALTED, REDUCING, True),
        (HALTED, None, ACTIVE, False),
        (HALTED, REDUCING, HALTED, False),  # to make it stricter is never too late
        (HALTED, ACTIVE, ACTIVE, False),
    ],
)
def test_what_stands_other_than_it_was_shown_is_not_let_go(gateway, scope, shown, meanwhile, wanted, is_refused):
    account = ExchangeAccountFactory()
    target = targets(account)[scope]
    pressed(target, shown, reason="the first")
    seen = {target: standings([target])[target].mark}
    if meanwhile:
        later = NOON + timedelta(minutes=1)
        press(target, meanwhile, by=UserFactory(username="root", is_superuser=True), reason="the second", now=later)

    (outcome,) = press_all(seen, wanted, by=None, reason="all is well", now=NOON + timedelta(minutes=2))

    assert standings([target])[target].state == (meanwhile if is_refused else wanted)
    assert bool(outcome.pressed) != is_refused
    if is_refused:
        assert f"it is {meanwhile} by root since 12:01:30 UTC (the second), other than shown" in outcome.error


def test_what_can_not_be_canceled_at_one_is_left_to_the_sweep_and_the_others_are_canceled(gateway, monkeypatch):
    first, second = OrderFactory(**RESTING), OrderFactory(**RESTING)

    def break_down(account):
        if account == first.account:
            raise RuntimeError("no gateway")
        return gateway

    monkeypatch.setattr("trades.services.withdrawing.gateway_for", break_down)

    outcomes = all_pressed([Target(account=order.account) for order in (first, second)])

    assert "its entries are left to the sweep: no gateway" in outcomes[0].error
    assert [each.pressed.state for each in outcomes] == [HALTED, HALTED]
    assert gateway.canceled == [second.client_order_id]


def in_thread(work):
    def run():
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_worker_that_is_frozen_in_a_claim_does_not_hold_up_the_press(gateway, monkeypatch):
    monkeypatch.setattr(switch_lock, "PATIENCE_MS", 100)
    patience = []
    real_press_alone = kill_switch.press_alone
    monkeypatch.setattr(kill_switch, "press_alone", lambda each: (patience.append(each.ms), real_press_alone(each)))
    account = ExchangeAccountFactory()
    claiming, thaw = threading.Event(), threading.Event()

    def freeze():
        with transaction.atomic():
            switch_lock.claims_together()
            claiming.set()
            thaw.wait(20)

    thread = in_thread(freeze)
    claiming.wait(10)
    all_pressed(list(targets(account).values()))

    account.refresh_from_db()
    assert Switch.objects.get(user=None).state == account.state == "halted"
    assert patience == [100, switch_lock.HASTE_MS, switch_lock.HASTE_MS]  # it is waited for once
    assert thread.is_alive()
    thaw.set()
    thread.join()


@pytest.mark.parametrize("guarded", [False, True])
def test_once_a_press_has_returned_no_order_is_claimed_any_more(gateway, monkeypatch, guarded):
    order = OrderFactory()
    has_looked, goes_on = threading.Event(), threading.Event()
    real_obstacle = services.books._obstacle

    def look_and_dawdle(*args, **kwargs):
        found = real_obstacle(*args, **kwargs)
        has_looked.set()
        goes_on.wait(1 if guarded else 20)  # guarded, the press waits for us in turn
        return found

    monkeypatch.setattr(services.books, "_obstacle", look_and_dawdle)
    if not guarded:
        monkeypatch.setattr(services.books, "claims_together", lambda: None)
    thread = in_thread(lambda: submit_order(Order.objects.get(pk=order.pk), gateway=gateway, now=timezone.now()))
    has_looked.wait(10)

    pressed(PLATFORM, REDUCING)
    at_return = statuses()
    goes_on.set()
    thread.join()

    assert len(gateway.sent) == 1
    # Guarded, the press has waited for the claim; unguarded, the order was claimed, and sent, after it.
    assert (at_return != ["intended"]) == guarded

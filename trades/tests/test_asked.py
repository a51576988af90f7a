"""Orders that are asked for: written down first, made once, or ended with a reason."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Barrier, BrokenBarrierError, Thread, local

import pytest
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError, connection
from django.utils import timezone

from market.api import idempotency
from market.budget import Priority
from market.budget.priorities import current_priority
from market.exchange.errors import ExchangeUnavailable, OrderRejected, RateLimited
from market.models import SEE_ALL_ROWS, ExchangeAccount
from market.services import NotYourAccount
from market.tests.factories import ExchangeAccountFactory, UserFactory
from market.types import OrderType, Price, Side
from trades import services, tasks
from trades.models import Event, Order, OrderByHand
from trades.services import asked as module
from trades.services import hands
from trades.tests.factories import OrderFactory
from trades.tests.gateways import FakeGateway
from trades.tests.test_hands import BUY, nothing_happened, orders_at

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = timedelta(seconds=1)


def ask(account, wanted=BUY, *, key="", by=None, now=None, user=None):
    user = user or account.owner
    return services.ask_for_order(user, account, wanted, asked_by=by or user, key=key, now=now or timezone.now())


def execute(asked, now=None):
    return services.execute_asked(asked.pk, now=now or timezone.now())


# --- asking --------------------------------------------------------------------------------------------------------


def test_what_is_asked_for_is_written_down_and_nothing_else_happens(account, paper):
    asked = ask(account, replace(BUY, type=OrderType.LIMIT, price=Decimal(49_000)))

    row = OrderByHand.objects.get()
    assert row == asked
    assert (row.user, row.asked_by, row.account, row.status) == (account.owner, account.owner, account, "pending")
    assert (row.symbol, row.side, row.type, row.quantity, row.price) == (
        "BTCUSDT",
        "BUY",
        "limit",
        Decimal("0.01"),
        49_000,
    )
    assert nothing_happened(paper, account)


def test_the_same_key_asks_for_the_same_order_and_no_other_one():
    mine = ExchangeAccountFactory()

    first = ask(mine, key="a")

    assert ask(mine, key="a") == first
    assert ask(mine, key="b") != first
    assert ask(mine) != ask(mine)  # without a key
    with pytest.raises(services.KeyNamesAnother):
        ask(mine, replace(BUY, quantity=Decimal("0.02")), key="a")


def test_a_key_stands_for_another_order_after_a_day():
    account, now = ExchangeAccountFactory(), timezone.now()
    day, twice = timedelta(hours=24), replace(BUY, quantity=Decimal("0.02"))
    old = ask(account, key="a", now=now - day)

    assert ask(account, key="a", now=now - SECONDS) == old
    new = ask(account, twice, key="a", now=now)

    assert new != old
    assert ask(account, twice, key="a", now=now + day - SECONDS) == new
    with pytest.raises(services.KeyNamesAnother):
        ask(account, key="a", now=now)
    assert list(OrderByHand.objects.order_by("pk").values_list("key", flat=True)) == ["", "a"]


def test_a_key_counts_as_long_as_its_answer_is_kept():
    assert module.KEY_COUNTS_FOR == idempotency.KEPT


def test_a_key_is_its_senders_own():
    mine, root = ExchangeAccountFactory(), UserFactory(is_superuser=True)

    assert ask(mine, key="a") != ask(mine, key="a", by=root)
    with pytest.raises(services.KeyNamesAnother):
        ask(ExchangeAccountFactory(), key="a", by=root)


def test_nobody_asks_for_others_but_operators():
    account = ExchangeAccountFactory()

    with pytest.raises(NotYourAccount):
        ask(account, user=UserFactory())
    with pytest.raises(NotYourAccount):
        ask(account, by=UserFactory())
    assert ask(account, by=UserFactory(is_superuser=True)).user == account.owner


@pytest.mark.parametrize(
    "wrong",
    [
        {"user": True},
        {"quantity": 0},
        {"price": 1},
        {"type": "limit"},
        {"status": "done", "completed_at": timezone.now()},
        {"status": "denied"},
        {"completed_at": timezone.now()},
    ],
)
def test_the_database_refuses_what_can_not_be(wrong):
    asked = ask(ExchangeAccountFactory())
    if "user" in wrong:
        wrong = {"user": UserFactory()}

    with pytest.raises(IntegrityError):
        OrderByHand.objects.filter(pk=asked.pk).update(**wrong)


def test_so_many_may_wait_and_no_more_until_one_has_ended(monkeypatch):
    monkeypatch.setattr(module, "MOST_UNFINISHED", 2)
    account = ExchangeAccountFactory()
    first, _ = ask(account, key="a"), ask(account)

    with pytest.raises(services.TooManyUnfinished):
        ask(account)
    assert ask(account, key="a") == first
    ask(ExchangeAccountFactory())  # somebody else's do not count
    first.end("failed", now=timezone.now())
    ask(account)


@pytest.mark.parametrize(("guards", "rows"), [("lock constraint", 1), ("constraint", 1), ("lock", 1), ("", 2)])
def test_of_two_with_the_same_key_at_once_one_is_written_down(monkeypatch, guards, rows):
    account, meeting, look = ExchangeAccountFactory(), Barrier(2), module._known
    apart, met = "lock" in guards, local()
    index = "CREATE UNIQUE INDEX asked_once_per_key ON trades_orderbyhand (asked_by_id, key) WHERE NOT (key = '')"

    def known(*args):
        found = look(*args)
        if not met.__dict__:  # once in each thread
            met.done = True
            with suppress(BrokenBarrierError):  # the other one waits for the lock
                meeting.wait(1 if apart else 10)
        return found

    def work(_):
        try:
            return ask(account, key="a").pk
        finally:
            connection.close()

    monkeypatch.setattr(module, "_known", known)
    if not apart:
        monkeypatch.setattr(module, "one_at_a_time", lambda user: None)
    with connection.cursor() as cursor:
        if "constraint" not in guards:
            cursor.execute("DROP INDEX asked_once_per_key")
        try:
            with ThreadPoolExecutor(2) as pool:
                found = set(pool.map(work, range(2)))
        finally:
            if "constraint" not in guards:
                OrderByHand.objects.all().delete()
                cursor.execute(index)

    assert len(found) == rows


# --- placing -------------------------------------------------------------------------------------------------------


def test_the_task_places_one_order_however_often_it_is_delivered(account, paper):
    asked = ask(account)

    told = {tasks.execute_trade_async(asked.pk) for _ in range(3)}

    order = Order.objects.get()
    asked.refresh_from_db()
    assert told == {f"done: {order.pk}"}
    assert (asked.status, asked.order, order.status) == ("done", order, "filled")
    assert asked.created_at <= asked.started_at <= asked.completed_at
    assert len(orders_at(paper, account)) == 1


def test_who_asked_in_the_name_of_another_stands_at_the_order(account):
    root = UserFactory(username="root", is_superuser=True)

    asked = execute(ask(account, by=root))

    assert asked.order.reason == f"{account.owner} by hand, asked for by root"


def test_a_refusal_ends_it_with_its_reason_and_is_told_once(account, paper):
    asked = ask(account, replace(BUY, quantity=Decimal("0.00000001")))

    first, again = execute(asked), execute(asked)

    assert (first.status, first.code) == (again.status, again.code) == ("denied", "filter")
    assert "quantity 0.00000001 BTC is below the minimum 0.00001" in first.message
    event = Event.objects.get()
    assert (event.kind, event.user, event.account) == ("order_denied", account.owner, account)
    assert event.data == {"code": "filter", "limit": "LOT_SIZE", "value": "0.00000001 at 50000"}
    assert nothing_happened(paper, account)


def test_without_a_market_to_look_at_it_has_failed_and_nothing_is_sent(account, paper, monkeypatch):
    def away(*args, **kwargs):
        raise ExchangeUnavailable("away")

    monkeypatch.setattr("trades.services.hands.last_prices", away)

    asked = execute(ask(account))

    assert (asked.status, asked.code, asked.message) == ("failed", "exchange", "nothing was sent: away")
    assert Event.objects.get().data == {"code": "exchange"}
    assert nothing_happened(paper, account)


SELL = replace(BUY, side=Side.SELL, quantity=Decimal("0.00999"))


@pytest.mark.parametrize("trouble", ["away", "asked for silence", "silent"])
def test_what_leaves_is_tried_again_when_the_exchange_is_there_again(account, paper, monkeypatch, trouble):
    execute(ask(account))
    asked = ask(account, SELL)

    def away(*args, **kwargs):
        raise ExchangeUnavailable("away")

    def limited(*args, **kwargs):
        raise RateLimited("asked for silence", retry_after=SECONDS)

    with monkeypatch.context() as broken:
        if trouble == "silent":
            ExchangeAccount.objects.update(cooldown_until=timezone.now() + 60 * SECONDS)
        else:
            broken.setattr("trades.services.hands.last_prices", away if trouble == "away" else limited)
        assert execute(asked).status == "running"
    assert {"silent": "asked for silence"}.get(trouble, trouble) in OrderByHand.objects.get(pk=asked.pk).message
    ExchangeAccount.objects.update(cooldown_until=None)

    (found,) = services.asked_in_vain(now=timezone.now() + 6 * SECONDS)

    assert found == asked
    done = execute(asked)
    assert (done.order.status, done.message) == ("filled", "")
    assert len(orders_at(paper, account)) == 2
    assert not Event.objects.filter(kind="order_denied").exists()


def test_what_leaves_and_is_held_up_for_too_long_says_by_what(account, monkeypatch):
    execute(ask(account))
    asked = ask(account, SELL)

    def away(*args, **kwargs):
        raise ExchangeUnavailable("away")

    monkeypatch.setattr("trades.services.hands.last_prices", away)
    execute(asked)

    services.asked_in_vain(now=timezone.now() + 61 * SECONDS)

    asked.refresh_from_db()
    assert (asked.status, asked.code) == ("expired", "expired")
    assert asked.message == "tried until it was too old; nothing was sent: away"


def test_what_leaves_spends_as_an_exit_from_the_first_look_on_and_nothing_else_does(account, monkeypatch):
    seen, look = [], hands.last_prices

    def noted(*args, **kwargs):
        seen.append(current_priority())
        return look(*args, **kwargs)

    monkeypatch.setattr("trades.services.hands.last_prices", noted)
    for wanted in (SELL, BUY, SELL):  # of nothing, to open, to close
        execute(ask(account, wanted))

    assert seen == [Priority.ENTRIES, Priority.ENTRIES, Priority.EXITS]
    assert Order.objects.filter(status="filled").count() == 2


def test_a_symbol_that_nobody_knows_is_a_refusal(account):
    assert execute(ask(account, replace(BUY, symbol="NOPEUSDT"))).code == "symbol_unknown"


def test_a_bug_is_raised_and_the_sweep_takes_it_up_again(account, monkeypatch):
    asked = ask(account)
    with monkeypatch.context() as broken:
        broken.setattr("trades.services.hands.clock_trouble", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            execute(asked)
    asked.refresh_from_db()

    left = services.asked_in_vain(now=timezone.now() + 6 * SECONDS)

    assert (asked.status, left) == ("running", [asked])
    assert execute(asked).status == "done"


def test_what_is_too_old_is_not_sent(account, paper):
    asked = ask(account, now=timezone.now() - 60 * SECONDS)

    assert (execute(asked).status, execute(asked).code) == ("expired", "expired")
    assert Event.objects.get().data == {"code": "expired"}
    assert nothing_happened(paper, account)


def test_what_gets_too_old_while_a_worker_looks_at_the_market_is_not_sent(account, paper, monkeypatch):
    asked = ask(account)

    def slow(*args, **kwargs):
        OrderByHand.objects.update(created_at=timezone.now() - 61 * SECONDS)
        asked.refresh_from_db()
        return {"BTCUSDT": Price(Decimal(50_000), timezone.now())}

    monkeypatch.setattr("trades.services.hands.last_prices", slow)

    execute(asked)

    assert nothing_happened(paper, account)
    services.asked_in_vain(now=timezone.now())
    asked.refresh_from_db()
    assert asked.status == "expired"


@pytest.mark.parametrize(("guarded", "orders"), [(True, 1), (False, 2)])
def test_a_second_delivery_in_the_middle_of_the_first_makes_no_second_order(account, monkeypatch, guarded, orders):
    """The exchange refuses the first order, so that our books would let the same act be tried again."""
    asked, gateway = ask(account), FakeGateway(answer=OrderRejected("no"))
    monkeypatch.setattr("trades.services.hands.gateway_for", lambda account: gateway)
    calm = lambda *args, **kwargs: ""  # noqa: E731

    def deliver_again(*args, **kwargs):
        monkeypatch.setattr("trades.services.hands.clock_trouble", calm)
        execute(asked)
        return ""

    monkeypatch.setattr("trades.services.hands.clock_trouble", deliver_again)
    if not guarded:
        monkeypatch.setattr("trades.services.hands.require_wanted", lambda *args, **kwargs: None)
        monkeypatch.setattr(OrderByHand, "end", lambda *args, **kwargs: True)

    execute(asked)

    assert len(gateway.sent) == Order.objects.count() == orders


@pytest.mark.parametrize("guarded", [True, False])
def test_the_sweep_waits_for_a_worker_that_writes_the_order_down(account, paper, monkeypatch, guarded):
    asked, expired = ask(account), list[bool]()
    late = timezone.now() + 61 * SECONDS
    intend = hands.intend_order

    def expire():
        try:
            services.asked_in_vain(now=late)
            expired.append(OrderByHand.objects.get().status == "expired")
        finally:
            connection.close()

    def intend_slowly(*args, **kwargs):
        made = intend(*args, **kwargs)
        if isinstance(made, Order):  # and not the question what is free, after which it is tried again
            sweep.start()
            sweep.join(0.5 if guarded else 10)
        return made

    sweep = Thread(target=expire)
    monkeypatch.setattr(hands, "intend_order", intend_slowly)
    if not guarded:
        monkeypatch.setattr(hands, "require_wanted", lambda *args, **kwargs: None)

    with nullcontext() if guarded else pytest.raises(AssertionError, match="its row is locked"):
        execute(asked)
    sweep.join(10)

    assert expired == [not guarded]
    assert len(orders_at(paper, account)) == guarded


def test_an_order_that_a_dead_worker_left_behind_is_sent_by_the_sweep_of_orders(account, paper, monkeypatch):
    class Killed(BaseException):
        pass

    def dies(*args, **kwargs):
        raise Killed

    asked = ask(account)
    with monkeypatch.context() as broken:
        broken.setattr("trades.services.hands.submit_order", dies)
        with pytest.raises(Killed):
            execute(asked)
    before = execute(asked).order.status
    Order.objects.update(created_at=timezone.now() - 6 * SECONDS)

    services.reconcile_orders(now=timezone.now())

    asked.refresh_from_db()
    assert (before, asked.order.status) == ("intended", "filled")
    assert len(orders_at(paper, account)) == 1


@pytest.mark.parametrize(("seconds", "status", "sent"), [(58, "filled", 1), (61, "canceled", 0)])
def test_an_order_that_was_left_behind_is_sent_within_the_minute_and_not_after_it(
    account, paper, monkeypatch, seconds, status, sent
):
    asked = ask(account)
    with monkeypatch.context() as broken:
        broken.setattr("trades.services.hands.submit_order", lambda *args, **kwargs: None)
        execute(asked)
    OrderByHand.objects.update(created_at=timezone.now() - seconds * SECONDS)
    if seconds < 60:  # a busy machine is no reason to fail
        monkeypatch.setattr("trades.services.asked_rows.TOO_OLD", 120 * SECONDS)
    Order.objects.update(created_at=timezone.now() - 20 * SECONDS)

    services.reconcile_orders(now=timezone.now())

    order = Order.objects.get()
    assert (order.status, len(orders_at(paper, account))) == (status, sent)
    assert order.error == ("" if sent else "not sent: it was asked for more than 60 seconds ago")


def test_a_worker_whose_clock_is_behind_sends_nothing_late(account, paper):
    asked = ask(account, now=timezone.now() - 61 * SECONDS)

    done = execute(asked, now=timezone.now() - 120 * SECONDS)

    assert (done.status, nothing_happened(paper, account)) == ("expired", True)


def test_who_asks_with_a_clock_that_is_ahead_gains_no_time():
    asked = ask(ExchangeAccountFactory(), now=timezone.now() + 100 * SECONDS)

    assert asked.created_at <= timezone.now()


def operator_of():
    """Somebody who places orders and sees everybody's rows."""
    operator = UserFactory(username="operator")
    names = ["change_exchangeaccount", SEE_ALL_ROWS.partition(".")[2]]
    operator.user_permissions.set(Permission.objects.filter(codename__in=names))
    return operator


LOST = {
    "user": "may not log in any more",
    "asked_by": "may not log in any more",
    "change_exchangeaccount": "operator may place no orders any more",
    SEE_ALL_ROWS.partition(".")[2]: "operator may not act for",
    "nothing": "",
}


@pytest.mark.parametrize(("lost", "words"), LOST.items())
def test_what_is_asked_for_is_not_placed_after_its_author_has_lost_the_right(account, paper, lost, words):
    operator = operator_of()
    asked = ask(account, by=operator)
    if lost in ("user", "asked_by"):
        User.objects.filter(pk=getattr(asked, lost).pk).update(is_active=False)
    operator.user_permissions.remove(*Permission.objects.filter(codename=lost))

    done = execute(asked)

    if lost == "nothing":
        assert done.status == "done"
        return
    assert (done.status, done.code) == ("denied", "not_allowed")
    assert words in done.message
    assert Event.objects.get().data == {"code": "not_allowed"}
    assert nothing_happened(paper, account)


# --- the sweep -----------------------------------------------------------------------------------------------------


def test_the_sweep_sends_what_was_lost_and_ends_what_is_too_old(broker, monkeypatch):
    monkeypatch.setattr("trades.services.withdraw_halted", lambda now: None)
    account, now = ExchangeAccountFactory(), timezone.now()
    young, lost, begun = (
        ask(account, now=now),
        ask(account, now=now - 10 * SECONDS),
        ask(account, now=now - 20 * SECONDS),
    )
    old, ended = ask(account, now=now - 70 * SECONDS), ask(account, now=now - 80 * SECONDS)
    begun.begin(now=now)
    ended.end("failed", now=now)

    found = services.asked_in_vain(now=now)
    tasks.reconcile_orders()

    assert found == [begun, lost]
    assert broker("high_priority") == 2
    statuses = dict(OrderByHand.objects.values_list("pk", "status"))
    expected = {young.pk: "pending", lost.pk: "pending", begun.pk: "running", old.pk: "expired", ended.pk: "failed"}
    assert statuses == expected
    assert Event.objects.get().user == account.owner


def test_what_has_become_an_order_is_never_expired():
    account, now = ExchangeAccountFactory(), timezone.now()
    asked = ask(account, now=now - 70 * SECONDS)
    asked.end("done", order=OrderFactory(position__account=account), now=now)

    services.asked_in_vain(now=now)

    asked.refresh_from_db()
    assert (asked.status, Event.objects.count()) == ("done", 0)

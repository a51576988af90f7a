"""Each race once without its guard, and lost; then with it, and won."""

import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.utils import timezone

from bots.models import Backtest, BotConfig, BotState
from bots.services import run as run_module
from bots.services.backtests import asking
from bots.tasks import run_bot
from bots.tests.test_backtests import WHOLE
from market.models import RiskLimits
from market.rules import rules_of
from market.tests.factories import QUOTE, ExchangeAccountFactory, SymbolRulesFactory, UserFactory, entry
from market.types import Side
from trades.lifecycle import MOVES
from trades.models import Fill, Order, Position
from trades.services import Intent, intend_order, record_report, submit_order
from trades.services.hands import _position_of
from trades.tests.factories import OrderFactory, PositionFactory
from trades.tests.gateways import FakeGateway, fill_report, order_report

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls):
    """Run the calls in threads of their own, with connections of their own; return their results in order."""
    results = [None] * len(calls)

    def work(number, call):
        try:
            results[number] = call()
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


class Meeting:
    """A place where workers wait for each other, so that they overlap if nothing keeps them apart."""

    def __init__(self, monkeypatch, name, *, guarded):
        self.patience = 1 if guarded else 20  # one who is kept out does not come; one who is not may be slow
        self.present = 0
        self.most = 0
        self.barrier = threading.Barrier(2)
        self.guard = threading.Lock()
        module, function = name.rsplit(".", 1)
        real = getattr(__import__(module, fromlist=[function]), function)
        monkeypatch.setattr(name, self.around(real))

    def around(self, real):
        def meet(*args, **kwargs):
            with self.guard:
                self.present += 1
                self.most = max(self.most, self.present)
            with suppress(threading.BrokenBarrierError):  # the other one was kept out
                self.barrier.wait(self.patience)
            try:
                return real(*args, **kwargs)
            finally:
                with self.guard:
                    self.present -= 1

        return meet


@contextmanager
def unlocked_bot(bot_id):
    """What `locked_bot` would be without the lock."""
    with transaction.atomic(durable=True):
        yield BotState.objects.select_related("bot__position", "bot__account").get(pk=bot_id).bot


@pytest.mark.parametrize("guarded", [False, True])
def test_two_workers_never_decide_for_one_bot_at_once(make_bot, monkeypatch, guarded):
    bot = make_bot("buying")
    meeting = Meeting(monkeypatch, "bots.services.run.standings", guarded=guarded)
    if not guarded:
        monkeypatch.setattr(run_module, "locked_bot", unlocked_bot)

    results = at_once(lambda: run_bot(bot.pk), lambda: run_bot(bot.pk))

    assert meeting.most == (1 if guarded else 2)
    assert results.count("skipped (locked)") == (1 if guarded else 0)
    # Even a lost race trades once: behind the lock stand the position's lock and the key of the signal.
    assert Order.objects.filter(status="filled").count() == 1


@pytest.mark.parametrize("guarded", [False, True])
def test_two_workers_never_send_one_order_twice(monkeypatch, guarded):
    def blind_move(self, status, **changes):
        assert (self.status, status) in MOVES
        Order.objects.filter(pk=self.pk).update(status=status, **changes)
        self.status = status
        return True

    order = OrderFactory()
    gateway = FakeGateway()
    copies = [Order.objects.get(pk=order.pk) for _ in range(2)]
    if not guarded:
        monkeypatch.setattr(Order, "move", blind_move)

    at_once(*(lambda copy=copy: submit_order(copy, gateway=gateway, now=timezone.now()) for copy in copies))

    assert len(gateway.sent) == (1 if guarded else 2)


def test_two_ticks_of_one_minute_are_one(make_bot):
    from bots import services

    make_bot("quiet")
    now = timezone.now()

    ticks = at_once(*[lambda: services.run_all_active_bots(now=now)] * 2)

    assert sorted(len(packets) for _, packets in ticks) == [0, 1]
    assert BotConfig.objects.count() == 1


@pytest.mark.parametrize("guarded", [False, True])
def test_two_orders_of_one_position_are_both_booked(monkeypatch, guarded):
    orders = [OrderFactory(status="submitted", signed_at=timezone.now(), proof_deadline=timezone.now())]
    orders.append(
        OrderFactory(
            position=orders[0].position, purpose="exit", status="submitted", proof_deadline=timezone.now(), side="BUY"
        )
    )
    Meeting(monkeypatch, "trades.services.records._book_new_fills", guarded=guarded)
    if not guarded:
        monkeypatch.setattr(Position.objects, "select_for_update", lambda **_: Position.objects.all())

    def book(order, number):
        report = replace(order_report(fill_report(number)), exchange_order_id=number)
        return lambda: record_report(Order.objects.get(pk=order.pk), report, now=timezone.now())

    at_once(*(book(order, number) for number, order in enumerate(orders)))

    assert Fill.objects.count() == 2
    assert Position.objects.get().quantity == Decimal("0.02" if guarded else "0.01")


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("whose", ["account", "user"])
def test_two_workers_never_exceed_a_cap_together(monkeypatch, guarded, whose):
    account = ExchangeAccountFactory()
    accounts = [account, account if whose == "account" else ExchangeAccountFactory(owner=account.owner)]
    positions = [PositionFactory(account=each) for each in accounts]
    RiskLimits.objects.create(**{whose: account if whose == "account" else account.owner}, max_exposure=800)
    Meeting(monkeypatch, "trades.services.orders.first_denial", guarded=guarded)
    if not guarded:
        monkeypatch.setattr("trades.services.proposals.one_entry_at_a_time", lambda position_id: None)

    def enter(position):
        amounts = (Decimal("0.01"), Decimal(50_000))
        intent = Intent(Order.Purpose.ENTRY, Side.BUY, *amounts, "entry:a", "a race", quote=QUOTE)
        with transaction.atomic():
            return intend_order(position.pk, intent, rules=rules_of(entry()), now=timezone.now())

    made = at_once(*(lambda position=position: enter(position) for position in positions))

    written = [order for order in made if isinstance(order, Order)]
    assert len(written) == Order.objects.count() == (1 if guarded else 2)


def test_two_first_orders_by_hand_share_one_position():
    account = ExchangeAccountFactory()

    def find():
        with transaction.atomic():
            return _position_of(account, rules_of(entry()))

    positions = at_once(*[find] * 4)

    assert len({position.pk for position in positions}) == Position.objects.count() == 1


@pytest.mark.parametrize("guarded", [False, True])
def test_two_who_ask_for_backtests_at_once_share_the_room(monkeypatch, guarded):
    user, now = UserFactory(), timezone.now()
    SymbolRulesFactory()
    monkeypatch.setattr(asking, "MOST_UNFINISHED", 1)
    real = asking._require_room
    meeting = Meeting(monkeypatch, "bots.services.backtests.asking._require_room", guarded=guarded)
    meet = meeting.around(lambda: None)
    monkeypatch.setattr(asking, "_require_room", lambda owner: (real(owner), meet()))
    if not guarded:
        monkeypatch.setattr(asking, "one_at_a_time", lambda owner: None)
    period = {"begin_at": now - timedelta(days=2), "end_at": now - timedelta(days=1)}

    def ask():
        with suppress(asking.TooManyBacktests):
            asking.ask_for_backtest(user, WHOLE | period, by=user, now=now)

    at_once(ask, ask)

    assert meeting.most == (1 if guarded else 2)
    assert Backtest.objects.count() == (1 if guarded else 2)

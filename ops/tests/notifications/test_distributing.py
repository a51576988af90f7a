"""From the outbox to notifications: who is told what, once, whatever dies on the way."""

import threading
from datetime import timedelta
from importlib import import_module

import pytest
from django.contrib.auth.models import Group
from django.db import connection, connections
from django.db.models import Count
from django.utils import timezone

from bots.types import Reason
from market.tests.factories import NOON, ExchangeAccountFactory, UserFactory
from ops import notifications
from ops.models import Delivery, Notification, Severity, Topic
from ops.notifications import distributing, topics, writing
from ops.roles import create_groups
from trades.models import Event
from trades.services.events import new_event
from trades.tests.factories import OrderFactory, PositionFactory

Kind = Event.Kind


def tell(kind=Kind.BOT_ERROR, position=None, message="it broke", now=NOON, **details):
    event = new_event(kind, position, message, now=now, **details)
    event.save()
    return event


def test_every_kind_of_event_has_a_topic():
    assert set(topics.OF_KIND) == set(Kind)


@pytest.mark.parametrize(
    ("kind", "reason", "topic"),
    [
        (Kind.BOT_PAUSED, Reason.DAILY_TARGET, Topic.DAILY_TARGET),
        (Kind.BOT_PAUSED, Reason.MAX_DAILY_LOSS, Topic.DAILY_LOSS_STOP),
        (Kind.BOT_PAUSED, Reason.KILL_SWITCH, Topic.BOT_STOPPED),
        (Kind.BOT_ERROR, Reason.MISSING_KEY, Topic.API_KEY_INVALID),
        (Kind.BOT_ERROR, Reason.STRATEGY_ERROR, Topic.BOT_ERROR),
        (Kind.KILL_SWITCH, Reason.DAILY_TARGET, Topic.SYSTEM_ALERT),
    ],
)
def test_the_reason_of_a_bot_says_what_it_is_about(kind, reason, topic):
    assert topics.told_by(Event(kind=kind, data={"reason": reason}))[0] == topic


def test_the_owner_of_what_it_is_about_is_told(db, anna):
    account = ExchangeAccountFactory(owner=anna, name="main")
    order = OrderFactory(position=PositionFactory(account=account))
    about = [
        tell(Kind.ORDER_FILLED, order.position, "BUY 1 BTCUSDT", order=order, price="1.0"),
        tell(Kind.TRANSFER, None, "moved", account=account),
        tell(Kind.WEBHOOK_RENEWED, None, "renewed", user=anna),
    ]

    assert notifications.distribute_events(now=NOON) == 3

    told = list(Notification.objects.order_by("event"))
    assert [(note.user, note.event, note.topic) for note in told] == [
        (anna, about[0], Topic.TRADE_EXECUTED),
        (anna, about[1], Topic.SYSTEM_ALERT),
        (anna, about[2], Topic.SYSTEM_ALERT),
    ]
    assert (told[0].title, told[0].text) == ("Trade executed: BTCUSDT, main", "BUY 1 BTCUSDT")
    expected = {"price": "1.0", "order": order.pk, "account": account.pk, "kind": "order_filled"}
    assert told[0].data | expected == told[0].data
    assert set(Event.objects.values_list("handled_at", flat=True)) == {NOON}


def test_news_of_the_platform_is_for_its_operators(db, anna, operator):
    create_groups()
    helper = UserFactory()
    helper.groups.add(Group.objects.get(name="operator"))
    UserFactory(is_superuser=True, is_active=False)
    tell(Kind.KILL_SWITCH, None, "the platform is halted")

    notifications.distribute_events(now=NOON)

    assert set(Notification.objects.values_list("user", flat=True)) == {operator.pk, helper.pk}


def test_what_is_handled_is_not_told_again(db, anna):
    event = tell(position=PositionFactory(account__owner=anna))
    assert notifications.distribute_events(now=NOON) == 1
    assert notifications.distribute_events(now=NOON) == 0

    Event.objects.update(handled_at=None)  # as if the tick were lost
    notifications.distribute_events(now=NOON)

    assert Notification.objects.get().event == event


def test_who_dies_in_between_has_told_nothing_and_the_next_one_tells_it(db, anna, monkeypatch):
    tell(position=PositionFactory(account__owner=anna))

    def die(*_, **__):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(writing, "write_deliveries", die)
        with pytest.raises(SystemExit):
            notifications.distribute_events(now=NOON)
    assert not Notification.objects.exists()
    assert Event.objects.filter(handled_at=None).count() == 1

    notifications.distribute_events(now=NOON)
    assert Notification.objects.count() == 1


def test_an_event_that_nobody_understands_keeps_none_from_being_told(db, anna, operator):
    position = PositionFactory(account__owner=anna)
    tell(kind="of the future", position=position)
    tell(position=position)

    notifications.distribute_events(now=NOON)

    assert Notification.objects.filter(user=anna).count() == 1
    assert "could not be told" in Notification.objects.get(user=operator).text
    assert not Event.objects.filter(handled_at=None).exists()


def test_old_news_stands_in_the_list_and_wakes_nobody(db, anna, mail):
    tell(Kind.KEY_REFUSED, None, "refused", account=ExchangeAccountFactory(owner=anna))

    notifications.distribute_events(now=NOON + timedelta(days=1))

    assert Notification.objects.count() == 1
    assert not Delivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_tell_each_event_once(anna, monkeypatch):
    monkeypatch.setattr(distributing, "CHUNK", 7)
    position = PositionFactory(account__owner=anna)
    for number in range(100):
        tell(position=position, message=f"{number}")

    def work():
        try:
            notifications.distribute_events(now=NOON)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    while notifications.distribute_events(now=NOON):  # whoever found all others taken had stopped
        pass
    assert Notification.objects.count() == 100
    assert not Notification.objects.values("event").annotate(count=Count("pk")).exclude(count=1).exists()
    connections.close_all()


def test_an_event_costs_a_fraction_of_a_statement(db, anna, mail, django_assert_max_num_queries):
    position = PositionFactory(account__owner=anna)
    Event.objects.bulk_create([new_event(Kind.BOT_ERROR, position, f"{n}", now=NOON) for n in range(1_000)])

    with django_assert_max_num_queries(60):
        assert notifications.distribute_events(now=NOON) == 1_000

    assert Notification.objects.count() == 1_000


def test_somebody_is_told_once_for_each_key(db, anna, operator):
    for _ in range(2):
        notifications.notify([anna.pk], Topic.WEEKLY_SUMMARY, "a good week", key="week 48", now=NOON, profit="1.5")
        notifications.notify_operators("the disk is full", key="disk", now=NOON, severity=Severity.CRITICAL)

    week, disk = Notification.objects.order_by("pk")
    assert (week.user, week.title, week.data) == (anna, "Weekly summary", {"profit": "1.5"})
    assert (disk.user, disk.topic, disk.severity) == (operator, Topic.SYSTEM_ALERT, Severity.CRITICAL)


def test_old_notifications_are_dropped(db, anna, settings):
    settings.NOTIFICATIONS_KEPT_DAYS = 10
    now = timezone.now()
    for days in (9, 11, 12):
        notifications.notify([anna.pk], Topic.BOT_ERROR, "x", key=f"{days}", now=now - timedelta(days=days))

    assert notifications.drop_old_notifications(now=now) == 2

    assert Notification.objects.get().key == f"9:{anna.pk}"


def test_who_upgrades_is_not_told_what_happened_before(anna):
    account, now = ExchangeAccountFactory(owner=anna), timezone.now()
    about = {"kind": Kind.KILL_SWITCH, "account": account, "message": "x"}
    old = Event.objects.create(**about, created_at=now - timedelta(hours=2))
    new = Event.objects.create(**about, created_at=now - timedelta(minutes=10))

    migration = import_module("ops.migrations.0007_old_news_is_told_to_nobody")
    with connection.cursor() as cursor:
        cursor.execute(migration.OLD_NEWS)

    assert Event.objects.filter(handled_at=None).get() == new
    assert Event.objects.get(pk=old.pk).handled_at

"""While PostgreSQL is away operators are told directly, and not once more when it is back."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connections
from django.utils import timezone

from bots.signing import new_secret
from ops import alerts
from ops.alerts import life, updating
from ops.alerts.blackout import Blackout, Known, learn_channels
from ops.alerts.sending import Sender
from ops.alerts.watcher import Watcher
from ops.health import causes
from ops.models import Alert, Channel, Delivery, Notification
from ops.tests.alerts.conftest import WELL, finding
from ops.tests.notifications.conftest import certificates, internet, receiver  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)
AWAY = finding("database")


@pytest.fixture
def channel(operator):
    now = timezone.now()
    about = {"name": "w", "hint": "h", "confirmed_at": now, "created_at": now, "secret": new_secret()}
    return Channel.objects.create(owner=operator, kind="webhook", target="https://hooks.example.com/x", **about)


@pytest.fixture
def blackout(channel):
    now = timezone.now()
    return Blackout(Known(learn_channels(now=now), updating.known_alerts(now=now)))


def last(blackout, *, seconds, wait_until):
    """It goes on for so long, a look every five seconds."""
    now = timezone.now()
    for second in range(0, seconds + 1, 5):
        blackout.see([AWAY, finding("beat", WELL)], now=now + timedelta(seconds=second))
        wait_until(lambda: not blackout.is_sending)
    return now + timedelta(seconds=seconds + 5)


def test_what_was_told_directly_is_not_told_again_and_its_end_is(blackout, internet, receiver, wait_until):  # noqa: F811
    now = last(blackout, seconds=60, wait_until=wait_until)
    assert [one.json["data"]["title"] for one in receiver.received] == ["Alert: database"]

    blackout.write_down(now=now)
    blackout.write_down(now=now)  # as if the first try had been cut off after its commit
    well = finding("database", WELL)
    for second in (0, 5, 10, 15):
        alerts.update([well], now=now + timedelta(seconds=second))

    assert Alert.objects.get().recovery_told_at
    assert list(Notification.objects.order_by("pk").values_list("title", "deliveries__status")) == [
        ("Alert: database", None),
        ("Well again: database", Delivery.Status.PENDING),
    ]


def test_who_was_not_reached_hears_of_it_when_the_database_is_back(blackout, internet, receiver, wait_until):  # noqa: F811
    receiver.answer((503, {}, b""))
    last(blackout, seconds=15, wait_until=wait_until)
    blackout.write_down(now=timezone.now())
    assert Delivery.objects.get().status == Delivery.Status.PENDING
    receiver.answer((200, {}, b""))

    Sender().send_due(now=timezone.now())

    wait_until(lambda: Delivery.objects.filter(status=Delivery.Status.SENT).exists(), 10)


def test_what_another_one_has_suspected_meanwhile_becomes_the_alert(blackout, internet, receiver, wait_until):  # noqa: F811
    now = last(blackout, seconds=15, wait_until=wait_until)
    alerts.update([AWAY], now=now)  # by a connection that had survived

    blackout.write_down(now=now)

    alert = Alert.objects.get()
    assert (alert.is_open, alert.tellings) == (True, 1)


def test_a_hiccup_of_the_database_is_told_to_nobody(blackout, internet, receiver, wait_until):  # noqa: F811
    blackout.write_down(now=last(blackout, seconds=5, wait_until=wait_until))

    assert receiver.received == []
    assert not Alert.objects.exists()


def test_what_people_know_already_is_not_told_directly(channel, internet, receiver, wait_until):  # noqa: F811
    began = timezone.now() - timedelta(seconds=30)
    for second in (0, 10):
        alerts.update([AWAY], now=began + timedelta(seconds=second))
    now = timezone.now()

    last(Blackout(Known(learn_channels(now=now), updating.known_alerts(now=now))), seconds=30, wait_until=wait_until)

    assert receiver.received == []


def test_a_database_that_answers_and_takes_nothing_is_told_directly_without_what_follows_from_it(
    channel,
    internet,  # noqa: F811
    receiver,  # noqa: F811
    wait_until,
    monkeypatch,
):
    def fail(*_, **__):
        raise OperationalError("the disk is full")

    causes.forget()
    watcher = Watcher(look=lambda now: [finding("database", WELL), finding("beat")], patience=0)
    watcher.aside.run(watcher._learn, seconds=10)
    monkeypatch.setattr(updating, "update", fail)
    monkeypatch.setattr(life, "LASTS", timedelta(0))

    watcher.turn()
    wait_until(lambda: not watcher.blackout.is_sending)

    assert [one.json["data"]["title"] for one in receiver.received] == ["Alert: database"]
    watcher.aside.run(connections.close_all, seconds=10)
    causes.forget()

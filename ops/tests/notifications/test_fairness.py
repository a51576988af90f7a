"""One whose receivers are slow, or who has much to be told, does not keep others waiting."""

from datetime import timedelta

import pytest
from django.utils import timezone

from market.tests.factories import UserFactory
from ops import notifications
from ops.models import Channel, Delivery, Topic
from ops.notifications import due
from ops.notifications.senders import SENDERS
from ops.notifications.senders.base import TryAgain

SECOND = timedelta(seconds=1)
WAITS = "waits for its server"


class Clock:
    def __init__(self):
        self.now = timezone.now()

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def eve(db, make_channel):
    """Somebody with many webhooks."""
    eve = UserFactory(username="eve")
    for _ in range(20):
        make_channel(eve)
    return eve


@pytest.fixture
def tell(clock):
    def tell(user, count=1):
        for number in range(count):
            key = f"{user} {number} {Delivery.objects.count()}"
            notifications.notify([user.pk], Topic.STOP_HIT, "x", key=key, now=clock.now, subject=key)
        clock.now += SECOND

    return tell


@pytest.fixture
def slow(clock, monkeypatch):
    """Receivers of webhooks hold us for fifteen seconds, and answer or not."""

    def use(answer=None):
        def send(channel, message):
            clock.now += 15 * SECOND
            if answer:
                raise answer
            return ""

        monkeypatch.setitem(SENDERS, "webhook", send)

    return use


def whose(taken):
    return [Delivery.objects.get(pk=number).channel.owner.username for number, _ in taken]


def ask(clock, most=200):
    return notifications.take_due(now=clock.now, most=most)


def test_who_has_much_to_be_told_does_not_fill_the_broker(clock, eve, anna, tell, make_channel):
    make_channel(anna)
    tell(eve, 15)
    tell(anna)

    first = ask(clock)
    second = ask(clock)

    assert len(first + second) == due.OWNER_AT_ONCE + 1
    assert whose(first + second).count("anna") == 1
    assert ask(clock) == []


@pytest.mark.parametrize("answer", [None, TryAgain("it took too long")])
def test_of_whoever_lets_us_wait_one_is_tried_at_a_time(clock, eve, anna, tell, slow, make_channel, answer):
    slow(answer)
    make_channel(anna)
    tell(eve, 2)
    asked = ask(clock)

    notifications.deliver(asked[0][0], clock=clock)
    said = {notifications.deliver(number, clock=clock) for number, _ in asked[1:]}
    tell(anna)
    clock.now += 10 * SECOND

    assert said == {WAITS}
    assert sorted(whose(ask(clock))) == ["anna", "eve"]
    assert ask(clock) == []


def test_the_lane_of_the_slow_is_not_one_owners(clock, eve, anna, tell, slow, make_channel):
    slow()
    own = make_channel(anna)
    tell(eve, 3)
    tell(anna)
    Channel.objects.filter(pk__in=[own.pk, eve.channels.first().pk]).update(slow_at=clock.now - SECOND)
    seen = set()

    for _ in range(40):
        (taken,) = ask(clock)
        seen |= set(whose([taken]))
        Delivery.objects.filter(pk=taken[0]).update(queued_at=None)

    assert seen == {"anna", "eve"}


def test_in_the_lane_they_are_sent_one_after_the_other(clock, eve, tell, slow):
    slow()
    tell(eve)

    for _ in range(3):
        for number, _kind in ask(clock):
            notifications.deliver(number, clock=clock)
        clock.now += 10 * SECOND

    assert Delivery.objects.filter(status="sent").count() == 3


def test_who_answers_promptly_again_is_forgiven(clock, eve, tell, slow):
    slow()
    tell(eve)
    notifications.deliver(ask(clock)[0][0], clock=clock)
    clock.now += due.SLOW_FOR

    assert len(ask(clock)) == 19


def test_what_the_broker_forgot_keeps_an_owner_waiting_for_a_minute_and_not_for_ten(clock, eve, tell):
    tell(eve, 6)
    ask(clock)
    clock.now += due.LOST_AFTER

    assert len(notifications.take_due(now=clock.now, most=200, others_wait=True)) == due.OWNER_AT_ONCE

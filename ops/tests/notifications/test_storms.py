"""A storm of news: the first ones at once, the rest in few messages, and nothing is lost."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.tests.factories import NOON, UserFactory
from ops import notifications
from ops.models import Delivery, Notification, Severity, Storm, Topic
from ops.notifications import storms
from ops.notifications.delivering import message_of
from ops.notifications.storms import AT_ONCE
from ops.tests.notifications.test_delivering import Later, deliver

Status = Delivery.Status
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def by_mail(mail):
    return mail


@pytest.fixture
def storm(anna):
    """`storm(37, now)` tells anna 37 things of one kind."""

    def storm(count, now=NOON, subject="account 1", severity=Severity.MEDIUM):
        for _ in range(count):
            number = Notification.objects.count()
            about = {"about": "main", "subject": subject, "severity": severity}
            notifications.notify([anna.pk], Topic.ORDER_REJECTED, f"order {number}", key=f"{number}", now=now, **about)

    return storm


def count(**which):
    return Delivery.objects.filter(**which).count()


def test_beyond_the_first_ones_all_become_one(storm, by_mail):
    storm(AT_ONCE + 37)

    assert Notification.objects.count() == AT_ONCE + 37
    assert count(status=Status.PENDING, next_try_at=NOON) == AT_ONCE
    bundle = Delivery.objects.get(status=Status.PENDING, next_try_at=NOON + MINUTE)
    assert count(status=Status.BUNDLED, bundle=bundle) == 36

    clock = Later()
    clock.now = NOON
    assert deliver(bundle, clock) == "skipped (pending)"
    clock.now += MINUTE
    assert deliver(bundle, clock) == "sent"
    (mail,) = by_mail.taken
    text = mail.get_payload()[0].get_payload(decode=True).decode()
    assert mail["Subject"] == "[TradeBot] 37 more: Order rejected: main"
    assert [f"order {number}" in text for number in (4, 5, 14, 15)] == [False, True, True, False]
    assert "and 27 more" in text


def test_all_in_one_transaction_are_bundled_the_same(anna):
    news = [
        notifications.News(anna.pk, Topic.ORDER_REJECTED, Severity.MEDIUM, "t", f"{n}", f"{n}", NOON, subject="a")
        for n in range(AT_ONCE + 10)
    ]
    assert notifications.write_news(news, now=NOON) == AT_ONCE + 10

    assert (count(bundle=None), count(status=Status.BUNDLED)) == (AT_ONCE + 1, 9)


@pytest.mark.parametrize("change", [{"subject": "account 2"}, {"severity": Severity.HIGH}])
def test_what_is_about_something_else_is_not_held_up(storm, change):
    storm(AT_ONCE + 10)
    storm(1, **change)

    assert count(status=Status.PENDING, next_try_at=NOON) == AT_ONCE + 1


def test_a_bundle_that_is_being_sent_takes_no_more(storm):
    storm(AT_ONCE + 2)
    bundle = Delivery.objects.get(next_try_at=NOON + MINUTE)
    Delivery.objects.filter(pk=bundle.pk).update(status=Status.SENDING, attempts=1)

    storm(1)

    assert count(bundle=bundle) == 1
    assert count(status=Status.PENDING, next_try_at=NOON + MINUTE) == 1


def test_a_bundle_that_may_have_arrived_takes_no_more(storm):
    storm(AT_ONCE + 2)
    bundle = Delivery.objects.get(next_try_at=NOON + MINUTE)
    Delivery.objects.filter(pk=bundle.pk).update(
        attempts=1
    )  # the line was dropped: it is tried again, in the same words

    storm(1)

    assert count(bundle=bundle) == 1


def test_a_storm_that_goes_on_is_told_ever_less_often_and_then_it_is_over(storm):
    storm(AT_ONCE + 1)
    waits = []
    for _ in range(6):
        now = Storm.objects.get().ends_at
        storm(20, now=now)
        waits.append((Storm.objects.get().ends_at - now) / MINUTE)
    assert waits == [2, 4, 8, 16, 16, 16]

    later = Storm.objects.get().ends_at + timedelta(minutes=17)
    storm(1, now=later)
    assert count(status=Status.PENDING, next_try_at=later) == 1


def test_of_what_is_critical_the_rest_waits_a_minute(storm):
    storm(AT_ONCE + 1, severity=Severity.CRITICAL)
    now = Storm.objects.get().ends_at
    storm(1, now=now, severity=Severity.CRITICAL)

    assert Storm.objects.get().ends_at == now + MINUTE


def test_a_bundle_is_sent_again_with_the_same_words(storm, by_mail):
    storm(AT_ONCE + 3)
    bundle = Delivery.objects.get(next_try_at=NOON + MINUTE)
    clock = Later()
    clock.now = NOON + MINUTE
    by_mail.mood = "later"
    deliver(bundle, clock)
    said = message_of(bundle)

    storm(5, now=clock.now)

    bundle.refresh_from_db()
    assert message_of(bundle) == said


def test_storms_that_are_over_are_forgotten(storm):
    storm(1)

    assert storms.drop_old_storms(now=NOON + MINUTE) == 0
    assert storms.drop_old_storms(now=NOON + timedelta(days=2)) == 1


@pytest.mark.django_db
@given(waits=st.lists(st.integers(0, 90), min_size=1, max_size=40))
def test_every_notification_has_one_delivery_which_is_told(waits):
    anna, now = UserFactory(email="a@example.com"), NOON
    for number, seconds in enumerate(waits):
        now += timedelta(seconds=seconds)
        notifications.notify([anna.pk], Topic.BOT_ERROR, "x", key=f"{number}", now=now)

    assert count(notification__user=anna) == len(waits)
    for delivery in Delivery.objects.filter(notification__user=anna, status=Status.BUNDLED):
        assert delivery.bundle.status == Status.PENDING
        assert delivery.bundle.bundle is None
        assert delivery.bundle.next_try_at >= delivery.notification.created_at

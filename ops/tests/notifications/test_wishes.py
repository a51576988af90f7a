"""Who wants what by which way: defaults without rows, choices with them."""

import pytest

from market.tests.factories import NOON, UserFactory
from ops import notifications
from ops.models import Channel, Delivery, Preference, Severity, Topic
from ops.notifications.wishes import OWN_ADDRESS, Wish, default_wish, wishes_of


def told(user, topic=Topic.STOP_HIT, severity=Severity.LOW):
    """The names of the channels by which the user is told something."""
    key = f"{topic} {severity} {Delivery.objects.count()} {Preference.objects.count()}"
    notifications.notify([user.pk], topic, "x", key=key, now=NOON, severity=severity)
    found = Delivery.objects.filter(notification__key=f"{key}:{user.pk}")
    return list(found.order_by("channel").values_list("channel__name", flat=True))


def test_who_has_an_address_is_told_by_e_mail_what_matters(anna, mail):
    assert told(anna, Topic.STOP_HIT) == ["e-mail"]
    assert told(anna, Topic.TRADE_EXECUTED) == []
    assert told(anna, Topic.ORDER_REJECTED, Severity.LOW) == []
    assert told(anna, Topic.ORDER_REJECTED, Severity.MEDIUM) == ["e-mail"]
    assert Channel.objects.get().follows_owner


@pytest.mark.parametrize("kind", ["telegram", "webhook", "apprise"])
def test_other_channels_tell_everything(kind):
    assert {default_wish(kind, topic) for topic in Topic} == {Wish(True, Severity.LOW)}


def test_who_has_no_address_or_no_mail_server_gets_no_mail(db, mail, settings):
    assert told(UserFactory(email="")) == []

    settings.EMAIL_URL = ""
    assert told(UserFactory(email="b@example.com")) == []
    assert not Channel.objects.exists()


def test_who_switched_it_off_stays_alone(anna, mail):
    told(anna)
    Channel.objects.update(is_enabled=False)

    assert told(anna) == []
    assert Channel.objects.count() == 1


def test_a_choice_counts_more_than_the_defaults(anna, mail, make_channel):
    hook = make_channel(anna, name="hook")
    Preference.objects.create(channel=hook, topic=Topic.STOP_HIT, is_wanted=False)
    Preference.objects.create(channel=hook, topic=Topic.SYSTEM_ALERT, is_wanted=True, min_severity=Severity.HIGH)

    assert told(anna, Topic.STOP_HIT) == ["e-mail"]
    assert told(anna, Topic.SYSTEM_ALERT, Severity.MEDIUM) == ["e-mail"]
    assert told(anna, Topic.SYSTEM_ALERT, Severity.CRITICAL) == ["hook", "e-mail"]
    assert wishes_of(hook)[Topic.SYSTEM_ALERT] == Wish(True, Severity.HIGH)


@pytest.mark.parametrize("change", [{"is_enabled": False}, {"confirmed_at": None}, {"owner": "other"}])
def test_only_own_channels_that_may_be_used_tell(anna, make_channel, change):
    hook = make_channel(anna, name="hook")
    if "owner" in change:
        change = {"owner": UserFactory()}
    Channel.objects.filter(pk=hook.pk).update(**change)

    assert told(anna) == []


def test_who_may_not_log_in_any_more_is_sent_nothing(anna, mail, make_channel):
    make_channel(anna)
    anna.is_active = False
    anna.save()

    assert told(anna) == []


def test_who_calls_another_channel_e_mail_is_told_by_their_own_address_all_the_same(anna, mail, make_channel):
    make_channel(anna, name=OWN_ADDRESS)
    make_channel(anna, name=f"{OWN_ADDRESS} 2")

    notifications.notify([anna.pk], Topic.BOT_ERROR, "x", key="x", now=NOON)

    assert Channel.objects.get(kind="email").name == "e-mail 3"
    assert Delivery.objects.filter(channel__kind="email").exists()

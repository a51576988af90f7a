"""Sending by a real mail server: what arrives, what is tried again, and what is given up."""

import smtplib
import threading
from datetime import timedelta
from email.header import decode_header, make_header

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection
from django.utils import timezone

from ops import notifications
from ops.models import Channel, Delivery, Notification, Severity, Topic
from ops.notifications import delivering, due, pauses
from ops.notifications.changing import requeue
from ops.notifications.delivering import ATTEMPTS, LEASE, DeliveryFailed, clean
from ops.notifications.senders import SENDERS
from ops.notifications.senders.base import Refused, TryAgain, Unreachable

Status = Delivery.Status


@pytest.fixture
def tell(anna):
    """`tell()` tells anna something, and returns its delivery."""

    def tell(text="the stop of BTCUSDT was hit", user=anna, topic=Topic.STOP_HIT, now=None, **more):
        now = now or timezone.now()
        notifications.notify([user.pk], topic, text, key=f"{text}:{now}", now=now, **more)
        return Delivery.objects.order_by("pk").last()

    return tell


class Later:
    """A clock that a test sets."""

    def __init__(self):
        self.now = timezone.now()

    def __call__(self):
        return self.now

    def wait_for(self, delivery):
        delivery.refresh_from_db()
        self.now = delivery.next_try_at


@pytest.fixture
def clock():
    return Later()


def deliver(delivery, clock=timezone.now):
    """Send it; what became of it."""
    try:
        said = notifications.deliver(delivery.pk, clock=clock)
    except DeliveryFailed as error:
        said = f"failed: {error}"
    delivery.refresh_from_db()
    return said


def test_a_mail_arrives(tell, mail, anna, settings):
    settings.SITE_URL = "https://bots.example.com"
    delivery = tell("a < b & c\nsecond line", title="Stop hit: BTCUSDT\nBcc: eve@example.com")

    assert deliver(delivery) == "sent"

    (received,) = mail.taken
    text, html = received.get_payload()
    assert received["To"] == "anna@example.com"
    assert str(make_header(decode_header(received["Subject"]))) == "[TradeBot] Stop hit: BTCUSDT Bcc: eve@example.com"
    assert received["Bcc"] is None
    assert received["Auto-Submitted"] == "auto-generated"
    assert received["List-Unsubscribe"] == "<https://bots.example.com/admin/ops/channel/>"
    assert "a < b & c" in text.get_payload(decode=True).decode()
    assert "a &lt; b &amp; c" in html.get_payload(decode=True).decode()
    assert (delivery.status, delivery.attempts, delivery.provider_id) == (Status.SENT, 1, received["Message-ID"])


def test_what_is_sent_is_not_sent_again(tell, mail):
    delivery = tell()

    assert [deliver(delivery) for _ in range(3)] == ["sent", "skipped (sent)", "skipped (sent)"]

    assert mail.attempts == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_sends_it(tell, mail):
    delivery, said = tell(), []

    def work():
        try:
            said.append(notifications.deliver(delivery.pk, clock=timezone.now))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert said.count("sent") == 1
    assert len(mail.taken) == 1


def test_a_clear_no_is_a_dead_letter_at_once(tell, mail, operator, anna):
    mail.mood = "no such mailbox"
    delivery = tell()

    said = deliver(delivery)

    assert said.startswith("failed: email channel")
    assert "550" in said
    assert (delivery.status, mail.attempts) == (Status.FAILED, 1)
    assert "550" in Channel.objects.get(owner=anna).last_error
    assert [note.user for note in Notification.objects.filter(key__startswith="channel:").order_by("user")] == [
        anna,
        operator,
    ]


def test_spam_is_refused_for_good(tell, mail):
    mail.mood = "spam"
    delivery = tell()

    deliver(delivery)

    assert (delivery.status, mail.attempts) == (Status.FAILED, 1)


def test_what_may_come_later_is_tried_five_times_ever_later(tell, mail, clock):
    mail.mood = "later"
    delivery, waits = tell(now=clock.now), []

    for _ in range(ATTEMPTS - 1):
        assert deliver(delivery, clock).startswith("tried again later: the mail server says 451")
        waits.append((delivery.next_try_at - clock.now).total_seconds())
        assert deliver(delivery, clock) == "skipped (pending)"
        clock.wait_for(delivery)
    assert deliver(delivery, clock).startswith("failed")

    assert mail.attempts == ATTEMPTS
    assert [3 <= waits[0] <= 5, 12 <= waits[1] <= 20, 48 <= waits[2] <= 80, 192 <= waits[3] <= 320] == [True] * 4
    assert delivery.status == Status.FAILED


def test_after_bad_news_it_arrives(tell, mail, clock, anna):
    mail.mood = "later"
    delivery = tell(now=clock.now)
    deliver(delivery, clock)
    assert Channel.objects.get(owner=anna).failing_since == clock.now

    mail.mood = "take"
    clock.wait_for(delivery)
    assert deliver(delivery, clock) == "sent"

    channel = Channel.objects.get(owner=anna)
    assert (channel.failing_since, channel.last_error, delivery.last_error) == (None, "", "")


def test_who_drops_the_line_after_the_mail_gets_it_again_with_the_same_id(tell, mail, clock):
    mail.mood = "drop"
    delivery = tell(now=clock.now)
    assert deliver(delivery, clock).startswith("tried again later")

    mail.mood = "take"
    clock.wait_for(delivery)
    assert deliver(delivery, clock) == "sent"

    assert len(mail.ids) == 2
    assert len(set(mail.ids)) == 1


def test_a_server_that_hangs_costs_one_time_out_and_no_message(tell, hanging, clock):
    deliveries = [tell(f"{n}", now=clock.now) for n in range(3)]

    said = [deliver(delivery, clock) for delivery in deliveries]

    assert said[0].startswith("tried again later: the mail server: ")
    assert said[1:] == ["waits for its server"] * 2
    assert [it.attempts for it in deliveries] == [0] * 3
    assert {it.status for it in deliveries} == {Status.PENDING}


def test_a_server_that_does_not_answer_the_greeting_is_away_too(tell, mail, clock, settings):
    settings.EMAIL_TIMEOUT, mail.mood = 0.2, "hang"
    delivery, other = tell("1", now=clock.now), tell("2", now=clock.now)

    deliver(delivery, clock)

    assert (delivery.status, delivery.attempts) == (Status.PENDING, 0)
    assert deliver(other, clock) == "waits for its server"


def test_a_server_that_is_away_is_asked_ever_later_and_gets_it_in_the_end(
    tell, use_mail, mail, clock, settings, free_port
):
    port = settings.EMAIL_PORT
    use_mail(free_port)
    delivery, waits = tell(now=clock.now), []

    for _ in range(12):
        deliver(delivery, clock)
        waits.append((delivery.next_try_at - clock.now).total_seconds())
        clock.wait_for(delivery)
    assert waits[0] < 3 < waits[3] < waits[-1] < 400
    use_mail(port)

    assert deliver(delivery, clock) == "sent"
    assert delivery.attempts == 1


def test_a_server_that_was_away_for_a_day_makes_dead_letters(tell, hanging, clock):
    delivery = tell(now=clock.now)

    clock.now += timedelta(days=1, seconds=1)
    deliver(delivery, clock)

    assert delivery.status == Status.FAILED


def test_when_a_server_is_back_after_days_nobody_gets_the_news_of_then(tell, mail, clock):
    old, delivery = tell("1", now=clock.now), tell("2", now=clock.now + timedelta(days=2, hours=23))

    clock.now += timedelta(days=3)

    assert "within a day" in deliver(old, clock)
    assert deliver(delivery, clock) == "sent"
    assert (old.status, len(mail.taken)) == (Status.FAILED, 1)
    assert not Notification.objects.filter(key__startswith="channel:").exists()  # of that no channel is to blame


def test_what_is_old_when_its_server_is_away_waits_for_nothing(tell, hanging, clock):
    old = tell("1", now=clock.now)
    clock.now += timedelta(days=1, seconds=1)
    pauses.pause(old.channel, now=clock.now)

    deliver(old, clock)

    assert old.status == Status.FAILED


def test_what_is_sent_again_has_another_day(tell, mail, use_mail, clock, free_port):
    mail.mood = "no such mailbox"
    first, second = tell("1", now=clock.now), tell("2", now=clock.now)
    deliver(first, clock)
    deliver(second, clock)
    clock.now += timedelta(days=3)
    requeue(Delivery.objects.filter(pk=second.pk), now=clock.now)
    use_mail(free_port)

    deliver(first, clock)
    deliver(second, clock)

    assert (first.status, second.status) == (Status.PENDING, Status.PENDING)


def test_of_a_webhook_that_is_broken_its_owner_is_told_by_other_channels(
    tell, mail, anna, operator, make_channel, monkeypatch
):
    operator.email = "operator@example.com"
    operator.save()
    monkeypatch.setitem(SENDERS, "webhook", refuse)
    channel = make_channel(anna)
    tell()

    deliver(Delivery.objects.get(channel=channel))

    note = Notification.objects.get(user=anna, key__startswith="channel:")
    assert [it.channel.kind for it in note.deliveries.all()] == ["email"]
    assert not Delivery.objects.filter(channel__owner=operator).exists()  # it stands in their list


def test_a_receiver_that_takes_nothing_for_days_is_left_alone(tell, anna, make_channel, clock, monkeypatch):
    monkeypatch.setitem(SENDERS, "webhook", refuse)
    channel, enabled = make_channel(anna), []

    for day in range(7):
        deliver(tell(f"{day}", now=clock.now), clock)
        clock.now += timedelta(days=1)
        channel.refresh_from_db()
        enabled.append(channel.is_enabled)
        if not channel.is_enabled:
            break

    assert enabled == [True] * 6 + [False]
    told = Notification.objects.filter(user=anna, key__startswith="channel:").order_by("pk")
    assert ["switched off" in note.text for note in told] == [False, True]


def test_two_that_fail_at_the_same_time_are_told_once(tell, anna, make_channel, clock, monkeypatch):
    make_channel(anna)
    first, second = tell("1", now=clock.now), tell("2", now=clock.now)

    def slowly(channel, message):
        clock.now += timedelta(seconds=1)
        if message.text == "1":
            deliver(second, clock)
        clock.now += timedelta(seconds=1)
        raise Refused("404")

    monkeypatch.setitem(SENDERS, "webhook", slowly)
    deliver(first, clock)

    assert Notification.objects.filter(key__startswith="channel:").count() == 1


def test_a_mail_that_was_taken_is_sent_even_if_the_farewell_takes_too_long(tell, mail, monkeypatch):
    def endless(_):
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(smtplib.SMTP, "quit", endless)
    delivery = tell()

    assert deliver(delivery) == "sent"


def refuse(*_):
    raise Refused("404")


def test_who_is_killed_while_sending_is_replaced_when_the_claim_ends(tell, mail, clock, monkeypatch):
    delivery = tell(now=clock.now)

    def die(*_):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setitem(SENDERS, "email", die)
        with pytest.raises(SystemExit):
            notifications.deliver(delivery.pk, clock=clock)
    assert deliver(delivery, clock) == "skipped (sending)"

    clock.now += LEASE
    assert deliver(delivery, clock) == "sent"
    assert (delivery.attempts, len(mail.taken)) == (2, 1)


def test_what_kills_its_workers_is_given_up(tell, clock, mail, monkeypatch):
    def die(*_):
        raise SystemExit

    monkeypatch.setitem(SENDERS, "email", die)
    delivery = tell(now=clock.now)
    for _ in range(ATTEMPTS):
        with pytest.raises(SystemExit):
            notifications.deliver(delivery.pk, clock=clock)
        clock.now += LEASE

    assert "workers died" in deliver(delivery, clock)
    assert delivery.status == Status.FAILED


def test_who_took_longer_than_the_claim_writes_nothing(tell, clock, mail, monkeypatch, caplog):
    delivery = tell(now=clock.now)

    def slow(channel, message):
        clock.now += LEASE
        monkeypatch.setitem(SENDERS, "email", lambda *_: "the second")
        assert notifications.deliver(delivery.pk, clock=clock) == "sent"
        return "the first"

    monkeypatch.setitem(SENDERS, "email", slow)
    deliver(delivery, clock)

    assert delivery.provider_id == "the second"
    assert "may be sent twice" in caplog.text


def test_who_took_longer_leaves_the_claim_of_the_next_one_alone(tell, clock, mail, monkeypatch):
    delivery = tell(now=clock.now)

    def slow(channel, message):
        clock.now += LEASE
        claimed = Delivery.objects.get(pk=delivery.pk)
        assert delivering._claim(claimed, now=clock.now)
        return "the first"

    monkeypatch.setitem(SENDERS, "email", slow)
    deliver(delivery, clock)

    assert (delivery.status, delivery.provider_id) == (Status.SENDING, "")


def test_a_server_that_is_back_is_forgiven_at_once(tell, mail, clock, use_mail, free_port, settings):
    port = settings.EMAIL_PORT
    use_mail(free_port)
    delivery = tell(now=clock.now)
    for _ in range(6):
        deliver(delivery, clock)
        clock.wait_for(delivery)
    use_mail(port)
    assert deliver(delivery, clock) == "sent"

    use_mail(free_port)
    deliver(next_one := tell("2", now=clock.now), clock)

    assert next_one.next_try_at - clock.now < timedelta(seconds=3)


def test_no_transaction_is_open_while_it_is_sent(tell, mail, monkeypatch):
    open_ones = []
    monkeypatch.setitem(SENDERS, "email", lambda *_: open_ones.append(len(connection.savepoint_ids)) or "")
    before = len(connection.savepoint_ids)

    deliver(tell())

    assert open_ones == [before]


def test_an_operator_sends_a_dead_one_again(tell, mail, clock):
    mail.mood = "no such mailbox"
    delivery = tell(now=clock.now)
    deliver(delivery, clock)

    mail.mood = "take"
    clock.now += timedelta(days=3)
    assert deliver(delivery, clock) == "sent"
    assert (delivery.status, delivery.attempts) == (Status.SENT, 1)


@pytest.mark.parametrize("change", [{"is_enabled": False}, {"confirmed_at": None}])
def test_a_channel_that_was_switched_off_meanwhile_says_nothing(tell, mail, change):
    delivery = tell()
    Channel.objects.update(**change)

    assert deliver(delivery) == "not sent: the channel is switched off"

    assert (delivery.status, mail.attempts) == (Status.FAILED, 0)


def test_a_bug_of_a_sender_is_tried_again_and_tells_no_secret(tell, mail, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("https://discord.example/0123456789")

    monkeypatch.setitem(SENDERS, "email", broken)
    delivery = tell()

    assert deliver(delivery) == "tried again later: RuntimeError in our sender"
    assert "0123456789" not in caplog.text


@pytest.mark.parametrize("error", [Refused, TryAgain, Unreachable])
def test_no_address_gets_into_what_is_shown(anna, operator, make_channel, monkeypatch, error):
    def leaky(channel, message):
        raise error(f"404 for {channel.target.reveal()} with 0123456789")

    monkeypatch.setitem(SENDERS, "webhook", leaky)
    channel = make_channel(anna, kind="webhook", target="webhook://some.host/0123456789?x=abcdefgh")
    now = timezone.now()
    notifications.notify([anna.pk], Topic.BOT_ERROR, "x", key="x", now=now)

    said = deliver(Delivery.objects.get(channel=channel))

    channel.refresh_from_db()
    shown = [said, Delivery.objects.get(channel=channel).last_error, channel.last_error]
    shown += Notification.objects.values_list("text", flat=True)
    assert "404 for ***" in channel.last_error
    assert not [text for text in shown if "0123456789" in text or "abcdefgh" in text]


def test_how_long_a_receiver_wants_us_to_wait_is_minded(tell, mail, clock, monkeypatch):
    def busy(*_):
        raise TryAgain("too many", after=timedelta(minutes=7))

    monkeypatch.setitem(SENDERS, "email", busy)
    delivery = tell(now=clock.now)
    deliver(delivery, clock)

    assert delivery.next_try_at == clock.now + timedelta(minutes=7)


# --- what is due ----------------------------------------------------------------------------------------------------


def test_what_is_due_is_asked_for_once_a_minute(tell, mail, clock):
    first, second = tell("1", now=clock.now), tell("2", now=clock.now + timedelta(seconds=1))
    clock.now += timedelta(seconds=1)

    assert notifications.take_due(now=clock.now, most=1) == [(first.pk, "email")]
    assert notifications.take_due(now=clock.now, most=9) == [(second.pk, "email")]
    assert notifications.take_due(now=clock.now, most=9) == []

    clock.now += due.LOST_AFTER  # the broker forgot them
    assert notifications.take_due(now=clock.now, most=9, others_wait=True) == []
    assert len(notifications.take_due(now=clock.now, most=9)) == 2


def test_a_claim_that_ran_out_is_due(tell, mail, clock, monkeypatch):
    delivery = tell(now=clock.now)
    notifications.take_due(now=clock.now, most=9)
    Delivery.objects.update(status=Status.SENDING, next_try_at=clock.now + LEASE)

    assert notifications.take_due(now=clock.now + LEASE - timedelta(seconds=1), most=9) == []
    assert notifications.take_due(now=clock.now + LEASE, most=9) == [(delivery.pk, "email")]


def test_what_waits_for_its_server_is_not_asked_for(tell, mail, clock, anna):
    tell(now=clock.now)
    pauses.pause(Channel.objects.get(owner=anna), now=clock.now)

    assert notifications.take_due(now=clock.now, most=9) == []


def test_clean_leaves_what_is_no_secret():
    channel = Channel(kind="webhook", target="https://a.b/c", secret="")

    assert clean("404 for https://a.b/c and more", channel) == "404 for *** and more"


def test_severity_of_a_message_is_its_own(tell, mail):
    delivery = tell(severity=Severity.HIGH)

    assert delivering.message_of(delivery).severity == "high"

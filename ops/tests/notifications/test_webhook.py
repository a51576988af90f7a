"""Webhooks: signed so that their receivers believe them, and sorted by what their receivers answer."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from bots.signing import new_secret
from market.tests.factories import NOON
from ops.models import Channel
from ops.notifications import calls
from ops.notifications.senders import CHECKS, SENDERS, webhook
from ops.notifications.senders.answers import wait_asked_for
from ops.notifications.senders.base import Refused, TryAgain, Unreachable
from ops.notifications.senders.webhook_secrets import renew_secret, signing_secrets
from ops.tests.notifications.sending import make_message

URL = "https://hooks.example.com/in/T0KEN?key=T0KEN"


@pytest.fixture
def channel(anna, internet, make_channel):
    return make_channel(anna, "webhook", target=URL, secret=new_secret())


def sent(channel, message=None):
    return SENDERS["webhook"](channel, message or make_message())


def test_the_receiver_believes_it_and_reads_what_happened(channel, receiver):
    assert sent(channel) == ""

    got = receiver.received[0]
    told = Webhook(channel.secret.reveal()).verify(got.body, got.headers)
    assert told == {
        "version": 1,
        "type": "trade_executed",
        "timestamp": "2026-11-21T12:00:30+00:00",
        "data": {
            "severity": "low",
            "title": "Bought 0.01 BTC",
            "text": "Bot Grüße <7> bought 0.01 BTC & paid 631.20 USDT.",
            "about": {"bot": 7, "price": "63120.00"},
        },
    }
    assert got.path == "/in/T0KEN?key=T0KEN"
    assert got.headers["Content-Type"] == "application/json"


def test_what_was_changed_on_its_way_is_not_believed(channel, receiver):
    sent(channel)

    got, reader = receiver.received[0], Webhook(channel.secret.reveal())
    changes = [
        (got.body.replace(b"Bought", b"Sold"), {}),
        (got.body, {"webhook-id": "dlv_8"}),
        (got.body, {"webhook-timestamp": str(int(got.headers["webhook-timestamp"]) + 1)}),
    ]
    for body, headers in changes:
        with pytest.raises(WebhookVerificationError, match="No matching signature"):
            reader.verify(body, got.headers | headers)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(new_secret()).verify(got.body, got.headers)


def test_another_try_has_the_same_id_and_the_time_of_the_try(channel, receiver):
    with time_machine.travel(timezone.now() - timedelta(minutes=10), tick=False):
        sent(channel)
    sent(channel)

    first, second = (got.headers for got in receiver.received)
    assert first["webhook-id"] == second["webhook-id"] == "dlv_7"
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) >= 600


def test_after_a_change_of_the_secret_the_old_one_is_good_for_a_day(channel, receiver):
    old, now = channel.secret.reveal(), timezone.now()

    new = renew_secret(channel, now=now)

    channel.refresh_from_db()
    sent(channel)
    for secret in (old, new):
        assert Webhook(secret).verify(receiver.received[0].body, receiver.received[0].headers)
    text = channel.secret.reveal()
    assert signing_secrets(text, now=now + timedelta(hours=23)) == [new, old]
    assert signing_secrets(text, now=now + timedelta(hours=25)) == [new]


def test_of_secrets_changed_twice_the_last_two_count(channel):
    first = renew_secret(channel, now=NOON)
    second = renew_secret(channel, now=NOON)

    channel.refresh_from_db()
    assert signing_secrets(channel.secret.reveal(), now=NOON) == [second, first]


def test_a_channel_without_a_secret_gets_one_and_sends_nothing_before(channel, receiver):
    channel.secret = ""
    channel.save()

    with pytest.raises(Refused, match="no secret to sign with"):
        sent(channel)

    assert receiver.received == []
    assert renew_secret(channel, now=NOON).startswith("whsec_")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_yes_is_one(channel, receiver, status):
    receiver.answer((status, {}, b""))

    assert sent(channel) == ""


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(channel, receiver, status):
    receiver.answer((status, {}, b"T0KEN"))

    with pytest.raises(TryAgain, match=f"hooks\\.example\\.com answered {status}$") as caught:
        sent(channel)

    assert caught.value.after is None


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 409, 411, 413, 415, 422])
def test_a_clear_no_is_one(channel, receiver, status):
    receiver.answer((status, {"Location": "https://localhost/"}, b"T0KEN"))

    with pytest.raises(Refused, match=f"hooks\\.example\\.com answered {status}") as caught:
        sent(channel)

    assert "T0KEN" not in str(caught.value)
    assert len(receiver.received) == 1
    assert Channel.objects.get().is_enabled


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        ("0", 0),
        ("Sat, 21 Nov 2026 12:02:30 GMT", 120),
        ("Sat, 21 Nov 2026 11:02:00 GMT", 0),
        ("99999999999999999999", 10**8),
        *((text, None) for text in ("", "-5", "soon", "1.5", "²", "Sun, 99 Nov 2026 12:02:00 GMT")),
    ],
)
def test_how_long_it_asks_us_to_wait_is_read(text, seconds):
    assert wait_asked_for(text, now=NOON) == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(("asked", "kept"), [("90", timedelta(seconds=90)), ("86400", timedelta(hours=1))])
def test_it_is_left_alone_as_long_as_it_asks_within_an_hour(channel, receiver, asked, kept):
    receiver.answer((429, {"Retry-After": asked}, b""))

    with pytest.raises(TryAgain) as caught:
        sent(channel)

    assert caught.value.after == kept


def test_whoever_says_gone_is_told_nothing_any_more(channel, receiver):
    receiver.answer((410, {}, b""))

    with pytest.raises(Refused, match="answered 410"):
        sent(channel)

    channel.refresh_from_db()
    assert not channel.is_enabled
    assert channel.last_error == "Switched off: its receiver answered 410, gone."


def test_a_channel_that_leads_elsewhere_meanwhile_is_not_switched_off(channel, receiver):
    receiver.answer((410, {}, b""))
    other = Channel.objects.get()
    other.target = "https://new.example.com/"
    other.save()

    with pytest.raises(Refused):
        sent(channel)

    assert Channel.objects.get().is_enabled


def test_a_receiver_that_is_away_is_tried_again(channel, internet):
    internet.names["hooks.example.com"] = [[]]

    with pytest.raises(Unreachable, match=r"hooks\.example\.com was not resolved"):
        sent(channel)


def test_whoever_hangs_may_have_it_already_so_its_tries_are_counted(channel, receiver, monkeypatch):
    monkeypatch.setattr(calls, "TOTAL_SECONDS", 0.3)
    receiver.answer(lambda handler: handler.server.let_go.wait(30))

    with pytest.raises(TryAgain, match=r"hooks\.example\.com: it took too long") as caught:
        sent(channel)

    assert not isinstance(caught.value, Unreachable)


def test_a_name_that_leads_to_us_is_refused(channel, internet):
    internet.names["hooks.example.com"] = [["10.0.0.7"]]

    with pytest.raises(Refused, match=r"target: host 'hooks\.example\.com' leads to an address that is not") as caught:
        sent(channel)

    assert "10.0.0.7" not in str(caught.value)
    assert internet.dialed == []


@pytest.mark.parametrize("target", ["http://hooks.example.com/T0KEN", "https://10.0.0.7/T0KEN", "T0KEN", ""])
def test_a_bad_address_is_told_when_it_is_entered(target):
    with pytest.raises(ValueError, match=r"it is not of the form|no full name") as caught:
        CHECKS["webhook"](target)

    assert "T0KEN" not in str(caught.value)


def test_a_good_one_is_taken_and_shown_by_its_host():
    CHECKS["webhook"](URL)

    assert webhook.hint(URL) == "https://hooks.example.com/…"

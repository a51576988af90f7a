"""Channels are their owners' matter; an address is believed when somebody there has told us the code."""

import re
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from market.tests.factories import NOON, UserFactory
from ops import tasks
from ops.models import Channel, Delivery, Notification, Severity, Topic
from ops.notifications import NotForYou, asking, channels, send_to
from ops.notifications.channels import NotYourChannel, WrongCode
from ops.notifications.counting import TooSoon

MINUTE = timedelta(minutes=1)


def add(owner, kind="email", name="other", target="other@example.com", by=None, now=NOON):
    return channels.add_channel(owner, kind=kind, name=name, target=target, by=by or owner, now=now)[0]


def test_another_address_is_mute_until_its_code_was_told(anna, mail):
    channel = add(anna)
    assert not Channel.objects.usable().exists()
    channels.claim_code(channel, by=anna, now=NOON)
    channels.send_code(channel, now=NOON)
    code = re.search(r"is (\w{10})\.", mail.taken[0].get_payload()[0].get_payload(decode=True).decode())[1]

    with pytest.raises(WrongCode):
        channels.confirm(channel, "AAAAAAAAAA", by=anna, now=NOON)
    with pytest.raises(WrongCode):
        channels.confirm(channel, code, by=anna, now=NOON + timedelta(days=2))
    channels.confirm(channel, f" {code.lower()} ", by=anna, now=NOON + timedelta(hours=12))

    assert mail.taken[0]["To"] == "other@example.com"
    assert channel in Channel.objects.usable()


def test_the_code_of_one_address_is_not_that_of_the_next(anna):
    channel = add(anna)
    code = channels.code_of(channel, now=NOON)

    channels.change_target(channel, "victim@example.com", by=anna, now=NOON)

    with pytest.raises(WrongCode):
        channels.confirm(channel, code, by=anna, now=NOON)


def test_codes_are_sent_once_a_minute(anna):
    first, second = add(anna), add(anna, name="second", target="second@example.com")
    channels.claim_code(first, by=anna, now=NOON)

    with pytest.raises(TooSoon):
        channels.claim_code(second, by=anna, now=NOON + MINUTE / 2)
    channels.claim_code(second, by=anna, now=NOON + MINUTE)


def test_the_code_is_sent_by_a_worker_and_kept_nowhere(anna, mail):
    channel = add(anna)
    tasks.send_channel_code(channel.pk)

    assert len(mail.taken) == 1
    assert not Delivery.objects.exists()
    channels.confirm(channel, channels.code_of(channel, now=channel.created_at), by=anna, now=NOON)
    tasks.send_channel_code(channel.pk)
    assert len(mail.taken) == 1


def test_the_own_address_needs_no_code(anna):
    assert add(anna, target="Anna@example.com").confirmed_at == NOON


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"target": "no address"}, "target"),
        ({"target": ""}, "target"),
        ({"kind": "pigeon"}, "kind"),
        ({"name": "taken"}, "name"),
    ],
)
def test_what_is_wrong_is_named(anna, wrong, field):
    add(anna, name="taken", target="taken@example.com")

    with pytest.raises(ValidationError) as caught:
        add(anna, **{"name": "new"} | wrong)

    assert list(caught.value.message_dict) == [field]


def test_there_are_not_endlessly_many(anna):
    for number in range(channels.MOST_CHANNELS):
        add(anna, name=f"{number}")

    with pytest.raises(ValidationError, match="20 channels"):
        add(anna)


def test_nobody_touches_what_is_anothers(anna, operator):
    channel = add(anna)
    acts = [
        lambda: add(anna, by=operator),
        lambda: channels.change_target(channel, "x@example.com", by=operator, now=NOON),
        lambda: channels.switch(channel, is_enabled=False, by=operator),
        lambda: channels.renew_secret(channel, by=operator, now=NOON),
        lambda: channels.set_wish(channel, Topic.BOT_ERROR, is_wanted=False, min_severity=Severity.LOW, by=operator),
        lambda: channels.claim_code(channel, by=operator, now=NOON),
        lambda: channels.confirm(channel, channels.code_of(channel, now=NOON), by=operator, now=NOON),
        lambda: channels.delete_channel(channel, by=operator),
    ]

    for act in acts:
        with pytest.raises(NotYourChannel):
            act()

    channel.refresh_from_db()
    assert (channel.is_enabled, channel.confirmed_at, channel.preferences.count()) == (True, None, 0)


def test_addresses_and_secrets_are_sealed(anna):
    about = {"kind": "webhook", "name": "hook", "target": "https://a.example/0123456789"}
    channel, secret = channels.add_channel(anna, **about, by=anna, now=NOON)
    renewed = channels.renew_secret(channel, by=anna, now=NOON)

    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(c)::text FROM ops_channel c")
        row = cursor.fetchone()[0]
    assert channel.secret.reveal().split()[0] == renewed != secret
    assert secret.startswith("whsec_")
    assert channel.hint == "https://a.example/…"
    assert not [text for text in ("0123456789", secret[6:], renewed[6:]) if text in row]


def test_what_follows_the_owner_is_switched_off_rather_than_deleted(anna, mail):
    send_to(anna, topic="bot_error", message="x", by=anna, now=NOON)
    channel = Channel.objects.get()

    channels.delete_channel(channel, by=anna)
    assert not Channel.objects.get().is_enabled

    other = add(anna)
    channels.delete_channel(other, by=anna)
    assert Channel.objects.count() == 1


# --- what people want somebody to be told ---------------------------------------------------------------------------


def test_a_person_tells_themselves_and_operators_tell_anybody(anna, operator, mail):
    own = send_to(anna, topic="bot_error", message="to me", by=anna, now=NOON)
    from_above = send_to(anna, topic="system_alert", message="we close at 8", by=operator, now=NOON)

    assert (own.user, own.title, from_above.title) == (anna, "Bot error", "System alert: a message of operator")
    with pytest.raises(NotForYou):
        send_to(operator, topic="system_alert", message="boo", by=anna, now=NOON)


def test_it_goes_by_the_chosen_channels_whatever_is_preferred(anna, mail, make_channel):
    make_channel(anna, name="hook")

    note = send_to(anna, topic="trade_executed", message="x", by=anna, now=NOON, channels=["email"])
    both = send_to(anna, topic="trade_executed", message="x", by=anna, now=NOON, channels=["webhook", "email"])
    preferred = send_to(anna, topic="trade_executed", message="x", by=anna, now=NOON)

    assert [it.channel.kind for it in note.deliveries.all()] == ["email"]
    assert both.deliveries.count() == 2
    assert [it.channel.kind for it in preferred.deliveries.all()] == ["webhook"]


def test_with_one_key_it_is_told_once(anna, db):
    first, second = (send_to(anna, topic="bot_error", message="x", by=anna, now=NOON, key="1") for _ in range(2))

    assert first == second


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"topic": "gossip"}, "type"),
        ({"message": ""}, "message"),
        ({"message": "x" * 4_001}, "message"),
        ({"channels": ["pigeon"]}, "channels"),
        ({"channels": ["telegram"]}, "channels"),
    ],
)
def test_what_is_wrong_with_a_wish_is_named(anna, wrong, field):
    with pytest.raises(ValidationError) as caught:
        send_to(anna, **{"topic": "bot_error", "message": "x"} | wrong, by=anna, now=NOON)

    assert list(caught.value.message_dict) == [field]


def test_what_an_operator_sees_of_others_is_no_right_of_traders(anna):
    with pytest.raises(NotForYou):
        send_to(UserFactory(), topic="bot_error", message="x", by=anna, now=NOON)


def test_who_deletes_a_channel_and_adds_it_again_has_had_the_code(anna):
    channel = add(anna)
    channels.claim_code(channel, by=anna, now=NOON)
    channels.delete_channel(channel, by=anna)

    with pytest.raises(TooSoon):
        channels.claim_code(add(anna), by=anna, now=NOON + MINUTE / 2)


def test_a_mailbox_gets_few_codes_a_day(anna):
    for number in range(channels.CODES_A_DAY):
        channels.claim_code(add(anna, name=f"{number}"), by=anna, now=NOON + number * 2 * MINUTE)
    channel = add(anna, name="more")

    with pytest.raises(TooSoon) as caught:
        channels.claim_code(channel, by=anna, now=NOON + 60 * MINUTE)

    assert caught.value.after == timedelta(hours=23)
    channels.claim_code(channel, by=anna, now=NOON + timedelta(days=1))


def test_that_a_code_was_sent_stands_in_the_list_of_who_asked_for_it(anna, mail):
    channels.claim_code(add(anna), by=anna, now=NOON)

    note = Notification.objects.get()
    assert (note.user, note.text) == (anna, "A code that confirms the channel other was sent to o…@example.com.")
    assert not Delivery.objects.exists()


def test_a_code_confirms_the_address_it_went_to_and_not_one_entered_meanwhile(anna):
    channel = add(anna)
    code = channels.code_of(channel, now=NOON)
    channels.change_target(Channel.objects.get(pk=channel.pk), "victim@example.com", by=anna, now=NOON)

    with pytest.raises(WrongCode):
        channels.confirm(channel, code, by=anna, now=NOON)

    assert Channel.objects.get().confirmed_at is None


def test_that_a_code_was_refused_is_seen_at_the_channel_without_the_address(anna, mail):
    channel = add(anna)
    mail.mood = "no such mailbox"

    tasks.send_channel_code(channel.pk)

    channel.refresh_from_db()
    assert "550" in channel.last_error
    assert "other@" not in channel.last_error


def test_a_program_fills_no_tables(anna, operator, monkeypatch):
    monkeypatch.setattr(asking, "TELLS_A_DAY", 2)
    said = {"topic": Topic.SYSTEM_ALERT, "message": "x"}
    for number in range(2):
        send_to(anna, **said, by=anna, now=NOON + number * MINUTE)

    with pytest.raises(TooSoon, match="2 messages") as caught:
        send_to(anna, **said, by=anna, now=NOON + 60 * MINUTE)
    assert caught.value.after == timedelta(hours=23)
    send_to(anna, **said, by=operator, now=NOON + 60 * MINUTE)
    send_to(anna, **said, by=anna, now=NOON + timedelta(days=1))

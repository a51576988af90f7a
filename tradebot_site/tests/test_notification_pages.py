"""Notifications in the admin: one's own are marked, one's own channels are changed, what failed is sent once more."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from ops.models import Channel, Delivery, Notification, Preference, Topic
from ops.notifications import changing, channels
from ops.notifications.senders.base import Refused
from tradebot_site.tests.conftest import KEY, SECRET, full_bot
from tradebot_site.tests.people import client_of, person

CHANNELS, ADD = reverse("admin:ops_channel_changelist"), reverse("admin:ops_channel_add")
TABLE = reverse("admin:ops_channel_preferences")
TARGET = f"https://hooks.example.com/{KEY}"


@pytest.fixture
def trader(db, broker):
    return person("trader")


@pytest.fixture
def client(trader):
    return client_of(trader)


@pytest.fixture
def channel(trader):
    told = {"kind": "webhook", "name": "mine", "target": TARGET}
    return channels.add_channel(trader, **told, by=trader, now=timezone.now())[0]


def page_of(channel, name="change"):
    return reverse(f"admin:ops_channel_{name}", args=[channel.pk])


def text_of(page):
    text = page.content.decode()
    assert KEY not in text
    return text


def test_an_address_goes_in_and_never_comes_out(client, trader):
    added = client.post(ADD, {"name": "mine", "kind": "webhook", "new_target": TARGET}, follow=True)
    channel = Channel.objects.get()

    assert (channel.owner, channel.target.reveal()) == (trader, TARGET)
    assert "New secret shows you with what" in text_of(added)
    for address in (CHANNELS, page_of(channel), page_of(channel, "history")):
        assert "hooks.example.com" in text_of(client.get(address)) or "history" in address


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"new_target": f"http://hooks.example.com/{KEY}"}, "new_target"),
        ({"new_target": ""}, "new_target"),
        ({"kind": "email"}, "new_target"),
        ({"kind": "pigeon"}, "kind"),
        ({"name": "mine"}, "name"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(client, channel, typed, field):
    page = client.post(ADD, {"name": "new", "kind": "webhook", "new_target": TARGET} | typed)

    assert list(page.context["adminform"].form.errors) == [field]
    text_of(page)
    assert Channel.objects.count() == 1


def test_an_email_address_is_confirmed_with_the_code_that_went_there(client, broker):
    client.post(ADD, {"name": "work", "kind": "email", "new_target": "anna@example.com"})
    channel = Channel.objects.get()
    assert channel.confirmed_at is None
    assert broker("notifications") == 1

    page = page_of(channel, "confirm_channel")
    assert "this is not the code" in text_of(client.post(page, {"code": "WRONG"}))
    assert "a code was sent just now" in text_of(client.post(page, {"code": ""}))
    client.post(page, {"code": channels.code_of(channel, now=timezone.now())})

    channel.refresh_from_db()
    assert channel.confirmed_at


def test_a_new_address_takes_the_place_of_the_old_one_and_an_empty_one_leaves_it(client, channel):
    client.post(page_of(channel), {"name": "renamed", "is_enabled": "on", "new_target": ""})
    channel.refresh_from_db()
    assert (channel.name, channel.is_enabled, channel.target.reveal()) == ("renamed", True, TARGET)

    client.post(page_of(channel), {"name": "renamed", "new_target": "https://other.example.com/x"})
    channel.refresh_from_db()
    assert (channel.is_enabled, channel.target.reveal()) == (False, "https://other.example.com/x")


def test_a_test_message_tells_whether_it_was_taken(client, channel, monkeypatch):
    page = page_of(channel, "try_channel")
    assert "A short message goes to" in text_of(client.get(page))
    monkeypatch.setattr(changing.channels, "send_trial", lambda channel, now: None)
    assert "it was taken" in text_of(client.post(page))

    def refuses(channel, now):
        raise Refused(f"404 at {TARGET}")

    monkeypatch.setattr(changing.channels, "send_trial", refuses)
    assert "404 at" in text_of(client.post(page))


def test_another_secret_is_shown_once_and_kept_in_no_message(client, channel):
    page = page_of(channel, "renew_secret")
    client.get(page)

    shown = client.post(page)

    secret = Channel.objects.get().secret.reveal().split()[0]
    assert secret in text_of(shown)
    assert "no-store" in shown["Cache-Control"]
    assert secret not in text_of(client.get(page_of(channel)))


def test_an_operator_sees_a_channel_and_changes_nothing_of_it(channel):
    operator = client_of(person("operator"))

    assert "mine" in text_of(operator.get(CHANNELS))
    assert text_of(operator.get(page_of(channel)))
    assert operator.post(page_of(channel), {"name": "theirs", "new_target": "https://a.example.com"}).status_code == 403
    for name in ("try_channel", "confirm_channel", "renew_secret", "delete"):
        assert operator.post(page_of(channel, name), {"post": "yes"}).status_code == 403
    channel.refresh_from_db()
    assert channel.name == "mine"


def test_the_table_shows_what_holds_and_takes_what_is_chosen(client, channel, trader):
    shown = client.get(TABLE)
    form = shown.context["form"]
    chosen = {name: form[name].value() for name in form.fields}
    assert text_of(shown).count("<select") == len(Topic)

    saved = client.post(TABLE, chosen | {f"{channel.pk}-bot_error": "", f"{channel.pk}-stop_hit": "high"}, follow=True)
    wrong = client.post(TABLE, chosen | {f"{channel.pk}-bot_error": "huge"})

    assert "told like this" in text_of(saved)
    rows = {row.topic: (row.is_wanted, row.min_severity) for row in Preference.objects.all()}
    assert (rows["bot_error"][0], rows["stop_hit"]) == (False, (True, "high"))
    assert list(wrong.context["form"].errors) == [f"{channel.pk}-bot_error"]
    assert client_of(person("viewer")).get(TABLE).context["channels"] == []
    assert client_of(person("stranger")).get(TABLE).status_code == 302


def test_one_marks_ones_own_notifications(act, trader):
    full_bot(owner=trader)
    full_bot(owner=person("viewer"))
    operator = client_of(person("operator"))
    lists = reverse("admin:ops_notification_changelist")

    act(operator, lists, "mark_read", *Notification.objects.all())
    assert not Notification.objects.filter(read_at__isnull=False).exists()
    act(client_of(trader), lists, "mark_read", *Notification.objects.all())

    assert [note.user for note in Notification.objects.filter(read_at__isnull=False)] == [trader]
    assert "unread" in client_of(trader).get(lists, {"read": "no"}).content.decode()


def test_what_failed_is_sent_once_more_and_nothing_else(act, trader):
    full_bot(owner=trader)
    failed = Delivery.objects.get()
    sent = Delivery.objects.create(
        notification=Notification.objects.create(
            user=trader, topic="bot_error", severity="low", title="t", text="x", key="k", created_at=timezone.now()
        ),
        channel=failed.channel,
        status="sent",
    )

    page = act(client_of(person("operator")), reverse("admin:ops_delivery_changelist"), "requeue", failed, sent)

    assert "To be sent once more: 1" in page.content.decode()
    failed.refresh_from_db()
    sent.refresh_from_db()
    assert (failed.status, failed.attempts, sent.status) == ("pending", 0, "sent")
    assert failed.next_try_at > timezone.now() - timedelta(minutes=1)
    assert SECRET not in page.content.decode()

"""Channels are looked at before they are made, tried while their owner waits, and their addresses stay hidden."""

import io
import json
import logging
from datetime import timedelta

import pytest
from celery import current_app
from django.core.management import call_command
from django.utils import timezone
from standardwebhooks import Webhook

from market.tests.factories import NOON
from market.types import moving
from ops import notifications, tasks
from ops.models import Channel, Delivery, Topic
from ops.notifications import channels
from ops.notifications.targets import channel_faults, masked
from ops.notifications.trials import try_out
from ops.tests.notifications.test_apprise import DISCORD, SLACK, TELEGRAM

HOOK = "https://hooks.example.com/in/T0KEN?key=T0KEN"
GOOD = {"webhook": HOOK, "telegram": TELEGRAM, "apprise": DISCORD, "email": "anna@example.com"}


@pytest.mark.parametrize(("kind", "target"), GOOD.items())
def test_a_good_address_has_no_faults_and_is_masked(kind, target):
    assert channel_faults(kind, target) == {}

    assert "T0KEN" not in masked(kind, target)
    assert "anna" not in masked(kind, target)


@pytest.mark.parametrize(
    ("kind", "target", "field", "told"),
    [
        ("fax", HOOK, "kind", "'fax' is none of email, telegram, webhook, apprise"),
        ("webhook", "http://hooks.example.com/", "target", "it is not of the form https://host/path: only https"),
        ("webhook", "https://hooks.example.com:22/", "target", "port 22 is none of 443, 8443"),
        ("webhook", "https://localhost/", "target", "host 'localhost' is no full name of the internet"),
        ("webhook", "https://a.local/", "target", "host 'a.local' is a name of private networks"),
        ("webhook", "https://a.com/" + "x" * 3_000, "target", "it has 3,014 characters, more than 2,000"),
        ("telegram", DISCORD, "target", "'discord' is none of tgram; tgram://BOT_TOKEN/CHAT_ID is an address"),
        ("apprise", "json://localhost/", "target", "'json' is none of tgram, discord, slack"),
        ("apprise", SLACK + "?x=1", "target", "slack://… is not of the form slack://T…/B…/…"),
        ("email", "anna", "target", "this is no e-mail address"),
    ],
)
def test_a_fault_is_told_by_field(kind, target, field, told):
    faults = channel_faults(kind, target)

    assert list(faults) == [field]
    assert faults[field].startswith(told)


def test_an_owner_sees_at_once_whether_it_works(anna, internet, receiver):
    channel, secret = channels.add_channel(anna, kind="webhook", name="hook", target=HOOK, by=anna, now=NOON)

    outcome = try_out(channel, now=timezone.now())

    assert (outcome.has_arrived, outcome.text) == (True, "It was taken: https://hooks.example.com/….")
    told = Webhook(secret).verify(receiver.received[0].body, receiver.received[0].headers)
    assert told["data"]["title"] == "It works"


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (403, "It was refused, and will be again until something is changed: hooks.example.com answered 403."),
        (503, "It has not arrived, or nobody knows; later it may: hooks.example.com answered 503."),
    ],
)
def test_an_owner_sees_why_it_does_not_work(anna, internet, receiver, status, text):
    channel, _ = channels.add_channel(anna, kind="webhook", name="hook", target=HOOK, by=anna, now=NOON)
    receiver.answer((status, {}, b"T0KEN"))

    outcome = try_out(channel, now=NOON)

    assert (outcome.has_arrived, outcome.text) == (False, text)


def test_an_owner_changes_the_secret_and_receivers_have_a_day_to_follow(anna, internet, receiver):
    channel, old = channels.add_channel(anna, kind="webhook", name="hook", target=HOOK, by=anna, now=NOON)

    new = channels.renew_secret(channel, by=anna, now=timezone.now())

    try_out(Channel.objects.get(), now=timezone.now())
    for secret in (old, new):
        Webhook(secret).verify(receiver.received[0].body, receiver.received[0].headers)


def echo(status):
    """Answer with all that was asked, as receivers do that are searched for a fault."""

    def answer(handler):
        got = handler.server.received[-1]
        told = f"no: {got.path} {got.headers} {got.body}".encode()
        handler.send_response(status)
        handler.send_header("Location", got.path)
        handler.send_header("Content-Length", str(len(told)))
        handler.end_headers()
        handler.wfile.write(told)

    return answer


@pytest.mark.parametrize("status", [200, 302, 400, 410, 429, 500])
def test_neither_address_nor_secret_is_anywhere_but_in_its_column(
    anna, operator, internet, receiver, caplog, capfd, status
):
    secrets = ["T0KEN", *(add(anna, kind) for kind in ("webhook", "telegram", "apprise"))]
    receiver.answer(echo(status))

    with caplog.at_level(logging.DEBUG):
        notifications.notify([anna.pk], Topic.BOT_ERROR, "it broke", key="1", now=NOON)
        outcomes = [delivered(number) for number in Delivery.objects.values_list("pk", flat=True)]

    assert len(receiver.received) == 3
    dump = io.StringIO()
    call_command("dumpdata", "ops", stdout=dump)
    texts = {
        "log": caplog.text,
        "dump": dump.getvalue(),
        "outcomes": str(outcomes),
        "output": str(capfd.readouterr()),
        "deliveries": str(list(Delivery.objects.values())),
        "channels": str(list(Channel.objects.values())),
    }
    assert [(name, secret) for name, text in texts.items() for secret in secrets if secret in text] == []


def add(owner, kind):
    _, secret = channels.add_channel(owner, kind=kind, name=kind, target=GOOD[kind], by=owner, now=NOON)
    return secret or GOOD[kind]


def delivered(number):
    try:
        return notifications.deliver(number, clock=moving(NOON + timedelta(minutes=1)))
    except notifications.DeliveryFailed as error:
        return f"{error!r} {error.__context__!r} {error.__cause__!r}"


def test_a_task_knows_no_more_than_a_number(anna, internet, broker, make_channel):
    """Whoever can read Redis reads what waits there."""
    channel = make_channel(anna, "webhook", target=HOOK, secret="whsec_T0KEN")
    notifications.notify([anna.pk], Topic.BOT_ERROR, "it broke", key="1", now=timezone.now())

    tasks.distribute_notifications()

    with current_app.connection_for_read() as connection:
        message = connection.default_channel.basic_get("notifications")
    args, kwargs, _ = json.loads(message.body)
    assert (args, kwargs) == ([Delivery.objects.get(channel=channel).pk], {})
    assert "T0KEN" not in str(message.headers)

"""Webhooks: a POST with JSON to the user's own address, signed as https://www.standardwebhooks.com has it."""

import json
from datetime import datetime
from typing import Any

from django.utils import timezone
from standardwebhooks import Webhook

from ops.models import Channel
from ops.notifications.addresses import AddressRefused, place_of
from ops.notifications.calls import NoAnswer, post
from ops.notifications.senders.answers import bad_news, require_taken
from ops.notifications.senders.base import Message, Refused
from ops.notifications.senders.webhook_secrets import signing_secrets

VERSION = 1  # of the body's shape; what is only added leaves it as it is
GONE = 410


def send(channel: Channel, message: Message) -> str:
    """Send it once. Whoever answers 410 wants nothing any more: the channel is switched off."""
    now = timezone.now()
    url, body = channel.target.reveal(), body_of(message)
    headers = {"Content-Type": "application/json", "User-Agent": "TradeBot-Webhooks/1"}
    headers |= signed_headers(signing_secrets(channel.secret.reveal(), now=now), message.id, body, now=now)
    try:
        answer = post(url, headers=headers, body=body.encode())
    except AddressRefused as error:
        raise Refused(f"target: {error}") from None  # what it is raised from may show the address
    except NoAnswer as error:
        raise bad_news(error) from None
    if answer.status == GONE:
        _switch_off(channel)
    require_taken(answer, by=place_of(url).host, now=now)
    return ""


def check(target: str) -> None:
    """Raise ValueError for what can't be the address of a webhook. Its name is resolved only with each message."""
    place_of(target)


def hint(target: str) -> str:
    """Its host; the rest may be a secret."""
    return f"https://{place_of(target).host}/…"


def body_of(message: Message) -> str:
    """What is sent: the shape of standard-webhooks, with what people read and what programs read in ``data``."""
    told: dict[str, Any] = {"severity": message.severity, "title": message.title, "text": message.text}
    return json.dumps(
        {
            "version": VERSION,
            "type": message.topic,
            "timestamp": message.at.isoformat(),
            "data": {**told, "about": dict(message.data)},
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def signed_headers(secrets: list[str], message_id: str, body: str, *, now: datetime) -> dict[str, str]:
    """The headers by which the receiver knows that it is from us, and whether it has it already.

    Of several secrets each signs. Raises Refused when there is none: unsigned nobody could believe it.
    """
    if not secrets:
        raise Refused("the channel has no secret to sign with: renew it")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, now, body) for secret in secrets),
    }


def _switch_off(channel: Channel) -> None:
    asked = Channel.objects.filter(pk=channel.pk, target=channel.target)  # not one that leads elsewhere meanwhile
    asked.update(is_enabled=False, last_error=f"Switched off: its receiver answered {GONE}, gone.")

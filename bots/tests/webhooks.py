"""Senders of signals from outside, as the documentation tells them to be."""

import json
from datetime import timedelta
from itertools import count

from django.test import Client
from django.utils import timezone

from bots.services import renew_webhook
from bots.signing import signature

numbers = count(1)


class Sender:
    """Whoever has the secret of a bot."""

    def __init__(self, bot):
        webhook, self.secret = renew_webhook(bot, by=bot.owner, now=timezone.now())
        self.url = f"/hooks/v1/bots/{webhook.public_id}/signal"

    def signed(self, action="enter_long", *, number=None, age=timedelta(), body=None, secret=None, **headers):
        """The answer to a signed message, sent so long ago."""
        body = json.dumps({"action": action} if body is None else body)
        own = self.headers_of(body, number or f"msg {next(numbers)}", age=age, secret=secret or self.secret)
        return self.post(body, **own | headers)

    def headers_of(self, body, sender_id="1", *, age=timedelta(), secret=None):
        at = str(int((timezone.now() - age).timestamp()))
        given = signature(secret or self.secret, sender_id=sender_id, timestamp=at, body=body.encode())
        return {"webhook-id": sender_id, "webhook-timestamp": at, "webhook-signature": given}

    def told(self, action="buy", *, age=timedelta(), **fields):
        """The answer to what TradingView sends."""
        message = {"secret": self.secret, "id": f"alert {next(numbers)}", "time": self.now(age), "action": action}
        body = message | fields
        return self.post(json.dumps({name: value for name, value in body.items() if value is not None}))

    def now(self, age=timedelta()):
        """The time as TradingView writes it."""
        return (timezone.now() - age).strftime("%Y-%m-%dT%H:%M:%SZ")

    def post(self, body, content_type="application/json", **headers):
        return Client().post(self.url, body, content_type=content_type, headers=headers)

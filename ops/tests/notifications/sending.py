"""Channels and messages for tests of senders."""

from market.tests.factories import NOON, UserFactory
from ops.models import Channel
from ops.models.notifications import Severity, Topic
from ops.notifications.senders.base import Message


def make_channel(kind, target, **changes):
    """A channel that may be used."""
    told = {"owner": UserFactory(), "name": f"my {kind}", "confirmed_at": NOON, "created_at": NOON, "hint": ""}
    return Channel.objects.create(kind=kind, target=target, **told | changes)


def make_message(**changes):
    told = {
        "id": "dlv_7",
        "topic": Topic.TRADE_EXECUTED.value,
        "severity": Severity.LOW.value,
        "title": "Bought 0.01 BTC",
        "text": "Bot Grüße <7> bought 0.01 BTC & paid 631.20 USDT.",
        "at": NOON,
        "data": {"bot": 7, "price": "63120.00"},
    }
    return Message(**told | changes)

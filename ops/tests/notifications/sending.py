"""What tests of senders send."""

from market.tests.factories import NOON
from ops.models.notifications import Severity, Topic
from ops.notifications.senders.base import Message


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

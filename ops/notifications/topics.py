"""Which event is news of which topic, how severe it is, and what it is called."""

from bots.types import Reason
from ops.models import Severity, Topic
from trades.models import Event

Kind = Event.Kind
Told = tuple[Topic, Severity]

OF_KIND: dict[str, Told] = {
    Kind.ORDER_FILLED: (Topic.TRADE_EXECUTED, Severity.LOW),
    Kind.ORDER_REJECTED: (Topic.ORDER_REJECTED, Severity.MEDIUM),
    Kind.ORDER_DENIED: (Topic.ORDER_REJECTED, Severity.LOW),
    Kind.ORDER_ABSENT: (Topic.ORDER_REJECTED, Severity.MEDIUM),
    Kind.ORDER_UNKNOWN: (Topic.SYSTEM_ALERT, Severity.HIGH),
    Kind.ORDER_ADOPTED: (Topic.SYSTEM_ALERT, Severity.MEDIUM),
    Kind.NAKED_POSITION: (Topic.SYSTEM_ALERT, Severity.CRITICAL),
    Kind.BOOKS_DIFFER: (Topic.SYSTEM_ALERT, Severity.CRITICAL),
    Kind.LIQUIDATED: (Topic.SYSTEM_ALERT, Severity.CRITICAL),
    Kind.KILL_SWITCH: (Topic.SYSTEM_ALERT, Severity.HIGH),
    Kind.TRANSFER: (Topic.SYSTEM_ALERT, Severity.LOW),
    Kind.WEBHOOK_RENEWED: (Topic.SYSTEM_ALERT, Severity.MEDIUM),
    Kind.KEY_REFUSED: (Topic.API_KEY_INVALID, Severity.HIGH),
    Kind.STOP_HIT: (Topic.STOP_HIT, Severity.MEDIUM),
    Kind.TARGET_HIT: (Topic.TAKE_PROFIT_HIT, Severity.LOW),
    Kind.BOT_STARTED: (Topic.BOT_STARTED, Severity.LOW),
    Kind.ENTRIES_RESUMED: (Topic.BOT_STARTED, Severity.LOW),
    Kind.DAY_RESET: (Topic.BOT_STARTED, Severity.LOW),
    Kind.BOT_STOPPED: (Topic.BOT_STOPPED, Severity.LOW),
    Kind.BOT_PAUSED: (Topic.BOT_STOPPED, Severity.MEDIUM),
    Kind.BOT_ERROR: (Topic.BOT_ERROR, Severity.HIGH),
}
# What these say by their reason.
OF_REASON: dict[str, Told] = {
    Reason.DAILY_TARGET: (Topic.DAILY_TARGET, Severity.LOW),
    Reason.MAX_DAILY_LOSS: (Topic.DAILY_LOSS_STOP, Severity.HIGH),
    Reason.MISSING_KEY: (Topic.API_KEY_INVALID, Severity.HIGH),
    Reason.DECRYPT_FAILED: (Topic.API_KEY_INVALID, Severity.HIGH),
}


def told_by(event: Event) -> Told:
    """The topic and the severity of an event."""
    reason = event.data.get("reason", "") if event.kind in (Kind.BOT_PAUSED, Kind.BOT_ERROR) else ""
    return OF_REASON.get(reason) or OF_KIND[event.kind]


def titled(topic: str, about: str) -> str:
    """What stands above the text: the topic and what it is about."""
    label = Topic(topic).label
    return f"{label[0].upper()}{label[1:]}{': ' if about else ''}{about}"[:200]

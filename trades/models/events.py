"""News: the outbox."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from market.models import ExchangeAccount
from market.writing import QuickModel
from trades.models.orders import Order
from trades.models.positions import Position


class Event(QuickModel):
    """Append-only news, written in the transaction of what it tells: the outbox of all notifications.

    It is about a position, about a whole account, about a user, or, when it names none of them, about the platform.
    """

    class Kind(models.TextChoices):
        ORDER_FILLED = "order_filled"
        ORDER_REJECTED = "order_rejected"
        ORDER_DENIED = "order_denied"
        ORDER_UNKNOWN = "order_unknown"
        ORDER_ABSENT = "order_absent"
        ORDER_ADOPTED = "order_adopted"
        NAKED_POSITION = "naked_position"
        BOOKS_DIFFER = "books_differ"
        KILL_SWITCH = "kill_switch"
        KEY_REFUSED = "key_refused"
        TRANSFER = "transfer"
        STOP_HIT = "stop_hit"
        TARGET_HIT = "target_hit"
        LIQUIDATED = "liquidated"
        BOT_STARTED = "bot_started"
        BOT_STOPPED = "bot_stopped"
        BOT_PAUSED = "bot_paused"
        BOT_ERROR = "bot_error"
        ENTRIES_RESUMED = "entries_resumed"
        DAY_RESET = "day_reset"
        WEBHOOK_RENEWED = "webhook_renewed"

    kind = models.CharField(max_length=20, choices=Kind)
    position = models.ForeignKey(Position, on_delete=models.PROTECT, null=True, related_name="events")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, null=True, related_name="events")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="events")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="events")
    message = models.CharField(max_length=400)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(name="event_unhandled", fields=["id"], condition=Q(handled_at__isnull=True)),
            models.Index(name="event_newest", fields=["-created_at"]),
            # Kinds that are looked for among a million others: all but the one that each order has.
            models.Index(name="event_rare", fields=["kind", "-created_at"], condition=~Q(kind="order_filled")),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"

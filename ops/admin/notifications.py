"""What people were told, and what became of it on its way: there to be read, and to be sent once more."""

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import Truncator
from unfold.decorators import display

from market.admin.base import ReadOnlyAdmin
from market.admin.filters import chosen, days, dropdown
from market.admin.long import LongAdmin
from ops.admin.showing import SHOWN
from ops.models import Channel, Delivery, Notification
from ops.notifications import changing

READ = [("no", "unread"), ("yes", "read")]


def _of_reading(value: str) -> Q:
    return Q(read_at__isnull=value == "no")


@admin.register(Notification)
class NotificationAdmin(LongAdmin):
    nothing_yet = "What happens to your bots and accounts is told here, whatever is sent by your channels beside it."
    owner_path = "user"
    list_display = ["created_at", "topic", "severity", "title", "user", "is_read"]
    list_filter = [
        days("created_at"),
        chosen("topic"),
        chosen("severity"),
        dropdown("read", _of_reading, lambda request: READ),
    ]
    list_select_related = ["user"]
    ordering = ["-created_at"]
    fields = ["created_at", "topic", "severity", "title", "text", "data", "user", "event", "read_at"]
    actions = ["mark_read"]  # type: ignore[assignment]

    @display(description="read", boolean=True)
    def is_read(self, note: Notification) -> bool:
        return note.read_at is not None

    @admin.action(description="Mark as read", permissions=["view"])
    def mark_read(self, request: HttpRequest, notes: QuerySet[Notification]) -> None:
        """Of one's own: that an operator has seen it does not tell its reader anything."""
        count = notes.filter(user=request.user.pk, read_at=None).update(read_at=timezone.now())
        self.message_user(request, f"Marked as read: {count}.")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """For operators: what is on its way, and what did not arrive. Where a channel leads is not shown."""

    nothing_yet = "What is sent by somebody's channel is here, with what became of it."
    list_display = ["pk", "topic", "kind", "whose", "status", "attempts", "next_try_at", "sent_at", "error"]
    list_filter = [chosen("status"), chosen("channel__kind"), days("sent_at")]
    list_select_related = ["notification", "channel__owner"]
    ordering = ["-pk"]
    fields = [
        *("notification", "kind", "whose", "status", "attempts", "next_try_at", "queued_at", "sent_at", "last_error"),
        *("provider_id", "bundle"),
    ]
    actions = ["requeue"]  # type: ignore[assignment]

    @display(description="topic")
    def topic(self, delivery: Delivery) -> str:
        return delivery.notification.topic

    @display(description="channel")
    def kind(self, delivery: Delivery) -> str:
        return Channel.Kind(delivery.channel.kind).label

    @display(description="owner", ordering="channel__owner__username")
    def whose(self, delivery: Delivery) -> str:
        return str(delivery.channel.owner)

    @display(description="error")
    def error(self, delivery: Delivery) -> str:
        return Truncator(delivery.last_error).chars(SHOWN)

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ops.change_delivery")

    @admin.action(description="Send once more", permissions=["requeue"])
    def requeue(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> None:
        """Those that have failed; the others are on their way, or have arrived."""
        wanted, done = deliveries.count(), changing.requeue(deliveries, now=timezone.now())
        if left := wanted - done:
            self.message_user(request, f"Left as they are, not failed: {left}.", messages.WARNING)
        self.message_user(request, f"To be sent once more: {done}.", messages.SUCCESS if done else messages.WARNING)

"""What people are told, by which ways, and what became of it."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import Q

from market.fields import SecretField
from trades.models import Event


class Topic(models.TextChoices):
    """What there is to be told (features N2)."""

    TRADE_EXECUTED = "trade_executed", "trade executed"
    ORDER_REJECTED = "order_rejected", "order rejected"
    STOP_HIT = "stop_hit", "stop hit"
    TAKE_PROFIT_HIT = "take_profit_hit", "take profit hit"
    DAILY_TARGET = "daily_target", "daily target reached"
    DAILY_LOSS_STOP = "daily_loss_stop", "daily loss stop"
    BOT_STARTED = "bot_started", "bot started"
    BOT_STOPPED = "bot_stopped", "bot stopped or paused"
    BOT_ERROR = "bot_error", "bot error"
    API_KEY_INVALID = "api_key_invalid", "API key invalid"
    DAILY_SUMMARY = "daily_summary", "daily summary"
    WEEKLY_SUMMARY = "weekly_summary", "weekly summary"
    SYSTEM_ALERT = "system_alert", "system alert"


class Severity(models.TextChoices):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    def reaches(self, least: str) -> bool:
        """Whether it is as severe as ``least``, or more."""
        order = list(Severity)
        return order.index(self) >= order.index(Severity(least))


class ChannelQuerySet(models.QuerySet["Channel"]):
    def owned_by(self, user: AbstractBaseUser) -> "ChannelQuerySet":
        return self.filter(owner=user)

    def usable(self) -> "ChannelQuerySet":
        """Those by which somebody may be told something."""
        return self.filter(is_enabled=True, confirmed_at__isnull=False, owner__is_active=True)


class Channel(models.Model):
    """One way by which its owner is told things. Where it leads is shown to nobody: a chat's address is a password."""

    class Kind(models.TextChoices):
        EMAIL = "email", "e-mail"
        TELEGRAM = "telegram", "Telegram"
        WEBHOOK = "webhook", "webhook"
        APPRISE = "apprise", "Apprise (Discord, Slack and others)"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="channels")
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=60)
    target = SecretField(
        blank=True, help_text="The address it leads to. An e-mail channel without one follows its owner's address."
    )
    secret = SecretField(blank=True, editable=False, help_text="With which webhooks are signed; generated.")
    hint = models.CharField(max_length=100, editable=False, help_text="Enough of the address to recognise it.")
    is_enabled = models.BooleanField(default=True)
    confirmed_at = models.DateTimeField(
        null=True, editable=False, help_text="When it was shown that the address is its owner's; until then it is mute."
    )
    last_error = models.CharField(max_length=300, blank=True, editable=False)
    slow_at = models.DateTimeField(null=True, editable=False, help_text="When we last had to wait for its receiver.")
    failing_since = models.DateTimeField(null=True, editable=False, help_text="Nothing has arrived since then.")
    created_at = models.DateTimeField(editable=False)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(name="channel_slow", fields=["slow_at"], condition=Q(slow_at__isnull=False))]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="channel_name_unique_per_owner"),
            models.UniqueConstraint(
                fields=["owner"], name="channel_own_address_once", condition=Q(kind="email", target="")
            ),
            models.CheckConstraint(name="channel_has_target", condition=Q(kind="email") | ~Q(target="")),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})"

    @property
    def follows_owner(self) -> bool:
        """Whether it leads to whatever e-mail address its owner has at the time."""
        return self.kind == Channel.Kind.EMAIL and not self.target


class Preference(models.Model):
    """Whether one channel tells of one topic. Without a row the defaults of `ops.notifications.wishes` hold."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="preferences")
    topic = models.CharField(max_length=20, choices=Topic)
    is_wanted = models.BooleanField()
    min_severity = models.CharField(
        max_length=8, choices=Severity, default=Severity.LOW, help_text="Less severe news of the topic is not sent."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "topic"], name="preference_once")]

    def __str__(self) -> str:
        return f"{self.topic} {'by' if self.is_wanted else 'not by'} channel {self.channel_id}"


class NotificationQuerySet(models.QuerySet["Notification"]):
    def owned_by(self, user: AbstractBaseUser) -> "NotificationQuerySet":
        return self.filter(user=user)

    def unread(self) -> "NotificationQuerySet":
        return self.filter(read_at__isnull=True)


class Notification(models.Model):
    """One thing that one user is told. The list of them is there for everybody, whatever is sent beside it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    topic = models.CharField(max_length=20, choices=Topic)
    severity = models.CharField(max_length=8, choices=Severity)
    title = models.CharField(max_length=200)
    text = models.TextField()
    data = models.JSONField(default=dict, help_text="For programs: what it is about, by its numbers. No secrets.")
    subject = models.CharField(
        max_length=60, blank=True, help_text="What it is about, as far as a storm of them is one storm: account 7."
    )
    event = models.ForeignKey(Event, on_delete=models.SET_NULL, null=True, related_name="notifications")
    key = models.CharField(max_length=150, unique=True, help_text="Whoever tells it again with this key tells nothing.")
    task_id = models.UUIDField(null=True, help_text="Of one that a program asked for: by it the program asks about it.")
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="notification_task", fields=["task_id"], condition=Q(task_id__isnull=False)),
        ]
        indexes = [
            models.Index(name="notification_newest", fields=["-created_at"]),
            models.Index(name="notification_of_user", fields=["user", "-created_at", "-id"]),
            models.Index(name="notification_unread", fields=["user"], condition=Q(read_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.topic}: {self.title}"


class Delivery(models.Model):
    """One notification on its way through one channel."""

    class Status(models.TextChoices):
        PENDING = "pending"  # to be tried from next_try_at on
        SENDING = "sending"  # claimed by a worker; whoever finds it after next_try_at may claim it again
        SENT = "sent"
        FAILED = "failed"  # for good; kept until somebody sends it again
        BUNDLED = "bundled"  # told by the delivery it is bundled in, whose fate is its own

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="deliveries")
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    bundle = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="bundled")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    late_at = models.DateTimeField(null=True, help_text="From then on it is news of yesterday, and given up.")
    queued_at = models.DateTimeField(null=True, help_text="When a worker was last asked to send it.")
    last_error = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True)
    provider_id = models.CharField(max_length=200, blank=True, help_text="What the receiver calls it.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["notification", "channel"], name="delivery_once_per_channel"),
            models.CheckConstraint(
                name="delivery_bundled_in_another",
                condition=Q(status="bundled", bundle__isnull=False) | ~Q(status="bundled") & Q(bundle__isnull=True),
            ),
            models.CheckConstraint(
                name="delivery_at_work_has_next_try",
                condition=~Q(status__in=("pending", "sending")) | Q(next_try_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="delivery_due", fields=["next_try_at"], condition=Q(status__in=("pending", "sending"))),
            models.Index(
                name="delivery_asked",
                fields=["queued_at"],
                condition=Q(status__in=("pending", "sending"), queued_at__isnull=False),
            ),
            models.Index(name="delivery_failed", fields=["-id"], condition=Q(status="failed")),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk} ({self.status})"

    def is_late(self, now: datetime) -> bool:
        """Whether it is given up rather than sent; what somebody sends again is not."""
        return self.status != Delivery.Status.FAILED and self.late_at is not None and self.late_at < now


class Storm(models.Model):
    """How much one channel has told lately of one topic and subject, so that a storm of news becomes few messages."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="storms")
    topic = models.CharField(max_length=20, choices=Topic)
    subject = models.CharField(max_length=60, blank=True)
    ends_at = models.DateTimeField(help_text="Until then what comes is counted together.")
    seconds = models.PositiveIntegerField(help_text="How long that is.")
    count = models.PositiveIntegerField(default=0)
    bundle = models.ForeignKey(Delivery, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "topic", "subject"], name="storm_once")]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.count} times {self.topic} of {self.subject or 'the platform'}"

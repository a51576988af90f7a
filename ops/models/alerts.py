"""What is wrong with the system, from when it lasts until it is well again."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from ops.models.notifications import Severity


class AlertQuerySet(models.QuerySet["Alert"]):
    def opened(self) -> "AlertQuerySet":
        """Those that people see: what has lasted."""
        return self.filter(opened_at__isnull=False)

    def open(self) -> "AlertQuerySet":
        """Those whose condition holds."""
        return self.filter(opened_at__isnull=False, resolved_at__isnull=True)


class Alert(models.Model):
    """One condition of the system that somebody has to look at. Written by `ops.alerts`, read by everybody else.

    A row without ``opened_at`` is a suspicion: seen, but it may be a hiccup.
    """

    fingerprint = models.CharField(max_length=200, help_text="What was looked at, and which one of several.")
    check_name = models.CharField("check", max_length=60)
    subject = models.CharField(max_length=130, blank=True)
    severity = models.CharField(max_length=8, choices=Severity)
    text = models.TextField()
    mend = models.TextField(blank=True)
    bad_since = models.DateTimeField(null=True, help_text="Since when it is bad, but for moments.")
    well_since = models.DateTimeField(null=True, help_text="Since when it looks well again.")
    last_seen_at = models.DateTimeField(help_text="When it was last seen to be bad.")
    opened_at = models.DateTimeField(null=True, help_text="When it had lasted for long enough to be an alert.")
    worsened_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    reopened_at = models.DateTimeField(null=True)
    times = models.PositiveIntegerField(default=1, help_text="How often it has come, each time soon after it went.")
    told_at = models.DateTimeField(null=True, help_text="When people were told that it has come, this time.")
    told_severity = models.CharField(max_length=8, choices=Severity, blank=True)
    recovery_told_at = models.DateTimeField(null=True)
    last_told_at = models.DateTimeField(null=True, help_text="When people last heard anything of it.")
    tellings = models.PositiveIntegerField(default=0)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    note = models.CharField(max_length=300, blank=True, help_text="What whoever has it in hand says of it.")
    history = models.JSONField(default=list, help_text="Pairs of a moment and of what happened then.")

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="alert_open_once", fields=["fingerprint"], condition=Q(resolved_at__isnull=True)
            ),
            models.CheckConstraint(
                name="alert_resolved_was_open", condition=Q(resolved_at__isnull=True) | Q(opened_at__isnull=False)
            ),
        ]
        indexes = [
            models.Index(name="alert_newest", fields=["-opened_at", "-id"]),
            models.Index(name="alert_last_of", fields=["fingerprint", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"

    @property
    def name(self) -> str:
        """What it is about, for people."""
        return f"{self.check_name} {self.subject}".strip()

    @property
    def is_open(self) -> bool:
        return self.opened_at is not None and self.resolved_at is None

    @property
    def since(self) -> datetime | None:
        """When it came, the last time."""
        return self.reopened_at or self.opened_at

    def remember(self, what: str, *, now: datetime) -> None:
        """Add to its history, which keeps the last 100 things; whoever calls it saves the row."""
        self.history = [*self.history, [now.isoformat(timespec="seconds"), what]][-100:]

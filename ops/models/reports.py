"""How trading has fared: what bots had come to at the end of each day, and reports of whole periods."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q

from bots.models import BotConfig
from market.fields import AmountField
from trades.models import Position


class PerformanceSnapshot(models.Model):
    """What a bot had come to at the end of a day (UTC), written soon after it."""

    position = models.ForeignKey(Position, on_delete=models.CASCADE, related_name="snapshots", db_index=False)
    day = models.DateField(help_text="UTC.")
    equity = AmountField(help_text="Capital and all that was booked, in quote asset.")
    realized_pnl = AmountField(help_text="Booked on that day, fees and funding included.")
    unrealized_pnl = AmountField(
        null=True, help_text="What closing all that was open would have added; none: nobody looked at the time."
    )
    fees = AmountField(help_text="Commissions of that day, in the realised P&L already.")
    trades = models.PositiveIntegerField(help_text="Orders executed on that day.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["position", "day"], name="snapshot_once_a_day")]
        indexes = [models.Index(name="snapshot_of_day", fields=["day"])]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.position} on {self.day}"


class Report(models.Model):
    """How trading has fared in a period. The row is older than its figures: it waits until a worker makes them."""

    class Kind(models.TextChoices):
        DAILY = "daily"
        WEEKLY = "weekly"
        MONTHLY = "monthly"
        YEARLY = "yearly"

    class About(models.TextChoices):
        """Of what it is."""

        ALL = "all", "all of it"
        BOT = "bot", "one bot"
        SYMBOL = "symbol", "one symbol"
        STRATEGY = "strategy", "one strategy"

    class Status(models.TextChoices):
        WAITING = "waiting"  # for a worker
        READY = "ready"
        FAILED = "failed"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reports")
    of_everybody = models.BooleanField(
        default=False, help_text="Of all users' trading, not of the owner's alone: for those who see everybody's rows."
    )
    kind = models.CharField(max_length=7, choices=Kind)
    about = models.CharField(max_length=8, choices=About, default=About.ALL)
    bot = models.ForeignKey(BotConfig, on_delete=models.CASCADE, null=True, blank=True, related_name="reports")
    symbol = models.CharField(max_length=30, blank=True)
    strategy = models.CharField(max_length=30, blank=True, help_text="Of bots that have it now.")
    first_day = models.DateField(help_text="UTC.")
    last_day = models.DateField(help_text="UTC; it is in the report.")
    by_schedule = models.BooleanField(default=False, editable=False)
    status = models.CharField(max_length=7, choices=Status, default=Status.WAITING)
    error = models.CharField(max_length=300, blank=True, help_text="Why there are no figures.")
    figures = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="report_begins_before_it_ends", condition=Q(first_day__lte=F("last_day"))),
            models.CheckConstraint(
                name="report_names_what_it_is_about",
                condition=Q(about="all", bot=None, symbol="", strategy="")
                | Q(about="bot", bot__isnull=False, symbol="", strategy="")
                | Q(about="symbol", bot=None, strategy="") & ~Q(symbol="")
                | Q(about="strategy", bot=None, symbol="") & ~Q(strategy=""),
            ),
            models.UniqueConstraint(
                name="report_scheduled_once",
                fields=["owner", "kind", "first_day"],
                condition=Q(by_schedule=True),
            ),
        ]
        indexes = [
            models.Index(name="report_newest", fields=["-created_at"]),
            models.Index(name="report_waiting", fields=["created_at"], condition=Q(status="waiting")),
        ]
        default_permissions = ("view", "add", "delete")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} report of {self.subject}, {self.days_text}"

    @property
    def subject(self) -> str:
        """Of what it is, in words."""
        if self.about == self.About.BOT:
            return str(self.bot)
        whose = "everybody" if self.of_everybody else str(self.owner)
        return {"symbol": self.symbol, "strategy": self.strategy}.get(self.about, f"all of {whose}'s trading")

    @property
    def days_text(self) -> str:
        return str(self.first_day) if self.first_day == self.last_day else f"{self.first_day} to {self.last_day}"

    @property
    def days(self) -> int:
        return (self.last_day - self.first_day + timedelta(days=1)).days

    @property
    def environments(self) -> list[dict[str, Any]]:
        """Its figures, of each environment apart."""
        found: list[dict[str, Any]] = self.figures.get("environments", [])
        return found

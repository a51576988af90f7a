"""What ticks saw, decided and came to."""

from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from bots.models.bots import BotConfig
from bots.types import Reason
from market.fields import AmountField
from market.writing import QuickModel


class SeriesReading(models.Model):
    """What a tick saw last of one series: the same for all bots on it, so it is written once for all of them."""

    environment = models.CharField(max_length=10)
    market = models.CharField(max_length=10)
    symbol = models.CharField(max_length=30)
    interval = models.CharField(max_length=3)
    evaluated_at = models.DateTimeField()
    candle_close_at = models.DateTimeField(null=True)
    price = AmountField(null=True)
    texts = models.JSONField(default=dict, help_text="Strategy and parameters → the sentence about the last candle.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "market", "symbol", "interval"], name="series_reading_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} {self.interval} ({self.environment} {self.market})"


class Decision(QuickModel):
    """One change of mind, or one action, of a bot; the same thought a second time is not written again.

    In PostgreSQL the table is divided into weeks, which `services.retention` makes and drops.
    """

    # Without a constraint: to look for its bot costs more than to write a decision, and locks the bot's row for it.
    bot = models.ForeignKey(
        BotConfig, on_delete=models.CASCADE, related_name="decisions", db_constraint=False, db_index=False
    )
    status = models.CharField(max_length=8)
    reason = models.CharField(max_length=40, blank=True)
    text = models.CharField(max_length=400)
    order_id = models.BigIntegerField(null=True, help_text="The order that it led to.")
    strategy = models.CharField(max_length=30, blank=True, help_text="The bot's, with these parameters and revision.")
    parameters = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=0)
    indicators = models.JSONField(default=dict, help_text="The strategy's values at the candle.")
    denial_code = models.CharField(max_length=30, blank=True)
    denial_limit = models.CharField(max_length=60, blank=True, help_text="What is allowed.")
    denial_value = models.CharField(max_length=60, blank=True, help_text="What was found.")
    candle_close_at = models.DateTimeField(null=True)
    price = AmountField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(name="decision_timeline", fields=["bot", "-created_at"]),
            models.Index(name="decision_newest", fields=["-created_at"]),
            # What people look for among millions.
            models.Index(
                name="decision_trouble", fields=["status", "-created_at"], condition=Q(status__in=("paused", "error"))
            ),
            models.Index(
                name="decision_rare_reason",
                fields=["reason", "-created_at"],
                condition=~Q(reason__in=("", Reason.NO_SIGNAL.value)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M:%S} {self.text}"


class Tick(models.Model):
    """One minute slot of the fleet. The unique slot is the claim: a second beat finds it taken."""

    slot = models.DateTimeField(unique=True)
    started_at = models.DateTimeField()
    bots = models.PositiveIntegerField(default=0)
    parts = models.PositiveIntegerField(default=0)
    parts_done = models.PositiveIntegerField(default=0)
    acting = models.PositiveIntegerField(default=0, help_text="Bots that had something to do.")
    due = ArrayField(models.BigIntegerField(), default=list, help_text="Which: each of them got a task of its own.")
    resumed_at = models.DateTimeField(null=True, help_text="When what was missing of it was last sent again.")
    finished_at = models.DateTimeField(null=True)
    doubles = models.PositiveIntegerField(default=0, help_text="How often it was begun once more, to no effect.")

    class Meta:
        indexes = [models.Index(name="tick_newest", fields=["-started_at"])]

    def __str__(self) -> str:
        return f"{self.slot:%Y-%m-%d %H:%M}"

    @staticmethod
    def slot_of(now: datetime) -> datetime:
        return now.replace(second=0, microsecond=0)

    @property
    def duration(self) -> timedelta | None:
        return self.finished_at - self.started_at if self.finished_at else None

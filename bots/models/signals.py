"""What bots are told from outside."""

import secrets
from datetime import UTC

from django.db import models
from django.db.models import Q

from bots.external import Action
from bots.models.bots import BotConfig
from market.fields import SecretField, choices_of


def new_public_id() -> str:
    """A name that nobody can guess."""
    return secrets.token_urlsafe(16)


class Webhook(models.Model):
    """The address and the secret by which a bot is told signals from outside."""

    bot = models.OneToOneField(BotConfig, on_delete=models.CASCADE, primary_key=True, related_name="webhook")
    public_id = models.CharField(max_length=22, unique=True, default=new_public_id)
    secret = SecretField()
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"webhook of bot {self.bot_id}"


class ExternalSignal(models.Model):
    """One signal from outside, written down before anybody acts on it: who has it twice, acts on it once."""

    class Outcome(models.TextChoices):
        WAITING = "", "waiting"
        ORDERED = "ordered", "an entry was ordered"
        LEFT = "left", "the position was left"
        NOTHING_TO_LEAVE = "nothing to leave"
        HELD_ALREADY = "held already"
        EXPIRED = "expired"
        SUPERSEDED = "superseded", "superseded by a newer one"
        STOPPED = "stopped", "the bot was stopped"
        OTHER_STRATEGY = "other strategy", "the bot got another strategy"

    bot = models.ForeignKey(BotConfig, on_delete=models.CASCADE, related_name="external_signals")
    sender_id = models.CharField(max_length=100, help_text="The sender's name of it: sent again it is the same signal.")
    action = models.CharField(max_length=11, choices=choices_of(Action))
    sent_at = models.DateTimeField(help_text="By the sender's clock, if that is not ahead; entries expire from then.")
    received_at = models.DateTimeField()
    order_id = models.BigIntegerField(null=True, help_text="The last order that it led to.")
    outcome = models.CharField(max_length=16, blank=True, choices=Outcome)
    handled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bot", "sender_id"], name="external_signal_once"),
            models.CheckConstraint(
                name="external_signal_handled_has_outcome",
                condition=Q(handled_at__isnull=True, outcome="") | Q(handled_at__isnull=False) & ~Q(outcome=""),
            ),
        ]
        indexes = [
            models.Index(name="external_signal_waiting", fields=["bot"], condition=Q(handled_at__isnull=True)),
            models.Index(name="external_signal_recent", fields=["bot", "sent_at"]),
            models.Index(name="external_signal_old", fields=["received_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.action} by POST at {self.received_at.astimezone(UTC):%H:%M:%S} UTC ({self.sender_id})"

    @property
    def act(self) -> Action:
        return Action(self.action)

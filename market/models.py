"""Accounts at exchanges, and what exchanges say of their symbols."""

import hashlib
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from market.fields import SecretField, SecretUnreadable
from market.rules import Rules, rules_of
from market.types import Environment, Market


class AccountQuerySet(models.QuerySet["ExchangeAccount"]):
    def owned_by(self, user: models.Model) -> "AccountQuerySet":
        return self.filter(owner=user)


class ExchangeAccount(models.Model):
    """One account at an exchange. Many bots may share it; what each of them holds is its position."""

    class State(models.TextChoices):
        ACTIVE = "active"
        REDUCING = "reducing", "reducing (exits only)"
        HALTED = "halted", "halted (no orders at all)"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="accounts")
    name = models.CharField(max_length=60)
    environment = models.CharField(
        max_length=10,
        choices=[(item.value, item.value) for item in Environment],
        default=Environment.PAPER,
        help_text="paper: our own exchange on recorded prices; live: real money.",
    )
    market = models.CharField(max_length=10, choices=[(item.value, item.value) for item in Market], default=Market.SPOT)
    api_key = SecretField(blank=True)
    api_secret = SecretField(blank=True)
    state = models.CharField(
        max_length=10,
        choices=State,
        default=State.ACTIVE,
        help_text="Reducing lets positions close, halted sends nothing.",
    )
    state_reason = models.CharField(max_length=300, blank=True, editable=False, help_text="Why it is in this state.")
    reconciled_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When its books were last compared with the exchange."
    )
    cooldown_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="The exchange asked us to be silent until then."
    )
    key_error = models.CharField(
        max_length=300, blank=True, editable=False, help_text="Why the exchange refused the key; a new key clears it."
    )
    live_consent_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the owner agreed, a second time, to trade real money."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="account_name_unique_per_owner"),
            # Target of bots' composite foreign key: a bot can only trade on an account of its own owner.
            models.UniqueConstraint(fields=["id", "owner"], name="account_id_owner"),
            # And of another: a bot knows the market of its account.
            models.UniqueConstraint(fields=["id", "market"], name="account_id_market"),
            models.CheckConstraint(
                name="account_live_needs_consent",
                condition=~Q(environment=Environment.LIVE) | Q(live_consent_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.environment} {self.market})"

    def clean(self) -> None:
        if self.environment not in settings.ENVIRONMENTS:
            allowed = ", ".join(settings.ENVIRONMENTS)
            raise ValidationError(
                {"environment": f"{self.environment} is switched off here; ENVIRONMENTS allows: {allowed}."}
            )
        if self.environment == Environment.LIVE and not self.live_consent_at:
            raise ValidationError({"environment": "live: the owner's second consent to trade real money is missing."})

    @property
    def masked_key(self) -> str:
        """Enough of the key to recognise it, never enough to use it."""
        try:
            key = self.api_key.reveal()
        except SecretUnreadable:
            return "unreadable"
        if not key:
            return "none"
        return f"…{key[-4:]}" if len(key) >= 12 else "…"

    @property
    def key_mark(self) -> str:
        """Tells one key from the next and neither of them: what was asked with a key does not count for another."""
        return hashlib.sha256(self.api_key.token.encode()).hexdigest()[:16]

    def is_cooling(self, now: datetime) -> bool:
        return self.cooldown_until is not None and now < self.cooldown_until


class SymbolRules(models.Model):
    """The last good copy of what an exchange said of a symbol; the cache in Redis stands before it."""

    environment = models.CharField(max_length=10)
    market = models.CharField(max_length=10)
    symbol = models.CharField(max_length=30)
    status = models.CharField(max_length=20)
    entry = models.JSONField(help_text="The symbol's part of exchangeInfo, as received.")
    refreshed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "symbol rules"
        constraints = [
            models.UniqueConstraint(fields=["environment", "market", "symbol"], name="symbol_rules_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} ({self.environment} {self.market})"

    @property
    def rules(self) -> Rules:
        """As received, but for the status: a symbol may have left the list since."""
        return replace(rules_of(self.entry), status=self.status)

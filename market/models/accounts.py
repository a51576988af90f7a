"""Accounts at exchanges, their keys and their state."""

import hashlib
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from market.fields import AmountField, SecretField, SecretUnreadable
from market.history import History
from market.switches import Hold, Scope, SwitchState
from market.types import Environment, Market

# What makes an operator, and what an administrator may beside it.
SEE_ALL_ROWS, SET_ALL_KEYS = "market.see_all_rows", "market.set_all_keys"


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
    state_set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        help_text="Nobody: the system itself, or the command line.",
    )
    state_set_at = models.DateTimeField(null=True, editable=False)
    cooldown_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="The exchange asked us to be silent until then."
    )
    key_error = models.CharField(
        max_length=300, blank=True, editable=False, help_text="Why the exchange refused the key; a new key clears it."
    )
    may_withdraw = models.BooleanField(
        null=True, editable=False, help_text="Whether the exchange lets the key take money out; a trading key must not."
    )
    is_ip_restricted = models.BooleanField(
        null=True, editable=False, help_text="Whether the exchange takes the key from our addresses only."
    )
    permissions_checked_at = models.DateTimeField(null=True, editable=False)
    reconciled_at = models.DateTimeField(
        null=True, editable=False, help_text="When its orders, fills and balances were last compared with ours."
    )
    free_quote = AmountField(
        null=True, editable=False, help_text="What was free of the quote asset when the exchange was last asked."
    )
    balance_read_at = models.DateTimeField(null=True, editable=False)
    live_consent_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the owner agreed, a second time, to trade real money."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AccountQuerySet.as_manager()
    history = History(
        owner=lambda account: account.owner_id,
        concealed=["api_key", "api_secret"],
        unnoted=[
            "state_set_by",
            "state_set_at",
            "cooldown_until",
            "key_error",
            "may_withdraw",
            "is_ip_restricted",
            "permissions_checked_at",
            "reconciled_at",
            "free_quote",
            "balance_read_at",
            "created_at",
        ],
    )

    class Meta:
        permissions = [
            (SEE_ALL_ROWS.partition(".")[2], "Can see and steer what belongs to others, but for keys"),
            (SET_ALL_KEYS.partition(".")[2], "Can set and wipe the keys of others"),
        ]
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
    def hidden_key(self) -> str:
        """Whether there is a key, for those whom it does not concern which one."""
        told = self.masked_key
        return "…" if told.startswith("…") else told

    @property
    def key_mark(self) -> str:
        """Tells one key from the next and neither of them: what was asked with a key does not count for another."""
        return hashlib.sha256(self.api_key.token.encode()).hexdigest()[:16]

    def is_cooling(self, now: datetime) -> bool:
        return self.cooldown_until is not None and now < self.cooldown_until

    @property
    def is_reconciled(self) -> bool:
        """Whether its books have been compared with the exchange's since it got its key; before it enters nothing."""
        return self.reconciled_at is not None

    @property
    def key_trouble(self) -> str:
        """Why the key must not be used for entries; empty when it may."""
        if not (self.api_key and self.api_secret):
            return "the account has no API key"
        if self.key_error or self.environment != Environment.LIVE:
            return self.key_error
        if self.permissions_checked_at is None:
            return "nobody has asked the exchange what the key may do: test the connection"
        if self.may_withdraw:
            return "the key may withdraw money: make one that can only trade"
        return "" if self.is_ip_restricted else "the key is not restricted to our addresses"

    @property
    def own_hold(self) -> Hold:
        """What its own switch says; `Switch.objects.holds` knows those of the owner and the platform, too."""
        return Hold(SwitchState(self.state), Scope.ACCOUNT, self.state_reason)

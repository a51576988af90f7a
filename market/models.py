"""Accounts at exchanges, and what exchanges say of their symbols."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from market.fields import AmountField, SecretField, SecretUnreadable, require_time_zone
from market.history import History
from market.ready import Asked, ask
from market.rules import Rules, rules_of
from market.switches import Hold, Scope, SwitchState, strictest
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


# Asked for every order that is written down and every one that is sent, so it is spelt out.
PRESSED_SQL = """
    SELECT user_id, state, reason FROM market_switch
     WHERE state <> 'active' AND (user_id IS NULL OR user_id = ANY(%s))
"""


# What a claim asks, in one statement: the account's own switch, its silence, and what is pressed above it.
HELD_SQL = """
    SELECT a.state, a.state_reason, a.cooldown_until, s.user_id, s.state, s.reason
      FROM market_exchangeaccount a
      LEFT JOIN market_switch s ON s.state <> 'active' AND (s.user_id IS NULL OR s.user_id = a.owner_id)
     WHERE a.id = %s
"""


class SwitchManager(models.Manager["Switch"]):
    def holds(self, accounts: Iterable[ExchangeAccount]) -> dict[int, Hold]:
        """What may be traded on each of the accounts, by account id: the strictest of three switches. One query."""
        return self.ask_holds(accounts)()

    def ask_holds(self, accounts: Iterable[ExchangeAccount]) -> Asked[dict[int, Hold]]:
        """The same, to be answered when the round trip ends."""
        accounts = list(accounts)
        free = Hold()

        def read(rows: list[Any]) -> dict[int, Hold]:
            pressed = {row[0]: _pressed(*row) for row in rows}
            return {
                account.pk: strictest(account.own_hold, pressed.get(account.owner_id, free), pressed.get(None, free))
                for account in accounts
            }

        return ask(PRESSED_SQL, [list({account.owner_id for account in accounts})], read)

    def ask_hold_on(self, account_id: int) -> Asked[tuple[Hold, datetime | None]]:
        """The strictest switch of one account, and until when the exchange wants it silent: asked in one statement."""

        def read(rows: list[Any]) -> tuple[Hold, datetime | None]:
            state, reason, cooldown_until = rows[0][:3]
            above = [_pressed(*row[3:]) for row in rows if row[4]]
            return strictest(Hold(SwitchState(state), Scope.ACCOUNT, reason), *above), cooldown_until

        return ask(HELD_SQL, [account_id], read)


def _pressed(user_id: int | None, state: str, reason: str) -> Hold:
    return Hold(SwitchState(state), Scope.USER if user_id else Scope.PLATFORM, reason)


class Switch(models.Model):
    """The kill switch of the platform, or of one user. An account carries its own; the strictest counts."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="switch",
        help_text="Whose trading it stops; empty: everybody's, it is the platform's.",
    )
    state = models.CharField(max_length=10, choices=ExchangeAccount.State, default=ExchangeAccount.State.ACTIVE)
    reason = models.CharField(max_length=200, blank=True)
    pressed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        help_text="Nobody: the system itself, or the command line.",
    )
    pressed_at = models.DateTimeField(null=True, editable=False)

    objects = SwitchManager()
    history = History(owner=lambda switch: switch.user_id, unnoted=["pressed_by", "pressed_at"])

    class Meta:
        verbose_name = "kill switch"
        verbose_name_plural = "kill switches"
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                name="switch_one_per_scope",
                nulls_distinct=False,
                violation_error_message="This switch exists already: press it in the list.",
            ),
        ]

    def __str__(self) -> str:
        return f"kill switch of {self.user or 'the platform'}"


class RiskLimits(models.Model):
    """What may be at stake on one account, or on all accounts of one user in one environment. The strictest counts."""

    account = models.OneToOneField(
        ExchangeAccount, on_delete=models.CASCADE, null=True, blank=True, related_name="risk_limits"
    )
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="risk_limits",
        help_text="Of all accounts of one environment together.",
    )
    max_order_notional = AmountField(null=True, blank=True, help_text="One entry, in quote asset.")
    max_exposure = AmountField(null=True, blank=True, help_text="Positions and entries at work, in quote asset.")
    max_symbol_exposure = AmountField(null=True, blank=True, help_text="The same, of one symbol.")
    max_open_positions = models.PositiveIntegerField(null=True, blank=True)
    max_open_orders = models.PositiveIntegerField(null=True, blank=True, help_text="Stops and targets count, too.")
    max_orders_per_minute = models.PositiveIntegerField(null=True, blank=True, help_text="Entries only.")
    max_daily_loss = AmountField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="Booked since midnight, in quote asset; then no entries until the next day.",
    )
    time_zone = models.CharField(
        max_length=40,
        default="UTC",
        validators=[require_time_zone],
        help_text="Whose midnight starts the day of the loss, for example Europe/Berlin.",
    )

    history = History(owner=lambda limits: limits.user_id or limits.account.owner_id)

    class Meta:
        verbose_name = verbose_name_plural = "risk limits"
        constraints = [
            models.CheckConstraint(
                name="risk_limits_of_one",
                condition=Q(account__isnull=True, user__isnull=False) | Q(account__isnull=False, user__isnull=True),
                violation_error_message="Limits belong to an account or to a user: choose one of them.",
            ),
        ]

    def __str__(self) -> str:
        return f"risk limits of {self.account or self.user}"


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

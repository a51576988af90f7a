"""What may be at stake."""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from market.fields import AmountField, require_time_zone
from market.history import History
from market.models.accounts import ExchangeAccount


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

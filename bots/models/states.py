"""Where a bot stands."""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from bots.models.bots import BotConfig
from bots.types import LASTING, Reason, Status
from market.fields import AmountField
from market.writing import QuickModel
from trades.models import Position


class BotState(QuickModel):
    """Where the bot stands; the row that is locked while it runs. What it holds and earns is read from its position."""

    bot = models.OneToOneField(BotConfig, on_delete=models.CASCADE, primary_key=True, related_name="state")
    status = models.CharField(
        max_length=8, choices=[(item.value, item.value) for item in Status], default=Status.STOPPED
    )
    reason = models.CharField(max_length=40, blank=True, choices=[(item.value, item.value) for item in Reason])
    message = models.CharField(max_length=400, blank=True, help_text="When status or reason last changed.")
    changed_at = models.DateTimeField(null=True)
    best_price = AmountField(null=True, help_text="The best price since the entry; the trailing stop hangs on it.")
    best_round = models.PositiveIntegerField(default=0, help_text="The position's round that best_price belongs to.")
    enabled_at = models.DateTimeField(
        null=True, help_text="When a person last started it: lasting limits count from it."
    )
    day_from = models.DateTimeField(
        null=True, help_text="When a person last reset its day: daily limits count from it, until the next day begins."
    )
    lockout = models.CharField(
        max_length=40,
        blank=True,
        choices=[(item.value, item.value) for item in sorted(LASTING)],
        help_text="The lasting limit that it has reached; starting the bot again clears it.",
    )
    lockout_text = models.CharField(max_length=400, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="bot_state_error_has_reason", condition=~Q(status__in=("error", "paused"), reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} ({self.reason})" if self.reason else self.status

    @property
    def position(self) -> Position:
        return self.bot.position

    @property
    def in_position(self) -> bool:
        return self.position.is_open

    @property
    def entry_price(self) -> Decimal:
        return self.position.entry_price

    @property
    def best_price_so_far(self) -> Decimal:
        """The best price of this round; the entry price before a tick has seen a better one."""
        position = self.position
        if self.best_price is None or self.best_round != position.round:
            return position.entry_price
        return self.best_price

    @property
    def current_position_size_coins(self) -> Decimal:
        return self.position.quantity

    @property
    def last_error_message(self) -> str:
        return self.message if self.status == Status.ERROR else ""

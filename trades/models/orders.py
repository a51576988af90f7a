"""Our instructions to the exchange."""

from decimal import Decimal
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import F, Q

from market.fields import AmountField, choices_of
from market.models import ExchangeAccount
from market.types import OrderType, Side
from market.writing import QuickModel, update_where
from trades.lifecycle import CUT_SHORT, LIVE, NEVER_WERE, RARE_ENDS, OrderPurpose, OrderStatus, may_become
from trades.models.positions import Position

# A step of a take profit that was sold, in whatever round.
REACHED_TARGET = Q(purpose=OrderPurpose.PROTECTION, type=OrderType.TARGET.value, filled_quantity__gt=0)
# Orders that are, were, or may be at the exchange.
IS_REAL = ~Q(status__in=NEVER_WERE) & ~Q(status__in=CUT_SHORT, filled_quantity=0)


class OrderQuerySet(models.QuerySet["Order"]):
    def owned_by(self, user: AbstractBaseUser) -> "OrderQuerySet":
        return self.filter(position__account__owner=user)

    def live(self) -> "OrderQuerySet":
        """Orders that are, or may be, at work: they may still be filled."""
        return self.filter(status__in=LIVE)

    def real(self) -> "OrderQuerySet":
        """Orders beside which the same act is never done a second time."""
        return self.filter(IS_REAL)


class Order(QuickModel):
    """One order, from the moment we decide on it. The row is older than the HTTP call."""

    Status = OrderStatus
    Purpose = OrderPurpose

    position = models.ForeignKey(Position, on_delete=models.PROTECT, related_name="orders")
    # The position's, once more: what is at stake on an account is counted for every entry, so it has to be quick.
    account = models.ForeignKey(
        ExchangeAccount, on_delete=models.PROTECT, related_name="orders", editable=False, db_index=False
    )
    client_order_id = models.CharField(max_length=36, unique=True)
    signal_key = models.CharField(max_length=120, help_text="Which act this is; unique among real orders.")
    attempt = models.PositiveSmallIntegerField(default=1)
    purpose = models.CharField(max_length=10, choices=choices_of(OrderPurpose))
    side = models.CharField(max_length=4, choices=choices_of(Side))
    type = models.CharField(max_length=6, choices=choices_of(OrderType), default=OrderType.MARKET.value)
    quantity = AmountField(help_text="In base asset.")
    price = AmountField(null=True, help_text="The limit, or the trigger of a conditional order, in quote asset.")
    reduce_only = models.BooleanField(default=False, help_text="Futures: it can only make the position smaller.")
    list_client_id = models.CharField(max_length=36, blank=True, help_text="Shared by the two orders of a pair (OCO).")
    round = models.PositiveIntegerField(default=0, help_text="Of a protection: the position's round it belongs to.")
    leg = models.PositiveSmallIntegerField(default=0, help_text="Of a protection: which step of the take profit.")
    filled_quantity = AmountField(default=Decimal(0))
    reference_price = AmountField(help_text="The price at the moment of the decision, in quote asset.")
    status = models.CharField(max_length=10, choices=choices_of(OrderStatus), default=OrderStatus.INTENDED.value)
    reason = models.CharField(max_length=300, help_text="Who wanted it, and why.")
    exchange_order_id = models.BigIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True, help_text="What the exchange said, if it did not say yes.")
    created_at = models.DateTimeField()
    signed_at = models.DateTimeField(null=True, help_text="The timestamp that was signed: validity counts from it.")
    proof_deadline = models.DateTimeField(
        null=True, help_text="From then on an order that is not found can't arrive any more."
    )
    asked_at = models.DateTimeField(null=True, help_text="When it last had its turn in reconciliation.")
    not_found_at = models.DateTimeField(null=True, help_text="First 'not found' after the proof deadline.")
    cancel_requested_at = models.DateTimeField(null=True, help_text="When we decided to cancel it.")
    finished_at = models.DateTimeField(null=True)
    naked_seconds = models.FloatField(
        null=True, help_text="Of a stop: how long its position had been open without one when it began to rest."
    )

    objects = OrderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="order_quantity_positive", condition=Q(quantity__gt=0)),
            models.CheckConstraint(
                name="order_not_overfilled",
                condition=Q(filled_quantity__gte=0, filled_quantity__lte=F("quantity")),
            ),
            models.UniqueConstraint(
                name="order_one_live_entry_per_position",
                fields=["position"],
                condition=Q(purpose="entry", status__in=LIVE),
            ),
            models.UniqueConstraint(
                name="order_signal_key_unique_among_real",
                fields=["position", "signal_key"],
                condition=IS_REAL,
            ),
            models.CheckConstraint(
                name="order_sent_has_deadline",
                condition=Q(status="intended") | Q(status="canceled") | Q(proof_deadline__isnull=False),
            ),
            models.CheckConstraint(
                name="order_price_where_its_type_has_one",
                condition=Q(type="market", price__isnull=True)
                | (~Q(type="market") & Q(price__isnull=False, price__gt=0)),
            ),
        ]
        indexes = [
            models.Index(name="order_live", fields=["status", "created_at"], condition=Q(status__in=LIVE)),
            models.Index(name="order_history", fields=["position", "-created_at"]),
            # What a tick reads of a position, however long its history is (`bots.services.fleet`).
            models.Index(name="order_of_standing", fields=["position"], condition=Q(status__in=LIVE) | REACHED_TARGET),
            models.Index(name="order_live_of_account", fields=["account"], condition=Q(status__in=LIVE)),
            models.Index(name="order_entries", fields=["account", "created_at"], condition=Q(purpose="entry")),
            models.Index(name="order_newest", fields=["-created_at"]),
            # What whoever watches is told once more: orders that have just ended, of whatever age.
            models.Index(name="order_ended", fields=["-finished_at"], condition=Q(finished_at__isnull=False)),
            # What people look for among a million: it is rare, so that an index of the rest would only be slow.
            models.Index(name="order_rare_ends", fields=["status", "-created_at"], condition=Q(status__in=RARE_ENDS)),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.position.symbol} {self.client_order_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.account_id is None:
            self.account_id = self.position.account_id
        super().save(*args, **kwargs)

    @property
    def symbol(self) -> str:
        return self.position.symbol

    def move(self, status: OrderStatus, **changes: object) -> bool:
        """Leave the current status for ``status``. False means someone else moved first."""
        assert may_become(OrderStatus(self.status), status), f"order {self.pk}: {self.status} to {status}"
        moved = update_where(Order, {"id": self.pk, "status": self.status}, {"status": status, **changes})
        if moved:
            self.status = status
            for name, value in changes.items():
                setattr(self, name, value)
        return bool(moved)

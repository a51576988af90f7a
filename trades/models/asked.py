"""Orders that people ask for."""

from collections.abc import Mapping
from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce

from market.fields import AmountField, choices_of
from market.models import ExchangeAccount
from market.rounding import plain
from market.types import OrderType, Side
from trades.models.orders import Order

UNFINISHED = ("pending", "running")
TYPES = (OrderType.MARKET.value, OrderType.LIMIT.value)


class OrderByHandQuerySet(models.QuerySet["OrderByHand"]):
    def owned_by(self, user: AbstractBaseUser) -> "OrderByHandQuerySet":
        return self.filter(user=user)

    def unfinished(self) -> "OrderByHandQuerySet":
        """Those of which nothing has become yet."""
        return self.filter(status__in=UNFINISHED)


class OrderByHand(models.Model):
    """What a person asked for, from the moment of asking. The row is older than the task that makes an order of it.

    It ends once: in the transaction that writes down its order, whose own row tells the rest, or without an order.
    """

    class Status(models.TextChoices):
        PENDING = "pending"  # written down; its task is under way, or lost
        RUNNING = "running"  # a worker has begun
        DONE = "done"  # it is an order
        DENIED = "denied"  # we refuse it
        FAILED = "failed"  # there was no market to look at
        EXPIRED = "expired"  # nobody came to it in time: the market is another one by now

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders_by_hand")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="orders_by_hand")
    symbol = models.CharField(max_length=30)
    side = models.CharField(max_length=4, choices=choices_of(Side))
    type = models.CharField(max_length=6, choices=[(kind, kind) for kind in TYPES])
    quantity = AmountField(help_text="In base asset.")
    price = AmountField(null=True, help_text="The limit, in quote asset.")
    leverage = models.PositiveSmallIntegerField(default=1, help_text="On futures.")
    token_id = models.BigIntegerField(null=True, help_text="Of the token that a program asked with.")
    key = models.CharField(max_length=255, blank=True, help_text="Whoever asks again with it gets this one.")
    task_id = models.UUIDField(unique=True, default=uuid4)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=7, choices=Status, default=Status.PENDING)
    order = models.OneToOneField(Order, on_delete=models.PROTECT, null=True, related_name="asked")
    code = models.CharField(max_length=40, blank=True, help_text="Why there is no order, for programs.")
    message = models.CharField(max_length=300, blank=True, help_text="The same for people.")

    objects = OrderByHandQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "orders by hand"
        constraints = [
            models.CheckConstraint(name="asked_quantity_positive", condition=Q(quantity__gt=0)),
            models.CheckConstraint(
                name="asked_price_with_limit",
                condition=Q(type="market", price__isnull=True) | Q(type="limit", price__isnull=False, price__gt=0),
            ),
            models.UniqueConstraint(name="asked_once_per_key", fields=["asked_by", "key"], condition=~Q(key="")),
            models.CheckConstraint(
                name="asked_done_has_order",
                condition=Q(status="done", order__isnull=False) | (~Q(status="done") & Q(order__isnull=True)),
            ),
            models.CheckConstraint(
                name="asked_ended_has_moment",
                condition=Q(status__in=UNFINISHED, completed_at__isnull=True)
                | (~Q(status__in=UNFINISHED) & Q(completed_at__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(name="asked_unfinished", fields=["created_at"], condition=Q(status__in=UNFINISHED)),
            models.Index(name="asked_by_user", fields=["user"], condition=Q(status__in=UNFINISHED)),
        ]

    def __str__(self) -> str:
        at = "" if self.price is None else f" at {plain(self.price)}"
        return f"{self.side} {plain(self.quantity)} {self.symbol}{at}"

    @property
    def is_unfinished(self) -> bool:
        return self.status in UNFINISHED

    def is_same(self, told: Mapping[str, object]) -> bool:
        """Whether this very order is asked for once more."""
        return all(getattr(self, name) == value for name, value in told.items())

    def begin(self, *, now: datetime) -> bool:
        """Note that a worker has begun, not the first one perhaps. False: it has ended meanwhile."""
        mine = OrderByHand.objects.unfinished().filter(pk=self.pk)
        return bool(mine.update(status=self.Status.RUNNING, started_at=Coalesce("started_at", Value(now))))

    def note(self, trouble: str) -> None:
        """Remember what was in the way of it, while it may still be done."""
        OrderByHand.objects.unfinished().filter(pk=self.pk).update(message=trouble[:200])

    def end(self, status: str, *, now: datetime, **told: object) -> bool:
        """End it like this. False: somebody else was faster, and how he ended it counts."""
        mine = OrderByHand.objects.unfinished().filter(pk=self.pk)
        return bool(mine.update(status=status, completed_at=now, **told))

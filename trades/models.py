"""What we hold, what we ordered, what was executed and earned. Only the services of this app write here."""

from decimal import Decimal

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import F, Q

from market.fields import AmountField
from market.models import ExchangeAccount
from market.rounding import plain
from market.types import Side
from trades.lifecycle import CUT_SHORT, LIVE, MOVES, NEVER_WERE, OrderStatus
from trades.pnl import Holding

SIDES = [(side.value, side.value) for side in Side]


def is_open(path: str = "") -> Q:
    """The condition behind `Position.is_open`, for rows that reach their position by ``path`` (``position__``)."""
    smallest = F(f"{path}smallest_quantity")
    return Q(**{f"{path}quantity__gte": smallest}) | Q(**{f"{path}quantity__lte": -smallest})


class PositionQuerySet(models.QuerySet["Position"]):
    def owned_by(self, user: AbstractBaseUser) -> "PositionQuerySet":
        return self.filter(account__owner=user)

    def open(self) -> "PositionQuerySet":
        """Positions that can be closed; a commission in base asset leaves crumbs that nobody can sell."""
        return self.filter(is_open())


class Position(models.Model):
    """The sub-ledger of one bot, or one hand, on one symbol of one account. It outlives every order in it."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="positions")
    symbol = models.CharField(max_length=30)
    base_asset = models.CharField(max_length=20)
    quote_asset = models.CharField(max_length=20)
    smallest_quantity = AmountField(help_text="What the exchange trades at least: less is dust, and no position.")
    quantity = AmountField(default=Decimal(0), help_text="In base asset; negative for a short position.")
    entry_price = AmountField(default=Decimal(0), help_text="Average price of what is held, in quote asset.")
    realized_pnl = AmountField(default=Decimal(0), help_text="In quote asset, net of fees.")
    fees = AmountField(default=Decimal(0), help_text="All commissions so far, in quote asset.")
    round = models.PositiveIntegerField(default=0, help_text="How many times it has been opened.")
    opened_at = models.DateTimeField(null=True, help_text="When the first entry of this round was filled.")
    closed_at = models.DateTimeField(null=True, help_text="When the last exit was filled.")

    objects = PositionQuerySet.as_manager()

    class Meta:
        constraints = [
            # Target of bots' composite foreign key: a bot and its position agree on account and symbol.
            models.UniqueConstraint(fields=["id", "account", "symbol"], name="position_id_account_symbol"),
        ]

    def __str__(self) -> str:
        return f"position {self.pk} on {self.symbol}"

    @property
    def is_open(self) -> bool:
        """Whether there is something to sell or buy back; dust is not."""
        return abs(self.quantity) >= self.smallest_quantity

    @property
    def holding(self) -> Holding:
        return Holding(self.quantity, self.entry_price, self.realized_pnl, self.fees)


class OrderQuerySet(models.QuerySet["Order"]):
    def owned_by(self, user: AbstractBaseUser) -> "OrderQuerySet":
        return self.filter(position__account__owner=user)

    def live(self) -> "OrderQuerySet":
        """Orders that are, or may be, at work: they may still be filled."""
        return self.filter(status__in=LIVE)

    def real(self) -> "OrderQuerySet":
        """Orders that are, were, or may be at the exchange; the same act is never done a second time beside one."""
        return self.exclude(status__in=NEVER_WERE).exclude(status__in=CUT_SHORT, filled_quantity=0)


class Order(models.Model):
    """One order, from the moment we decide on it. The row is older than the HTTP call."""

    Status = OrderStatus

    class Purpose(models.TextChoices):
        ENTRY = "entry"
        EXIT = "exit"

    position = models.ForeignKey(Position, on_delete=models.PROTECT, related_name="orders")
    client_order_id = models.CharField(max_length=36, unique=True)
    signal_key = models.CharField(max_length=120, help_text="Which act this is; unique among real orders.")
    attempt = models.PositiveSmallIntegerField(default=1)
    purpose = models.CharField(max_length=5, choices=Purpose)
    side = models.CharField(max_length=4, choices=SIDES)
    quantity = AmountField(help_text="In base asset.")
    filled_quantity = AmountField(default=Decimal(0))
    reference_price = AmountField(help_text="The price at the moment of the decision, in quote asset.")
    status = models.CharField(max_length=10, choices=OrderStatus, default=OrderStatus.INTENDED)
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
    finished_at = models.DateTimeField(null=True)

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
                condition=~Q(status__in=NEVER_WERE) & ~Q(status__in=CUT_SHORT, filled_quantity=0),
            ),
            models.CheckConstraint(
                name="order_sent_has_deadline",
                condition=Q(status="intended") | Q(status="canceled") | Q(proof_deadline__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="order_live", fields=["status", "created_at"], condition=Q(status__in=LIVE)),
            models.Index(name="order_history", fields=["position", "-created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.position.symbol} {self.client_order_id}"

    def may_become(self, status: OrderStatus) -> bool:
        return (OrderStatus(self.status), status) in MOVES

    def move(self, status: OrderStatus, **changes: object) -> bool:
        """Leave the current status for ``status``. False means someone else moved first."""
        assert self.may_become(status), f"order {self.pk}: {self.status} to {status}"
        moved = Order.objects.filter(pk=self.pk, status=self.status).update(status=status, **changes)
        if moved:
            self.status = status
            for name, value in changes.items():
                setattr(self, name, value)
        return bool(moved)


class Fill(models.Model):
    """One execution against an order, as the exchange reported it."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="fills")
    symbol = models.CharField(max_length=30)
    exchange_trade_id = models.BigIntegerField()
    price = AmountField()
    quantity = AmountField(help_text="In base asset.")
    quote_quantity = AmountField()
    commission = AmountField()
    commission_asset = models.CharField(max_length=20)
    commission_quote = AmountField(help_text="The commission's worth in quote asset.")
    realized_pnl = AmountField(help_text="What it earned, in quote asset, net of its commission.")
    executed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "symbol", "exchange_trade_id", "order"], name="fill_booked_once"
            ),
            models.CheckConstraint(name="fill_positive", condition=Q(quantity__gt=0, price__gt=0)),
        ]

    def __str__(self) -> str:
        return f"fill {self.exchange_trade_id} of {self.symbol}"


class TradeQuerySet(models.QuerySet["Trade"]):
    def owned_by(self, user: AbstractBaseUser) -> "TradeQuerySet":
        return self.filter(position__account__owner=user)


class Trade(models.Model):
    """The booked result of one executed order. Nothing but fills makes or changes one."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="trade")
    position = models.ForeignKey(Position, on_delete=models.PROTECT, related_name="trades")
    environment = models.CharField(max_length=10)
    market = models.CharField(max_length=10)
    symbol = models.CharField(max_length=30)
    binance_order_id = models.BigIntegerField()
    purpose = models.CharField(max_length=5, choices=Order.Purpose)
    side = models.CharField(max_length=4, choices=SIDES)
    price = AmountField(help_text="Average, in quote asset.")
    quantity_filled = AmountField(help_text="In base asset.")
    quote_quantity = AmountField()
    commission = AmountField(help_text="In commission_asset; in quote asset where the fills paid in several.")
    commission_asset = models.CharField(max_length=20)
    commission_quote = AmountField()
    realized_pnl = AmountField(help_text="In quote asset, net of commission.")
    created_at = models.DateTimeField(help_text="When its first fill was executed.")

    objects = TradeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "market", "symbol", "binance_order_id"], name="trade_booked_once"
            ),
        ]
        indexes = [models.Index(name="trade_by_day", fields=["position", "created_at"])]

    def __str__(self) -> str:
        return f"{self.side} {plain(self.quantity_filled)} {self.symbol}"


class Event(models.Model):
    """Append-only news, written in the transaction of what it tells: the outbox of all notifications."""

    class Kind(models.TextChoices):
        ORDER_FILLED = "order_filled"
        ORDER_REJECTED = "order_rejected"
        ORDER_DENIED = "order_denied"
        ORDER_UNKNOWN = "order_unknown"
        ORDER_ABSENT = "order_absent"
        STOP_HIT = "stop_hit"
        TARGET_HIT = "target_hit"
        BOT_STARTED = "bot_started"
        BOT_STOPPED = "bot_stopped"
        BOT_PAUSED = "bot_paused"
        BOT_ERROR = "bot_error"

    kind = models.CharField(max_length=20, choices=Kind)
    position = models.ForeignKey(Position, on_delete=models.PROTECT, related_name="events")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="events")
    message = models.CharField(max_length=400)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(name="event_unhandled", fields=["id"], condition=Q(handled_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"

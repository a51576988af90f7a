"""What came of orders: fills, fundings, trades. Fills and fundings are the journal: written once, never changed.

Every figure of a position, an order and a trade can be computed from them anew; the database refuses to update or
delete one (migration 0002).
"""

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import Q

from market.fields import AmountField, choices_of
from market.models import ExchangeAccount
from market.rounding import plain
from market.types import Side
from market.writing import QuickModel
from trades.models.orders import Order
from trades.models.positions import Position


class Fill(QuickModel):
    """One execution against an order, as the exchange reported it.

    Only facts, the commission's worth among them. What it earned depends on the fills that were executed before it, of
    which one may still become known: that is the trade's to say.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    position = models.ForeignKey(Position, on_delete=models.PROTECT, related_name="fills", db_index=False)
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="fills", db_index=False)
    symbol = models.CharField(max_length=30)
    exchange_trade_id = models.BigIntegerField()
    price = AmountField()
    quantity = AmountField(help_text="In base asset.")
    quote_quantity = AmountField()
    commission = AmountField()
    commission_asset = models.CharField(max_length=20)
    commission_quote = AmountField(help_text="The commission's worth in quote asset.")
    executed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "symbol", "exchange_trade_id", "order"], name="fill_booked_once"
            ),
            models.CheckConstraint(name="fill_positive", condition=Q(quantity__gt=0, price__gt=0)),
        ]
        # A late fill is booked with those of its position that were executed after it.
        indexes = [
            models.Index(name="fill_journal", fields=["position", "exchange_trade_id"]),
            models.Index(name="fill_newest", fields=["-executed_at"]),
        ]

    def __str__(self) -> str:
        return f"fill {self.exchange_trade_id} of {self.symbol}"


class Funding(models.Model):
    """One payment that is no fill, on a futures position: for holding it, or the fee of its liquidation."""

    class Kind(models.TextChoices):
        FUNDING = "funding"
        LIQUIDATION = "liquidation", "liquidation fee"

    kind = models.CharField(max_length=11, choices=Kind, default=Kind.FUNDING)
    position = models.ForeignKey(Position, on_delete=models.PROTECT, related_name="fundings")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="fundings")
    transaction_id = models.BigIntegerField()
    amount = AmountField(help_text="In quote asset; negative was paid by us.")
    paid_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "transaction_id"], name="funding_booked_once")]
        indexes = [models.Index(name="funding_newest", fields=["-paid_at"])]

    def __str__(self) -> str:
        return f"funding {plain(self.amount)} of {self.position}"


class TradeQuerySet(models.QuerySet["Trade"]):
    def owned_by(self, user: AbstractBaseUser) -> "TradeQuerySet":
        return self.filter(position__account__owner=user)


class Trade(QuickModel):
    """The booked result of one executed order. Nothing but fills makes or changes one."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="trade")
    position = models.ForeignKey(Position, on_delete=models.PROTECT, related_name="trades")
    environment = models.CharField(max_length=10)
    market = models.CharField(max_length=10)
    symbol = models.CharField(max_length=30)
    binance_order_id = models.BigIntegerField()
    purpose = models.CharField(max_length=10, choices=choices_of(Order.Purpose))
    side = models.CharField(max_length=4, choices=choices_of(Side))
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
        indexes = [
            models.Index(name="trade_by_day", fields=["position", "created_at"]),
            models.Index(name="trade_newest", fields=["-created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.side} {plain(self.quantity_filled)} {self.symbol}"

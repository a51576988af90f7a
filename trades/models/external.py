"""What happened on an account without us: kept apart, never claimed."""

from decimal import Decimal

from django.db import models

from market.fields import AmountField, choices_of
from market.models import ExchangeAccount
from market.types import Side


class ExternalOrder(models.Model):
    """An open order that somebody else placed on the account. We show it and never touch it."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="external_orders")
    symbol = models.CharField(max_length=30)
    client_order_id = models.CharField(max_length=50)
    exchange_order_id = models.BigIntegerField()
    kind = models.CharField(max_length=40, help_text="The exchange's word for its type.")
    side = models.CharField(max_length=4, choices=choices_of(Side))
    quantity = AmountField()
    executed_quantity = AmountField()
    price = AmountField()
    seen_at = models.DateTimeField(help_text="When it was first seen.")
    gone_at = models.DateTimeField(null=True, help_text="When it was no longer among the open orders.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "symbol", "exchange_order_id", "kind"], name="external_order_seen_once"
            ),
        ]

    def __str__(self) -> str:
        return f"external {self.side} {self.symbol} {self.exchange_order_id}"


class ExternalFill(models.Model):
    """An execution on the account by an order that is not ours."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="external_fills")
    symbol = models.CharField(max_length=30)
    exchange_trade_id = models.BigIntegerField()
    exchange_order_id = models.BigIntegerField()
    side = models.CharField(max_length=4, choices=choices_of(Side))
    price = AmountField()
    quantity = AmountField(help_text="In base asset.")
    commission = AmountField()
    commission_asset = models.CharField(max_length=20)
    executed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "symbol", "exchange_trade_id", "exchange_order_id"], name="external_fill_seen_once"
            ),
        ]

    def __str__(self) -> str:
        return f"external fill {self.exchange_trade_id} of {self.symbol}"


class FillCursor(models.Model):
    """Up to where the fills of an account's symbol have been looked through, ours and others'."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="fill_cursors")
    symbol = models.CharField(max_length=30)
    last_trade_id = models.BigIntegerField(null=True)
    baseline = AmountField(default=Decimal(0), help_text="Futures: what the account held there before us.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "symbol"], name="fill_cursor_unique")]

    def __str__(self) -> str:
        return f"fills of {self.symbol} up to {self.last_trade_id}"

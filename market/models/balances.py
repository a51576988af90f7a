"""What accounts held when the exchange was last asked."""

from datetime import datetime
from decimal import Decimal

from django.db import models

from market.exchange.types import Balance
from market.fields import AmountField
from market.models.accounts import ExchangeAccount


class AccountBalances(models.Model):
    """The last that the exchange said of one account, kept for when nobody wants to ask, or the exchange is away.

    A table of its own: every order reads the account's row, and nobody who trades needs this.
    """

    account = models.OneToOneField(
        ExchangeAccount, on_delete=models.CASCADE, primary_key=True, related_name="last_balances"
    )
    rows = models.JSONField(default=list, help_text="Asset, free and locked, as texts.")
    synced_at = models.DateTimeField(null=True, help_text="When the exchange said so; empty: never yet.")
    equity = AmountField(null=True, help_text="All that has a price, in quote asset; open futures positions included.")
    equity_at = models.DateTimeField(null=True)
    unpriced = models.JSONField(default=list, help_text="Assets without a price, which the equity leaves out.")
    tried_at = models.DateTimeField(null=True, help_text="When its turn came last, however it went.")
    trouble = models.CharField(max_length=300, blank=True, help_text="Why the exchange was not heard at that turn.")

    def __str__(self) -> str:
        return f"balances of account {self.account_id}"

    @property
    def balances(self) -> list[Balance]:
        return [Balance(asset, Decimal(free), Decimal(locked)) for asset, free, locked in self.rows]

    def is_fresh(self, *, since: datetime) -> bool:
        return self.synced_at is not None and self.synced_at >= since

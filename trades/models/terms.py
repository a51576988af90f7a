"""What the exchange has confirmed of a futures position, so that an entry costs no question."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db import models

from market.exchange.types import MarginBracket
from market.fields import AmountField
from market.models import ExchangeAccount
from trades.models.positions import Position

# What stood in the way is looked at again by then, or at once when the bot is started or edited.
ASK_AGAIN_AFTER = timedelta(minutes=5)


class TermsInForce(models.Model):
    """Leverage and margin type of a futures position as the exchange confirmed them, or what stood in the way."""

    position = models.OneToOneField(Position, on_delete=models.CASCADE, primary_key=True, related_name="terms")
    leverage = models.PositiveSmallIntegerField(null=True)
    is_isolated = models.BooleanField(null=True)
    brackets = models.JSONField(default=list, help_text="Ratio and deduction of each bracket of maintenance margin.")
    key_mark = models.CharField(max_length=16, blank=True, help_text="Of the key that the exchange was asked with.")
    asked_at = models.DateTimeField(null=True, help_text="When the exchange was asked; empty: it has to be asked anew.")
    problem = models.CharField(max_length=300, blank=True, help_text="Why the terms are not in force, if they are not.")
    liquidation_price = AmountField(null=True, help_text="As the exchange told it after the entry, in quote asset.")
    liquidation_round = models.PositiveIntegerField(default=0, help_text="The position's round that it belongs to.")

    class Meta:
        verbose_name_plural = "terms in force"

    def __str__(self) -> str:
        return f"{self.leverage}x {'isolated' if self.is_isolated else 'cross'}"

    def is_known(self, account: ExchangeAccount) -> bool:
        """Whether the exchange has been asked, with the key that the account has now."""
        return self.asked_at is not None and self.key_mark == account.key_mark

    def are(self, account: ExchangeAccount, *, leverage: int, is_isolated: bool) -> bool:
        """Whether these are the terms on which the exchange trades the symbol for the account."""
        in_force = self.is_known(account) and not self.problem
        return in_force and (self.leverage, self.is_isolated) == (leverage, is_isolated)

    def trouble(self, account: ExchangeAccount, now: datetime) -> str:
        """What stood in the way when the exchange was asked a short while ago."""
        is_fresh = self.asked_at is not None and now - self.asked_at < ASK_AGAIN_AFTER
        return self.problem if is_fresh and self.is_known(account) else ""

    @property
    def margin_brackets(self) -> list[MarginBracket]:
        """The brackets as rules read them."""
        return [MarginBracket(Decimal(ratio), Decimal(deduction)) for ratio, deduction in self.brackets]

"""What exchanges say of their symbols."""

from dataclasses import replace

from django.db import models

from market.rules import Rules, rules_of


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

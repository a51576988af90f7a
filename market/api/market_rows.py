"""Market data as the API shows it, and how it is asked for."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from rest_framework import serializers

from market.api.serializing import Amount, StrictSerializer
from market.rounding import plain
from market.types import INTERVALS, Candles, Environment, Market, moment_of

MOST_CANDLES = 1000
MOST_SYMBOLS = 200
SYMBOL = r"\A[A-Z0-9_]{1,30}\Z"


class ExchangeQuery(StrictSerializer):
    environment = serializers.ChoiceField(choices=[item.value for item in Environment])
    market = serializers.ChoiceField(choices=[item.value for item in Market])

    def validate_environment(self, environment: str) -> str:
        if environment not in settings.ENVIRONMENTS:
            raise serializers.ValidationError(f"{environment} is switched off here.")
        return environment


class SymbolQuery(ExchangeQuery):
    symbol = serializers.RegexField(SYMBOL, max_length=30)


class CandlesQuery(SymbolQuery):
    interval = serializers.ChoiceField(choices=list(INTERVALS))
    limit = serializers.IntegerField(
        min_value=1, max_value=MOST_CANDLES, default=100, help_text="The newest ones; 999 are there at most."
    )


class PricesQuery(ExchangeQuery):
    symbols = serializers.RegexField(
        r"\A[A-Z0-9_]{1,30}(,[A-Z0-9_]{1,30})*\Z",
        max_length=MOST_SYMBOLS * 31,
        help_text=f"Names with commas between them, at most {MOST_SYMBOLS}.",
    )

    def validate_symbols(self, symbols: str) -> list[str]:
        names = list(dict.fromkeys(symbols.split(",")))
        if len(names) > MOST_SYMBOLS:
            raise serializers.ValidationError(f"{len(names)} symbols are more than {MOST_SYMBOLS}.")
        return names


class CandleSerializer(serializers.Serializer):
    open_at = serializers.DateTimeField()
    open = Amount()
    high = Amount()
    low = Amount()
    close = Amount()
    volume = Amount(help_text="In base asset.")


class CandlesSerializer(serializers.Serializer):
    """Closed candles, the oldest first."""

    environment = serializers.CharField()
    market = serializers.CharField()
    symbol = serializers.CharField()
    interval = serializers.CharField()
    closed_at = serializers.DateTimeField(help_text="When the last one closed.")
    age_seconds = serializers.IntegerField(help_text="How long ago that was.")
    is_stale = serializers.BooleanField(help_text="Whether a newer one is closed by now: nothing trades on these.")
    trouble = serializers.CharField(help_text="Why they are stale; empty when they are not.")
    candles = CandleSerializer(many=True)


class LevelSerializer(serializers.Serializer):
    price = Amount()
    quantity = Amount(help_text="In base asset.")


class Percent(Amount):
    """A quotient: no more digits than mean anything."""

    def to_representation(self, value: Any) -> str:
        return super().to_representation(round(Decimal(value), 8))


class OrderBookSerializer(serializers.Serializer):
    """An order book as it was. A side that nobody offers has no best price, and then there is no spread."""

    at = serializers.DateTimeField()
    best_bid = Amount(allow_null=True)
    best_ask = Amount(allow_null=True)
    spread = Amount(allow_null=True, help_text="In quote asset.")
    spread_percent = Percent(allow_null=True, help_text="Of the middle between the best prices.")
    bid_volume = Amount(help_text="Of the 5 best bids, in base asset.")
    ask_volume = Amount(help_text="Of the 5 best asks, in base asset.")
    bids = LevelSerializer(many=True, source="book.bids", help_text="20 at most, the best one first.")
    asks = LevelSerializer(many=True, source="book.asks")


class PriceSerializer(serializers.Serializer):
    symbol = serializers.CharField()
    price = Amount()
    at = serializers.DateTimeField(help_text="When the exchange said so.")


class PricesSerializer(serializers.Serializer):
    prices = PriceSerializer(many=True)
    missing = serializers.ListField(child=serializers.CharField(), help_text="What the exchange has no price of.")


def candle_rows(candles: Candles) -> list[dict[str, Any]]:
    """As CandleSerializer would tell them, for a tenth of its time: there may be a thousand."""
    columns = (candles.open, candles.high, candles.low, candles.close, candles.volume)
    texts = zip(*([_text(value) for value in column.tolist()] for column in columns), strict=True)
    names = ("open", "high", "low", "close", "volume")
    opened = (moment_of(ms).isoformat().replace("+00:00", "Z") for ms in candles.open_time_ms.tolist())
    return [{"open_at": at, **dict(zip(names, row, strict=True))} for at, row in zip(opened, texts, strict=True)]


def _text(value: float) -> str:
    """The shortest decimal number that is this float, as `plain` would write it."""
    text = repr(value)
    return plain(Decimal(text)) if "e" in text else text.removesuffix(".0")


def newest(candles: Candles, count: int) -> Candles:
    """The last ``count`` of them."""
    names = ("open_time_ms", "open", "high", "low", "close", "volume")
    return Candles(*(getattr(candles, name)[-count:] for name in names))


LOOKED_AT_FOR = timedelta(hours=1)  # a copy that nobody trades on must not lie in Redis for months

"""Backtests as JSON: what is asked for, what is told of each in a list, and all that came of one."""

from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from bots.api.settings import SettingsSerializer
from bots.models import Backtest, BotConfig
from bots.models.backtests import FIGURES
from bots.services.backtests import COPIED, OWN, equity_of
from bots.services.backtests.results import ALL_FIGURES, COUNTS
from bots.services.backtests.series import MOST_POINTS
from market.access import visible
from market.api.relations import number_of
from market.api.serializing import Amount, StrictModelSerializer
from market.types import Environment, Market
from trades.performance import readable

NEEDED = ("strategy", "interval", "initial_capital", "sizing_value")  # of what is no backtest of a bot


class OwnBot(serializers.PrimaryKeyRelatedField):
    """The number of a bot that the caller may see; any other one does not exist."""

    queryset = BotConfig.objects.all()

    def get_queryset(self) -> Any:
        bots = BotConfig.objects.select_related("owner", "account")
        request = self.context.get("request")
        return visible(bots, request.user) if request else bots.none()

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(number_of(self, data))


class PeriodSerializer(StrictModelSerializer):
    """What is a backtest's own."""

    class Meta:
        model = Backtest
        fields = OWN
        extra_kwargs = {"name": {"required": False}}


class NewBacktestSerializer(SettingsSerializer):
    """A period, and a bot: one of the caller's, or all that makes one. What is given beside `bot` is tested instead."""

    bot = OwnBot(required=False, help_text="Copy its settings, and where it trades.")
    environment = serializers.ChoiceField([item.value for item in Environment], required=False, help_text="Its prices.")
    market = serializers.ChoiceField([item.value for item in Market], required=False)
    symbol = serializers.CharField(max_length=30, required=False, help_text="As the exchange writes it: BTCUSDT.")

    class Meta(SettingsSerializer.Meta):
        fields = ["bot", "environment", "market", "symbol", *COPIED]
        extra_kwargs = {name: {"required": False} for name in COPIED}

    def get_fields(self) -> dict[str, serializers.Field]:
        return {**super().get_fields(), **PeriodSerializer().get_fields()}

    def validate_symbol(self, symbol: str) -> str:
        return symbol.upper()

    def validate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """What the model would say of them is that they are blank."""
        if "bot" in wanted:
            return wanted
        missing = [name for name in ("environment", "market", "symbol", *NEEDED) if name not in wanted]
        if missing:
            raise serializers.ValidationError({name: ["This is needed without a bot."] for name in missing})
        return wanted


class Figure(Amount):
    """What was worked out in floating point, told as all amounts are; null if it says nothing."""

    def to_representation(self, value: Any) -> Any:
        shown = readable(float(value))  # JSON makes a whole number of a float without places
        return None if shown is None else super().to_representation(shown)


class BacktestRowSerializer(StrictModelSerializer):
    """A backtest in a list. Figures are null while there is too little to tell."""

    serializer_field_mapping = {**StrictModelSerializer.serializer_field_mapping, models.FloatField: Figure}
    owner = serializers.CharField(read_only=True, help_text="A username.")
    bot = serializers.IntegerField(source="bot_id", read_only=True, allow_null=True, help_text="Copied from.")
    status = serializers.ChoiceField(Backtest.Status.values, read_only=True)

    class Meta:
        model = Backtest
        fields: tuple[str, ...] = (
            *("id", "owner", "name", "bot", "environment", "market", "symbol", "interval", "strategy", "begin_at"),
            *("end_at", "fee_percent", "slippage_percent", "funding_percent", "status", "progress_percent", "error"),
            *("attempts", "asked_at", "started_at", "ended_at", *FIGURES),
        )
        read_only_fields = fields


class ChosenSerializer(SettingsSerializer):
    """What was tested, as it was when it was asked for."""

    class Meta(SettingsSerializer.Meta):
        fields = [*COPIED]
        read_only_fields = fields


class BacktestFiguresSerializer(serializers.Serializer):
    """All figures; null: too little to tell, or the backtest has not ended well. Amounts in quote asset."""

    def get_fields(self) -> dict[str, serializers.Field]:
        kinds = {name: serializers.IntegerField if name in COUNTS else Figure for name in ALL_FIGURES}
        return {name: kind(allow_null=True, required=False) for name, kind in kinds.items()}


@extend_schema_field(
    {
        "type": "array",
        "maxItems": MOST_POINTS,
        "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
        "example": [[1767225600000, 1000.0], [1767225660000, 1001.5]],
    }
)
class EquityField(serializers.Field):
    """Moments in milliseconds since 1970, and the equity then: of each stretch the lowest point and the highest one."""

    def to_representation(self, backtest: Backtest) -> Any:
        return equity_of(backtest)


class BacktestSerializer(BacktestRowSerializer):
    """A backtest with what was tested, and what came of it."""

    settings = ChosenSerializer(source="chosen", read_only=True)
    figures = BacktestFiguresSerializer(read_only=True)
    reasons = serializers.DictField(
        child=serializers.IntegerField(), read_only=True, help_text="How many candles' entries each held back."
    )
    equity = EquityField(source="*", read_only=True)

    class Meta(BacktestRowSerializer.Meta):
        fields = (*BacktestRowSerializer.Meta.fields, "settings", "figures", "reasons", "equity")
        read_only_fields = fields

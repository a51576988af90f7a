"""What an owner chooses of a bot, and the two parts of it that are JSON."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound

from bots.api.rows import FactsSerializer
from bots.models import BotConfig
from bots.services import CHANGEABLE
from bots.services.glances import glances
from bots.validation import MOST_STEPS
from market.api.relations import OwnAccount
from market.api.serializing import StrictModelSerializer, readable

MOST_PARAMETERS = 50
LONGEST = 60  # characters of a name, or of a value that is a text


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {"oneOf": [{"type": "number"}, {"type": "string"}]},
        "example": {"ema_fast": 9, "ema_slow": 21},
    }
)
class ParametersField(serializers.JSONField):
    """Numbers and short texts by their names; `strategies` tells which a strategy takes."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError('A JSON object is needed, for example {"ema_fast": 9}.')
        if len(data) > MOST_PARAMETERS:
            raise serializers.ValidationError(f"{len(data)} parameters, at most {MOST_PARAMETERS} are taken.")
        odd = [name for name, value in data.items() if len(name) > LONGEST or not self._is_plain(value)]
        if odd:
            told = ", ".join(readable(name) for name in odd[:5])
            raise serializers.ValidationError(f"{told}: a number, or a text of up to {LONGEST} characters, is needed.")
        return data

    @staticmethod
    def _is_plain(value: Any) -> bool:
        return _is_number(value) or (isinstance(value, str) and len(value) <= LONGEST)


STEP = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}


@extend_schema_field({"type": "array", "items": STEP, "maxItems": MOST_STEPS, "example": [[1, 50], [2, 50]]})
class StepsField(serializers.JSONField):
    """Steps of the take profit: pairs of gain and share, in percent."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, list) or not all(map(self._is_pair, data)):
            raise serializers.ValidationError("A list of pairs of numbers is needed, for example [[1, 50], [2, 50]].")
        if len(data) > MOST_STEPS:
            raise serializers.ValidationError(f"{len(data)} steps, at most {MOST_STEPS}.")
        return data

    def to_representation(self, value: Any) -> Any:
        """Files and forms may have brought them as texts."""
        return [[float(one) if isinstance(one, str) else one for one in pair] for pair in value]

    @staticmethod
    def _is_pair(value: Any) -> bool:
        return isinstance(value, list) and len(value) == 2 and all(_is_number(one) and 0 < one <= 1000 for one in value)


class SettingsSerializer(StrictModelSerializer):
    """Everything that an owner may choose anew. What is wrong with it beyond its form, the services say."""

    parameters = ParametersField(required=False, help_text="What is left out has the strategy's default.")
    take_profit_steps = StepsField(
        required=False, help_text="Instead of one take profit: gain and share of the position, in percent."
    )

    class Meta:
        model = BotConfig
        fields: list[str] = [*CHANGEABLE]
        validators: list[Any] = []  # the services say what is taken


class NewBotSerializer(SettingsSerializer):
    """Account and symbol are fixed once it exists; it begins stopped. Its owner is the account's."""

    account = OwnAccount()
    symbol = serializers.CharField(max_length=30, help_text="As the exchange writes it, for example BTCUSDT.")

    class Meta(SettingsSerializer.Meta):
        fields = ["account", "symbol", *CHANGEABLE]

    def validate_symbol(self, symbol: str) -> str:
        return symbol.upper()


class BotChangeSerializer(SettingsSerializer):
    """What is to be changed. With `revision` it is changed only if nobody has changed it since that one."""

    revision = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)

    class Meta(SettingsSerializer.Meta):
        fields = [*CHANGEABLE, "revision"]


class BotSerializer(FactsSerializer, SettingsSerializer):
    """A bot with all its settings, and where it stands now."""

    class Meta(SettingsSerializer.Meta):
        fields = [*FactsSerializer().fields, *CHANGEABLE]
        read_only_fields = fields

    def to_representation(self, bot: BotConfig) -> dict[str, Any]:
        found = glances([(bot.pk, bot.time_zone)], now=timezone.now())
        if not found:
            raise NotFound("there is no such bot")  # any more
        told = {**SettingsSerializer(bot).data, **found[0]}
        return {name: told[name] for name in map(str, self.fields)}

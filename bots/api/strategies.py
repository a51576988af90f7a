"""Strategies with what they take, and their indicators on demand."""

import json
from typing import Any, ClassVar

from django.conf import settings
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from bots.api.refusing import told
from bots.api.settings import ParametersField
from bots.api.shapes import NumbersField
from bots.services.indicators import BadQuestion, indicators
from bots.strategies import STRATEGIES, Parameter, Strategy
from market.api.access import Need, reads
from market.api.asking import ASKS, asked, asking_the_exchange
from market.api.filtering import require_known
from market.api.serializing import Amount, StrictSerializer
from market.api.views import ApiView
from market.rounding import plain
from market.types import INTERVALS, Market, Series

LONGEST = 1_000  # characters of the parameters in the address


class ParameterSerializer(serializers.Serializer):
    name = serializers.CharField()
    type = serializers.ChoiceField(["integer", "number", "choice"])
    default = serializers.JSONField(help_text="What counts if it is left out.")
    minimum = serializers.FloatField(allow_null=True)
    maximum = serializers.FloatField(allow_null=True)
    choices = serializers.ListField(child=serializers.CharField())
    help = serializers.CharField()


class StrategySerializer(serializers.Serializer):
    """A strategy; the bounds of its parameters are included in what is allowed."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    adds = serializers.BooleanField(help_text="On spot it may buy more of what it holds.")
    listens = serializers.BooleanField(help_text="Its signals come from outside.")
    parameters = ParameterSerializer(many=True)


def strategy_in(strategy: Strategy) -> dict[str, Any]:
    return {
        "name": strategy.name,
        "label": strategy.label,
        "adds": strategy.adds,
        "listens": strategy.listens,
        "parameters": [_parameter_in(parameter) for parameter in strategy.parameters],
    }


def _parameter_in(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "type": "choice" if parameter.choices else "integer" if parameter.kind is int else "number",
        "default": parameter.default,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "choices": list(parameter.choices),
        "help": parameter.help,
    }


class StrategiesView(ApiView):
    needs: ClassVar[dict[str, Need]] = {"get": reads("bots.view_botconfig")}

    @extend_schema(operation_id="strategies_list", summary="Strategies", responses={200: StrategySerializer(many=True)})
    def get(self, request: Request) -> Response:
        require_known(request, set())
        return Response([strategy_in(strategy) for strategy in STRATEGIES.values()])


class StrategyView(ApiView):
    needs: ClassVar[dict[str, Need]] = {"get": reads("bots.view_botconfig")}

    @extend_schema(operation_id="strategies_retrieve", summary="A strategy", responses={200: StrategySerializer})
    def get(self, request: Request, name: str) -> Response:
        require_known(request, set())
        if name not in STRATEGIES:
            raise Http404("there is no such strategy")
        return Response(strategy_in(STRATEGIES[name]))


class QuestionSerializer(StrictSerializer):
    """Which strategy is to be read on which candles."""

    environment = serializers.ChoiceField(settings.ENVIRONMENTS)
    market = serializers.ChoiceField([market.value for market in Market])
    symbol = serializers.CharField(max_length=30, help_text="As the exchange writes it, for example BTCUSDT.")
    interval = serializers.ChoiceField(list(INTERVALS))
    strategy = serializers.ChoiceField(list(STRATEGIES))
    parameters = serializers.CharField(
        required=False, max_length=LONGEST, help_text='As JSON; what is left out has its default: {"ema_fast": 9}'
    )

    def validate_parameters(self, text: str) -> Any:
        try:
            given = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValidationError("This is no JSON.") from error
        return ParametersField().to_internal_value(given)


class IndicatorsSerializer(serializers.Serializer):
    """What a strategy reads at the last closed candle."""

    candle_close_at = serializers.DateTimeField()
    price = Amount(help_text="The last one.")
    parameters = serializers.DictField()
    indicators = NumbersField()
    signal = serializers.CharField()
    text = serializers.CharField()
    trouble = serializers.CharField(help_text="Why there are no values, if there are none.")


class IndicatorsView(ApiView):
    """As a tick would read them, without a bot."""

    needs: ClassVar[dict[str, Need]] = {"get": reads("market.view_symbolrules")}
    also_refuses = ASKS

    @extend_schema(
        operation_id="indicators_retrieve",
        summary="Indicators of a strategy right now",
        parameters=[QuestionSerializer],
        responses={200: IndicatorsSerializer},
    )
    def get(self, request: Request) -> Response:
        wanted = asked(QuestionSerializer, request)
        series = Series(wanted["environment"], wanted["market"], wanted["symbol"], wanted["interval"])
        try:
            with told(), asking_the_exchange(request):
                read = indicators(series, wanted["strategy"], wanted.get("parameters", {}), now=timezone.now())
        except BadQuestion as error:
            raise ValidationError({"parameters": [str(error)]}) from error
        view = read.view
        return Response(
            {
                "candle_close_at": view.candle_close_at,
                "price": plain(view.price),
                "parameters": dict(read.parameters),
                "indicators": dict(view.indicators),
                "signal": view.signal.name.lower(),
                "text": view.text,
                "trouble": str(view.trouble),
            }
        )

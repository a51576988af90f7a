"""How trading has gone: today, in 7 and in 30 days, day by day, and how rounds ended."""

from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.utils import timezone
from django_filters.utils import translate_validation
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from market.access import sees_all
from market.api.access import Need, reads
from market.api.filtering import require_known, with_values
from market.api.filtersets import Choice, Number, StrictFilterSet, Word
from market.api.serializing import Amount
from market.api.views import ApiView
from market.planning import planned_anew
from market.symbols import QUOTE_ASSET
from market.types import Environment
from ops.api.figures import FIGURES, FiguresSerializer, SumsSerializer
from ops.figures import Scope, performance, traded_environments

ENVIRONMENTS = [item.value for item in Environment]
SAYS = (
    "Where there are positions, the realest first. Days that are over, and everybody's rounds, may be five minutes old;"
    " one's own rounds a minute."
)


class PerformanceFilters(StrictFilterSet):
    environment = Choice(choices=Environment)
    account = Number()
    bot = Number()
    symbol = Word(max_length=30)
    owner = Word()


class DaySerializer(SumsSerializer):
    date = serializers.DateField(help_text="UTC.")


class AllTimeSerializer(serializers.Serializer):
    """What the positions have come to since they began."""

    pnl = Amount()
    fees = Amount()
    funding = Amount()


class RoundsSerializer(serializers.Serializer):
    """How positions ended that were closed: from the opening until nothing is left. Without funding."""

    closed = serializers.IntegerField()
    won = serializers.IntegerField()
    lost = serializers.IntegerField()
    win_rate_percent = Amount(allow_null=True)
    average_win = Amount(allow_null=True)
    average_loss = Amount(allow_null=True)
    profit_factor = Amount(allow_null=True, help_text="What was won, divided by what was lost.")
    expectancy = Amount(allow_null=True, help_text="What a round brought on the average.")
    best = Amount(allow_null=True)
    worst = Amount(allow_null=True)
    insufficient_data = serializers.ListField(
        child=serializers.CharField(), help_text="The figures that are null since too few rounds would speak in them."
    )


class OfEnvironmentSerializer(serializers.Serializer):
    """Play money and real money are never added up."""

    environment = serializers.ChoiceField(ENVIRONMENTS)
    quote_asset = serializers.CharField(help_text="In which all amounts are.")
    today = SumsSerializer()
    last_7_days = SumsSerializer()
    last_30_days = SumsSerializer()
    all_time = AllTimeSerializer()
    daily = DaySerializer(many=True, help_text="The last 30 days, the oldest first; the last one is today.")
    rounds = RoundsSerializer(help_text="Of the last 30 days.")
    figures = FiguresSerializer(help_text="Of the last 30 days.")


class OverallPerformanceSerializer(serializers.Serializer):
    environments = OfEnvironmentSerializer(many=True, help_text=SAYS)


_SUMS = {"pnl": "12.5", "fees": "0.8", "funding": "0", "trades": 4}
EXAMPLE = {
    "environments": [
        {
            "environment": "paper",
            "quote_asset": QUOTE_ASSET,
            "today": _SUMS,
            "last_7_days": _SUMS,
            "last_30_days": _SUMS,
            "all_time": {"pnl": "12.5", "fees": "0.8", "funding": "0"},
            "daily": [{**_SUMS, "date": "2026-01-31"}],
            "rounds": {
                "closed": 2,
                "won": 2,
                "lost": 0,
                "win_rate_percent": None,
                "average_win": "6.25",
                "average_loss": None,
                "profit_factor": None,
                "expectancy": None,
                "best": "8",
                "worst": "4.5",
                "insufficient_data": ["win_rate_percent", "average_loss", "profit_factor", "expectancy"],
            },
            "figures": FIGURES,
        }
    ],
}


class PerformanceView(ApiView):
    """The caller's own trading; operators see everybody's, or one owner's."""

    needs: ClassVar[dict[str, Need]] = {"get": reads("trades.view_trade")}

    @extend_schema(
        operation_id="performance",
        summary="How trading has gone",
        parameters=[
            OpenApiParameter("environment", str, enum=ENVIRONMENTS),
            OpenApiParameter("account", int, description="Of this account alone."),
            OpenApiParameter("bot", int, description="Of this bot alone."),
            OpenApiParameter("symbol", str, description="Of this symbol alone."),
            OpenApiParameter("owner", str, description="A user's name; for those who see everybody's rows."),
        ],
        responses={200: OverallPerformanceSerializer},
        examples=[OpenApiExample("two rounds", value=EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        told, now = _asked(request), timezone.now()
        scope = _scope(request, told)
        found = list[Any]()
        if scope is not None:
            with planned_anew():
                known = traded_environments(scope)
                chosen = [name for name in known if told.get("environment") in (None, "", name)]
                found = [{"quote_asset": QUOTE_ASSET, **performance(scope, name, now=now)} for name in chosen]
        return Response(OverallPerformanceSerializer({"environments": found}).data)


def _asked(request: Request) -> dict[str, Any]:
    """What the address asks for. Raises ValidationError."""
    require_known(request, set(PerformanceFilters.get_filters()))
    asked = PerformanceFilters(request.query_params, queryset=User.objects.none())
    if not asked.is_valid():
        faults = translate_validation(asked.errors)
        raise ValidationError(with_values(faults.detail, request.query_params))
    return dict(asked.form.cleaned_data)


def _scope(request: Request, told: dict[str, Any]) -> Scope | None:
    """Of what the figures are; None when nobody has that name whom the caller may see."""
    owner = None if sees_all(request.user) else request.user.pk
    if told["owner"]:
        named = User.objects.filter(username=told["owner"]).values_list("pk", flat=True).first()
        if named is None or owner not in (None, named):
            return None
        owner = named
    account, bot = (None if told[name] is None else int(told[name]) for name in ("account", "bot"))
    return Scope(owner, account, bot, told["symbol"])

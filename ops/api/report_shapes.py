"""Reports as JSON, and how one is asked for."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers

from bots.models import BotConfig
from bots.models.bots import strategy_choices
from market.access import sees_all, visible
from market.api.filtersets import Choice, Number, StrictFilterSet, Word
from market.api.serializing import Amount, StrictModelSerializer, StrictSerializer
from market.types import Environment
from ops.api.figures import FiguresSerializer, SumsSerializer
from ops.models import Report
from ops.reports import Wanted
from ops.reports.asking import MOST_DAYS, SYMBOL

KINDS = [item.value for item in Report.Kind]


class ReportFilters(StrictFilterSet):
    kind = Choice(choices=Report.Kind)
    status = Choice(choices=Report.Status)
    bot = Number(help_text="Of this bot alone.")
    owner = Word("owner__username", help_text="A user's name; for those who see everybody's rows.")


class OwnBot(serializers.PrimaryKeyRelatedField):
    """The number of a bot that the caller may see; any other one does not exist."""

    queryset = BotConfig.objects.all()

    def get_queryset(self) -> QuerySet[BotConfig] | None:
        request = self.context.get("request")
        return visible(BotConfig.objects.all(), request.user) if request else BotConfig.objects.none()

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, int) or not 0 < data < 2**63:
            self.fail("incorrect_type", data_type=type(data).__name__)
        return super().to_internal_value(data)


class NewReportSerializer(StrictSerializer):
    """Of all trading, or of one thing: `bot`, `symbol` or `strategy`."""

    kind = serializers.ChoiceField(KINDS)
    bot = OwnBot(required=False)
    symbol = serializers.RegexField(rf"\A{SYMBOL}\Z", required=False, help_text="BTCUSDT")
    strategy = serializers.ChoiceField(strategy_choices(), required=False, help_text="Of bots that have it now.")
    of_everybody = serializers.BooleanField(default=False, help_text="For those who see everybody's rows.")
    first_day = serializers.DateField(required=False, help_text="UTC; with `last_day`.")
    last_day = serializers.DateField(required=False, help_text=f"It is in the report; at most {MOST_DAYS} days.")

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        bot, user = asked.get("bot"), self.context["request"].user
        # Of another user's bot an operator has a report as of everybody's.
        asked["of_everybody"] |= bot is not None and bot.owner_id != user.pk and sees_all(user)
        wanted = Wanted(**asked | {"kind": Report.Kind(asked["kind"])})
        if faults := wanted.faults(now=timezone.now()):
            raise serializers.ValidationError({name: [text] for name, text in faults.items()})
        return {"wanted": wanted}


class ReportSerializer(StrictModelSerializer):
    """What a report is about, and how far it is."""

    owner = serializers.CharField(source="owner.username", read_only=True)
    kind = serializers.ChoiceField(KINDS, read_only=True)
    about = serializers.ChoiceField([item.value for item in Report.About], read_only=True)
    status = serializers.ChoiceField([item.value for item in Report.Status], read_only=True)

    class Meta:
        model = Report
        fields = [
            *("id", "owner", "of_everybody", "kind", "about", "bot", "symbol", "strategy", "first_day", "last_day"),
            *("by_schedule", "status", "error", "created_at", "finished_at"),
        ]
        read_only_fields = fields


class ReportDaySerializer(SumsSerializer):
    date = serializers.DateField(help_text="UTC.")
    equity = Amount(allow_null=True, help_text="Capital and all that was booked until its end; null without capital.")


class OfSymbolSerializer(SumsSerializer):
    symbol = serializers.CharField()


class OfBotSerializer(SumsSerializer):
    name = serializers.CharField()
    bot = serializers.IntegerField(allow_null=True, help_text="Null: it was traded by hand, or the bot is gone.")
    symbol = serializers.CharField()


class OfReportSerializer(serializers.Serializer):
    """Play money and real money are never added up."""

    environment = serializers.ChoiceField([item.value for item in Environment])
    quote_asset = serializers.CharField(help_text="In which all amounts are.")
    figures = FiguresSerializer()
    sums = SumsSerializer()
    days = ReportDaySerializer(many=True)
    symbols = OfSymbolSerializer(many=True, help_text="The largest P&L first; at most 50.")
    traded_bots = serializers.IntegerField(help_text="Of how many positions something was booked.")
    best = OfBotSerializer(many=True, help_text="Those that earned most; at most 10.")
    worst = OfBotSerializer(many=True, help_text="Those that lost most; at most 10.")


class ReportFiguresSerializer(ReportSerializer):
    """A report with its figures, once it is ready."""

    environments = OfReportSerializer(many=True, read_only=True, help_text="The realest first; empty until it is made.")

    class Meta(ReportSerializer.Meta):
        fields = [*ReportSerializer.Meta.fields, "environments"]
        read_only_fields = fields


class ReportSentSerializer(serializers.Serializer):
    sent_to = serializers.ListField(child=serializers.CharField(), help_text="Enough of each address to recognise it.")

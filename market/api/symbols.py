"""Symbols: what an exchange lists, with the rules that orders have to keep."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import CharFilter
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from market.api.access import Need, reads
from market.api.filtering import require_known
from market.api.filtersets import Choice, StrictFilterSet, Word
from market.api.paging import CursorPages
from market.api.serializing import Amount, StrictModelSerializer
from market.api.views import ApiViewSet
from market.models import SymbolRules
from market.types import Environment, Market, OrderType, Side


class SymbolSerializer(StrictModelSerializer):
    """A symbol in a list. The view brings `read`, its rules."""

    base_asset = serializers.CharField(source="read.base_asset", read_only=True)
    quote_asset = serializers.CharField(source="read.quote_asset", read_only=True)
    tick_size = Amount(source="read.tick_size", read_only=True, help_text="The step of prices; 0: none.")
    lot_size = Amount(source="read.lot_size", read_only=True, help_text="The step of quantities at the market.")
    min_quantity = Amount(source="read.min_quantity", read_only=True, help_text="Of an order at the market.")
    min_notional = Amount(source="read.min_notional", read_only=True, help_text="Of an order at the market.")

    class Meta:
        model = SymbolRules
        fields = [
            "id",
            "environment",
            "market",
            "symbol",
            "status",
            "base_asset",
            "quote_asset",
            "tick_size",
            "lot_size",
            "min_quantity",
            "min_notional",
            "refreshed_at",
        ]
        read_only_fields = fields


class LotSerializer(serializers.Serializer):
    minimum = Amount()
    maximum = Amount(allow_null=True)
    step = Amount(help_text="0: none.")
    origin = Amount(help_text="From where the steps are counted.")


class BandSerializer(serializers.Serializer):
    """How far a price may be from the reference price, as factors of it."""

    down = Amount(allow_null=True)
    up = Amount(allow_null=True)


class BandsSerializer(serializers.Serializer):
    def get_fields(self) -> dict[str, serializers.Field]:
        return {side.value: BandSerializer() for side in Side}


class SortedField(serializers.ListField):
    """A set, in an order that does not change from one answer to the next."""

    def to_representation(self, data: Any) -> list[Any]:
        return super().to_representation(sorted(data))


class RulesSerializer(serializers.Serializer):
    """The limits of a symbol. A maximum of null and a step of 0 mean that there is none."""

    tick_size = Amount()
    min_price = Amount()
    max_price = Amount(allow_null=True)
    lot = LotSerializer(help_text="Of every order.")
    market_lot = LotSerializer(help_text="Of orders at the market: the stricter of two filters.")
    min_notional = Amount(help_text="Of orders at the market.")
    max_notional = Amount(allow_null=True)
    min_limit_notional = Amount()
    max_limit_notional = Amount(allow_null=True)
    bands = BandsSerializer()
    max_orders = serializers.IntegerField(allow_null=True, help_text="Open ones of an account on the symbol.")
    max_conditionals = serializers.IntegerField(allow_null=True)
    max_position = Amount(allow_null=True, help_text="Spot, in base asset.")
    order_types = SortedField(child=serializers.ChoiceField([kind.value for kind in OrderType]))
    has_pairs = serializers.BooleanField(help_text="Whether it takes a stop and a target as one list.")


class SymbolWithRulesSerializer(SymbolSerializer):
    rules = RulesSerializer(source="read", read_only=True)
    filters = serializers.SerializerMethodField(help_text="The exchange's own filters, as received.")

    class Meta(SymbolSerializer.Meta):
        fields = [*SymbolSerializer.Meta.fields, "rules", "filters"]
        read_only_fields = fields

    def get_filters(self, row: SymbolRules) -> list[dict[str, Any]]:
        return list(row.entry["filters"])


class SymbolFilters(StrictFilterSet):
    environment = Choice(choices=Environment)
    market = Choice(choices=Market)
    symbol = Word(max_length=30, help_text="The whole name.")
    status = Word(max_length=30, help_text="The exchange's word, as TRADING; DELISTED is ours.")
    search = CharFilter("symbol", "icontains", max_length=30, help_text="A part of the name.")


class SymbolPages(CursorPages):
    ordering = ("pk",)  # as they were first brought: what is popular first


@extend_schema_view(
    list=extend_schema(summary="Symbols", responses={200: SymbolSerializer(many=True)}),
    retrieve=extend_schema(summary="One symbol with all its rules", responses={200: SymbolWithRulesSerializer}),
)
class SymbolViewSet(ApiViewSet):
    """What the exchanges list in USDT. They belong to nobody."""

    queryset = SymbolRules.objects.all()
    serializer_class = SymbolSerializer
    filterset_class = SymbolFilters
    pagination_class = SymbolPages
    ordering_fields = ("symbol",)
    owner = ""
    needs: ClassVar[dict[str, Need]] = {
        "list": reads("market.view_symbolrules"),
        "retrieve": reads("market.view_symbolrules"),
    }

    def list(self, request: Request) -> Response:
        rows: QuerySet[SymbolRules] = self.filter_queryset(self.get_queryset())
        page = [_with_rules(row) for row in self.paginate_queryset(rows) or []]
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, pk: str) -> Response:
        require_known(request, {"fields"})
        row = _with_rules(self.get_object())
        return Response(SymbolWithRulesSerializer(row, context=self.get_serializer_context()).data)


def _with_rules(row: Any) -> Any:
    """The row with its rules, which are read from its entry once."""
    row.read = row.rules
    return row

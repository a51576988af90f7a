"""What bots thought, and what they were told from outside: there to be read."""

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from bots.api.filters import DecisionFilters, SignalFilters
from bots.models import BotConfig, Decision, ExternalSignal
from bots.types import Reason, Status
from market.access import sees_all
from market.api.access import Need, reads
from market.api.paging import CursorPages
from market.api.serializing import StrictModelSerializer
from market.api.views import ApiViewSet
from market.planning import among_few, planned_anew


class NewestDecided(CursorPages):
    ordering = ("-created_at",)


class NewestReceived(CursorPages):
    ordering = ("-received_at",)


class DecisionSerializer(StrictModelSerializer):
    """A change of mind, or an act, of a bot."""

    bot = serializers.IntegerField(source="bot_id", read_only=True)
    status = serializers.ChoiceField([item.value for item in Status], read_only=True)
    reason = serializers.ChoiceField([item.value for item in Reason], read_only=True)
    order = serializers.IntegerField(
        source="order_id", read_only=True, allow_null=True, help_text="It led to this one."
    )

    class Meta:
        model = Decision
        fields = (
            *("id", "bot", "status", "reason", "text", "order", "strategy", "parameters", "revision", "indicators"),
            *("denial_code", "denial_limit", "denial_value", "candle_close_at", "price", "created_at"),
        )
        read_only_fields = fields


class SignalSerializer(StrictModelSerializer):
    """A signal from outside, and what became of it."""

    bot = serializers.IntegerField(source="bot_id", read_only=True)
    outcome = serializers.ChoiceField(
        [item.value or "waiting" for item in ExternalSignal.Outcome], read_only=True, help_text="waiting: for a run."
    )
    order = serializers.IntegerField(source="order_id", read_only=True, allow_null=True)

    class Meta:
        model = ExternalSignal
        fields = ("id", "bot", "sender_id", "action", "sent_at", "received_at", "outcome", "order", "handled_at")
        read_only_fields = fields

    def to_representation(self, instance: ExternalSignal) -> Any:
        told = super().to_representation(instance)
        return {**told, "outcome": told["outcome"] or "waiting"} if "outcome" in told else told


class OfBotsViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Rows of the caller's bots; operators see everybody's. Planned for the values at hand."""

    owner = ""  # said below

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        user: Any = self.request.user
        if getattr(self, "swagger_fake_view", False) or sees_all(user):
            return rows
        return rows.filter(among_few("bot", BotConfig.objects.filter(owner=user.pk), Q(bot__owner=user.pk)))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with planned_anew():
            return super().list(request, *args, **kwargs)


@extend_schema_view(
    list=extend_schema(summary="Decisions of all bots, the newest first"),
    retrieve=extend_schema(summary="A decision"),
)
class DecisionViewSet(OfBotsViewSet):
    queryset = Decision.objects.all()
    serializer_class = DecisionSerializer
    filterset_class = DecisionFilters
    pagination_class = NewestDecided
    needs: ClassVar[dict[str, Need]] = dict.fromkeys(("list", "retrieve"), reads("bots.view_decision"))


@extend_schema_view(
    list=extend_schema(summary="Signals from outside, the newest first"),
    retrieve=extend_schema(summary="A signal from outside"),
)
class SignalViewSet(OfBotsViewSet):
    queryset = ExternalSignal.objects.all()
    serializer_class = SignalSerializer
    filterset_class = SignalFilters
    pagination_class = NewestReceived
    needs: ClassVar[dict[str, Need]] = dict.fromkeys(("list", "retrieve"), reads("bots.view_externalsignal"))

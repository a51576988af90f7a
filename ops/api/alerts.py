"""What is wrong with the system: for those who look after it."""

from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from market.api.access import Need, reads, trades
from market.api.filtersets import Choice, StrictFilterSet, Word, YesNo, before, since
from market.api.paging import CursorPages
from market.api.refusals import Conflict
from market.api.serializing import StrictModelSerializer, StrictSerializer
from market.api.views import ApiViewSet
from ops import alerts
from ops.alerts.handling import MOST_NOTE
from ops.models import Alert, Severity


class AlertSerializer(StrictModelSerializer):
    """One condition of the system."""

    check = serializers.CharField(source="check_name", help_text="What was looked at.")
    is_open = serializers.BooleanField(help_text="Whether it holds.")
    acknowledged_by: Any = serializers.SlugRelatedField("username", read_only=True, allow_null=True)
    history = serializers.SerializerMethodField(help_text="What has happened to it, oldest first.")

    class Meta:
        model = Alert
        fields = (
            *("id", "check", "subject", "severity", "text", "mend", "is_open", "opened_at", "last_seen_at"),
            *("worsened_at", "resolved_at", "reopened_at", "times", "told_at", "recovery_told_at"),
            *("acknowledged_at", "acknowledged_by", "note", "history"),
        )
        read_only_fields = fields

    def get_history(self, alert: Alert) -> list[dict[str, str]]:
        return [{"at": at, "what": what} for at, what in alert.history]


class AcknowledgingSerializer(StrictSerializer):
    note = serializers.CharField(
        max_length=MOST_NOTE, required=False, allow_blank=True, help_text="What others should know."
    )


class AlertFilters(StrictFilterSet):
    open = YesNo("resolved_at", "isnull")
    severity = Choice(choices=Severity)
    check = Word("check_name")
    since = since("opened_at")
    before = before("opened_at")


class NewestOpened(CursorPages):
    ordering = ("-opened_at",)


@extend_schema_view(
    list=extend_schema(summary="Alerts, the newest first"),
    retrieve=extend_schema(summary="One alert, with its history"),
)
class AlertViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    queryset = Alert.objects.opened().select_related("acknowledged_by")
    serializer_class = AlertSerializer
    filterset_class = AlertFilters
    pagination_class = NewestOpened
    ordering_fields = ("opened_at",)
    owner = ""  # the system is everybody's; who may see it is said by the right
    needs: ClassVar[dict[str, Need]] = {
        **dict.fromkeys(("list", "retrieve"), reads("ops.view_alert")),
        "acknowledge": trades("ops.change_alert"),
    }

    also_refuses: ClassVar[dict[str, set[int]]] = {"acknowledge": {409}}

    @extend_schema(
        summary="Take an alert in hand",
        description="Nothing more is told of it until it is over. One that is over is answered with 409.",
        request=AcknowledgingSerializer,
        responses=AlertSerializer,
    )
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str) -> Response:
        asked = AcknowledgingSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        alert: Any = self.get_object()
        note = asked.validated_data.get("note", "")
        try:
            done = alerts.acknowledge(alert.pk, by=cast(User, request.user), note=note, now=timezone.now())
        except alerts.NotOpen as error:
            raise Conflict(str(error)) from error
        return Response(AlertSerializer(done).data)

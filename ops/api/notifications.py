"""What the caller was told: listed, read. Everybody's own, an operator's too."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from market.api.access import Need, reads, trades
from market.api.filtersets import Choice, StrictFilterSet, YesNo, before, since
from market.api.paging import CursorPages
from market.api.serializing import StrictModelSerializer
from market.api.views import ApiViewSet
from ops.models import Notification, Severity, Topic

SEES = "ops.view_notification"


class NotificationSerializer(StrictModelSerializer):
    """One thing that one is told."""

    is_read = serializers.SerializerMethodField()
    data = serializers.DictField(  # type: ignore[assignment] # the column's word, not the serializer's data
        read_only=True, help_text="For programs: what it is about, by its numbers."
    )

    class Meta:
        model = Notification
        fields = ("id", "topic", "severity", "title", "text", "data", "event", "created_at", "read_at", "is_read")
        read_only_fields = fields

    def get_is_read(self, note: Notification) -> bool:
        return note.read_at is not None


class MarkedSerializer(serializers.Serializer):
    marked = serializers.IntegerField(help_text="So many were not read before.")


class NotificationFilters(StrictFilterSet):
    topic = Choice(choices=Topic)
    severity = Choice(choices=Severity)
    unread = YesNo("read_at", "isnull")
    since = since("created_at")
    before = before("created_at")


class NewestTold(CursorPages):
    ordering = ("-created_at",)


@extend_schema_view(
    list=extend_schema(summary="What you were told, the newest first"),
    retrieve=extend_schema(summary="One thing that you were told"),
)
class NotificationViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    queryset = Notification.objects.all()
    serializer_class = NotificationSerializer
    filterset_class = NotificationFilters
    pagination_class = NewestTold
    ordering_fields = ("created_at",)
    owner = ""  # said below: it is nobody else's to read, so not an operator's
    needs: ClassVar[dict[str, Need]] = {
        **dict.fromkeys(("list", "retrieve"), reads(SEES)),
        **dict.fromkeys(("read", "read_all"), trades(SEES)),
    }

    def get_queryset(self) -> QuerySet[Notification]:
        rows: QuerySet[Notification] = super().get_queryset()
        return rows.none() if getattr(self, "swagger_fake_view", False) else rows.filter(user=self.request.user.pk)

    @extend_schema(summary="Mark one as read", request=None, responses=NotificationSerializer)
    @action(detail=True, methods=["post"])
    def read(self, request: Request, pk: str) -> Response:
        """Once: the second time it keeps the moment of the first."""
        self.get_queryset().filter(pk=pk, read_at=None).update(read_at=timezone.now())
        return Response(NotificationSerializer(self.get_object()).data)

    @extend_schema(summary="Mark all as read", request=None, responses=MarkedSerializer)
    @action(detail=False, methods=["post"], url_path="read-all")
    def read_all(self, request: Request) -> Response:
        """All that there are at this moment."""
        now = timezone.now()
        unread: Any = self.get_queryset().filter(read_at=None, created_at__lte=now)
        return Response({"marked": unread.update(read_at=now)})

"""Which channel tells the caller of which topic, and from which severity on."""

from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from market.api.access import Need, reads, trades
from market.api.filtering import require_known
from market.api.serializing import StrictSerializer
from market.api.views import ApiView
from ops.api.notification_channels import told
from ops.models import Channel, Severity, Topic
from ops.notifications.changing import Row, set_table, table_of

MOST = 500  # cells: more than all channels and topics of one owner
EXAMPLE = {"preferences": [{"channel": 3, "topic": "trade_executed", "is_wanted": False}]}


class CellSerializer(serializers.Serializer):
    channel = serializers.IntegerField()
    name = serializers.CharField(help_text="Of the channel.")
    kind = serializers.ChoiceField(Channel.Kind.choices)
    topic = serializers.ChoiceField(Topic.choices)
    is_wanted = serializers.BooleanField()
    min_severity = serializers.ChoiceField(Severity.choices, help_text="Less severe news of the topic is not sent.")


class TableSerializer(serializers.Serializer):
    preferences = CellSerializer(many=True, help_text="Each channel with each topic, chosen or not.")


class NewCellSerializer(StrictSerializer):
    channel = serializers.IntegerField(min_value=1, max_value=10**18)
    topic = serializers.ChoiceField(Topic.choices)
    is_wanted = serializers.BooleanField()
    min_severity = serializers.ChoiceField(Severity.choices, default=Severity.LOW.value)


class NewTableSerializer(StrictSerializer):
    preferences = NewCellSerializer(many=True, max_length=MOST)


class PreferencesView(ApiView):
    """The caller's own table."""

    needs: ClassVar[dict[str, Need]] = {
        "get": reads("ops.view_channel"),
        **dict.fromkeys(("put", "patch"), trades("ops.change_channel")),
    }

    @extend_schema(
        operation_id="notification_preferences_retrieve",
        summary="What you are told, and by which channel",
        responses=TableSerializer,
    )
    def get(self, request: Request) -> Response:
        require_known(request, set())
        return self._table()

    @extend_schema(
        operation_id="notification_preferences_update",
        summary="Set the whole table",
        description="What is left out gets its default.",
        request=NewTableSerializer,
        responses=TableSerializer,
        examples=[OpenApiExample("no trades by this channel", EXAMPLE, request_only=True)],
    )
    def put(self, request: Request) -> Response:
        return self._set(request, is_whole=True)

    @extend_schema(
        operation_id="notification_preferences_partial_update",
        summary="Change some of the table",
        description="What is left out stays.",
        request=NewTableSerializer,
        responses=TableSerializer,
        examples=[OpenApiExample("no trades by this channel", EXAMPLE, request_only=True)],
    )
    def patch(self, request: Request) -> Response:
        return self._set(request, is_whole=False)

    def _set(self, request: Request, *, is_whole: bool) -> Response:
        asked = NewTableSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with told():
            set_table(self._caller, [Row(**one) for one in asked.validated_data["preferences"]], is_whole=is_whole)
        return self._table()

    def _table(self) -> Response:
        cells: list[dict[str, Any]] = [
            {**row._asdict(), "name": channel.name, "kind": channel.kind}
            for channel, rows in table_of(self._caller)
            for row in rows
        ]
        return Response(TableSerializer({"preferences": cells}).data)

    @property
    def _caller(self) -> User:
        return cast(User, self.request.user)

"""The caller's bots: listed, made, changed, deleted, steered and watched."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from bots import services
from bots.api.filters import BotFilters
from bots.api.refusing import Changed, told
from bots.api.rows import BotRowSerializer
from bots.api.settings import BotChangeSerializer, BotSerializer, NewBotSerializer
from bots.api.steering import Steering
from bots.api.watching import Watching
from bots.api.webhooks import Webhooks
from bots.models import BotConfig
from bots.services import CHANGEABLE
from bots.services.glances import glances
from market.api.access import Need, reads, trades
from market.api.asking import ASKS
from market.api.views import ApiViewSet

NEW = {
    "name": "trend on bitcoin",
    "account": 1,
    "symbol": "BTCUSDT",
    "strategy": "ema_rsi",
    "parameters": {"ema_fast": 9, "ema_slow": 21},
    "interval": "5m",
    "initial_capital": "1000",
    "sizing_mode": "percent",
    "sizing_value": "50",
    "stop_loss_percent": "2",
}
EXAMPLE = OpenApiExample("A bot", value=NEW, request_only=True)
REVISION = "Tell the `revision` that you have seen, and nothing is written over what somebody else has changed since."


def defaults() -> dict[str, Any]:
    """What becomes of settings that are left out where all are set."""
    return {field.name: field.get_default() for field in BotConfig._meta.fields if field.name in CHANGEABLE}


class BotViewSet(Webhooks, Watching, ApiViewSet):
    """The caller's own bots; operators see everybody's."""

    queryset = BotConfig.objects.with_state().select_related("owner")
    serializer_class = BotSerializer
    filterset_class = BotFilters
    is_plain_unfiltered = True  # without parameters there is nothing for the filters to do
    ordering_fields = ["id", "name", "symbol"]
    of_fields: ClassVar[set[str]] = {"list", "retrieve", "decisions"}
    shows_secret = frozenset({"renew_webhook"})
    needs: ClassVar[dict[str, Need]] = {
        "list": reads("bots.view_botconfig"),
        "retrieve": reads("bots.view_botconfig"),
        "create": trades("bots.add_botconfig"),
        "update": trades("bots.change_botconfig"),
        "partial_update": trades("bots.change_botconfig"),
        "destroy": trades("bots.delete_botconfig"),
        **Steering.steering,
        **Watching.watching,
        **Webhooks.webhooks,
    }
    also_refuses: ClassVar[dict[str, set[int]]] = {
        "create": {503},
        "update": {409},
        "partial_update": {409},
        "destroy": {409},
        "run_now": {503},
        "explain": {*ASKS},
        "clone": {503},
    }

    @extend_schema(summary="Bots with their states", responses=BotRowSerializer(many=True))
    def list(self, request: Request) -> Response:
        bots = self.filter_queryset(self.get_queryset().select_related(None))
        page = self.paginate_queryset(bots.values("pk", "time_zone", *self.ordering_fields)) or []
        found = glances(((bot["pk"], bot["time_zone"]) for bot in page), now=timezone.now())
        rows = BotRowSerializer(found, many=True, context=self.get_serializer_context())
        return self.get_paginated_response(rows.data)

    @extend_schema(summary="One bot with all its settings and its state")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(BotSerializer(self.get_object(), context=self.get_serializer_context()).data)

    @extend_schema(summary="Make a bot", request=NewBotSerializer, responses={201: BotSerializer}, examples=[EXAMPLE])
    def create(self, request: Request) -> Response:
        asked = NewBotSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        with told():
            bot = BotConfig(owner=asked.validated_data["account"].owner, **asked.validated_data)
            services.create_bot(bot, now=timezone.now(), by=self.caller)
        return Response(BotSerializer(bot).data, status=201)

    @extend_schema(
        summary="Set all settings of a bot",
        request=BotChangeSerializer,
        responses=BotSerializer,
        description=f"What is left out gets its default. {REVISION}",
    )
    def update(self, request: Request, pk: str) -> Response:
        return self._change(request, partial=False)

    @extend_schema(
        summary="Change settings of a bot",
        request=BotChangeSerializer,
        responses=BotSerializer,
        description=f"`parameters` are taken as a whole. {REVISION}",
        examples=[OpenApiExample("A wider stop", value={"stop_loss_percent": "3", "revision": 4}, request_only=True)],
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        return self._change(request, partial=True)

    def _change(self, request: Request, *, partial: bool) -> Response:
        bot = self.get_object()
        asked = BotChangeSerializer(bot, data=request.data, partial=partial, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        if values.pop("revision", bot.revision) != bot.revision:
            raise Changed(f"{bot.name}: somebody has changed it meanwhile, it has the revision {bot.revision} now")
        for name, value in values.items() if partial else (defaults() | values).items():
            setattr(bot, name, value)
        with told():
            services.update_bot(bot, by=self.caller)
        return Response(BotSerializer(bot).data)

    @extend_schema(summary="Delete a bot that holds nothing", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        with told():
            services.delete_bot(self.get_object(), by=self.caller)
        return Response(status=204)

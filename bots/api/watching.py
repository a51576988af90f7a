"""Watching one bot: where it stands now, what it earned, what it decided, what it would do and why, and its chart."""

from datetime import timedelta
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from bots.advice import advice
from bots.api.journal import DecisionSerializer, NewestDecided
from bots.api.shapes import (
    BotPerformanceSerializer,
    ChartSerializer,
    ExplainedSerializer,
    PeriodSerializer,
    WatchedSerializer,
    performance_of,
    sight_in,
)
from bots.models import BotConfig
from bots.services.charting import chart_of
from bots.services.explaining import explain
from bots.services.foresight import foresee, sight_of
from bots.services.glances import Glance, glances
from bots.services.performance import performance
from market.api.access import Need, reads
from market.api.asking import asked, asking_the_exchange
from market.api.filtering import require_known
from market.planning import planned_anew
from market.rounding import plain

SEES = reads("bots.view_botconfig")


class Watching(GenericViewSet[BotConfig]):
    """Mixin: what the admin shows on a bot's page."""

    watching: ClassVar[dict[str, Need]] = {
        **dict.fromkeys(("state", "performance", "explain", "chart"), SEES),
        "decisions": reads("bots.view_decision"),
    }

    @extend_schema(
        operation_id="bots_state",
        summary="Where a bot stands now, with its indicators",
        responses=WatchedSerializer,
    )
    @action(detail=True)
    def state(self, request: Request, pk: str) -> Response:
        require_known(request, set())
        bot, now = self.get_object(), timezone.now()
        return Response({**_glance(bot)["state"], **sight_in(sight_of(bot, now=now)), "revision": bot.revision})

    @extend_schema(
        operation_id="bots_performance",
        summary="What a bot has earned, and how",
        parameters=[PeriodSerializer],
        responses=BotPerformanceSerializer,
    )
    @action(detail=True)
    def performance(self, request: Request, pk: str) -> Response:
        days = asked(PeriodSerializer, request)["days"]
        bot = self.get_object()
        with planned_anew():
            found = performance(bot, since=timezone.now() - timedelta(days=days))
        return Response(performance_of(bot, found, state=_glance(bot)["state"]))

    @extend_schema(
        operation_id="bots_decisions",
        summary="What a bot has decided, the newest first",
        description="The same thought a second time is not written again.",
        responses=DecisionSerializer(many=True),
    )
    @action(detail=True, pagination_class=NewestDecided, filterset_class=None, ordering_fields=())
    def decisions(self, request: Request, pk: str) -> Response:
        require_known(request, {"cursor", "page_size", "fields"})
        with planned_anew():
            decisions: Any = self.get_object().decisions.all()
            page = self.paginate_queryset(decisions)
        told = DecisionSerializer(page, many=True, context=self.get_serializer_context())
        return self.get_paginated_response(told.data)

    @extend_schema(
        operation_id="bots_explain",
        summary="What a bot would do now, and why it did what it did",
        description="`would` is what a run would decide now. Before an entry is sent more is asked: balances, limits.",
        responses=ExplainedSerializer,
    )
    @action(detail=True)
    def explain(self, request: Request, pk: str) -> Response:
        require_known(request, set())
        bot, now = self.get_object(), timezone.now()
        told = explain(bot, at=now)
        newest = told["decision"]
        is_of_now = newest is not None and newest["reason"] == bot.state.reason
        code = newest.get("denied", {}).get("code", "") if is_of_now else ""
        with asking_the_exchange(request):
            decision, market = foresee(bot, now=now)
        act = decision.act
        would = {
            "status": str(decision.status),
            "reason": str(decision.reason),
            "text": decision.text,
            "order": act and {"entry": act.is_entry, "side": str(act.side), "quantity": plain(act.quantity)},
        }
        seen = market and {
            "signal": market.signal.name.lower(),
            "text": market.text,
            "price": plain(market.price),
            "candle_close_at": market.candle_close_at,
            "indicators": dict(market.indicators),
        }
        return Response({**told, "advice": advice(bot.state.reason, code), "would": would, "market": seen})

    @extend_schema(
        operation_id="bots_chart",
        summary="The chart of a bot: candles, lines, levels, fills",
        description="Times in seconds since 1970. Numbers to be drawn, not to be booked.",
        responses=ChartSerializer,
    )
    @action(detail=True)
    def chart(self, request: Request, pk: str) -> Response:
        require_known(request, set())
        return Response(chart_of(self.get_object(), now=timezone.now()))


def _glance(bot: BotConfig) -> Glance:
    found = glances([(bot.pk, bot.time_zone)], now=timezone.now())
    if not found:
        raise NotFound("there is no such bot")
    return found[0]

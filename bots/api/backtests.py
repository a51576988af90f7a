"""Backtests of the caller: asked for, watched, canceled, deleted, and what came of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from bots.api.backtest_files import csv_file
from bots.api.backtest_shapes import BacktestRowSerializer, BacktestSerializer, NewBacktestSerializer
from bots.api.bots import NEW
from bots.api.filters import BacktestFilters
from bots.api.refusing import told
from bots.models import Backtest, BacktestPart
from bots.services import backtests
from bots.tasks import send_backtests
from market.api.access import Need, reads, trades
from market.api.filtering import require_known
from market.api.paging import CursorPages
from market.api.refusals import Conflict
from market.api.views import ApiViewSet

SEES = reads("bots.view_backtest")
FILES = ("trades_csv", "fills_csv", "daily_csv", "monthly_csv")
OF_A_BOT = {"bot": 7, "begin_at": "2026-01-01T00:00:00Z", "end_at": "2026-07-01T00:00:00Z"}
WIDER = {**OF_A_BOT, "name": "with a wider stop", "stop_loss_percent": "3"}
WHOLE = {
    **{name: value for name, value in NEW.items() if name not in ("name", "account")},
    "environment": "paper",
    "market": "spot",
    "begin_at": "2026-01-01T00:00:00Z",
    "end_at": "2026-07-01T00:00:00Z",
    "fee_percent": "0.1",
    "slippage_percent": "0.05",
}


class TooMany(Conflict):
    default_code = "too_many_backtests"


class Ended(Conflict):
    default_code = "has_ended"


class NotDone(Conflict):
    default_code = "not_done"


class NewestAsked(CursorPages):
    ordering = ("-asked_at",)


def caller(request: Request) -> User:
    return cast(User, request.user)


@contextmanager
def refusing() -> Iterator[None]:
    """As bots are refused, and what is in the way of backtests alone."""
    try:
        with told():
            yield
    except backtests.TooManyBacktests as error:
        raise TooMany(str(error)) from error
    except backtests.HasEnded as error:
        raise Ended(str(error)) from error


def sends_csv(name: str, summary: str, columns: Any) -> Any:
    """The schema of a file."""
    description = f"Columns: {', '.join(columns)}. 409 `not_done` until there is a result."
    answer = {(200, "text/csv"): OpenApiTypes.STR}
    return extend_schema(
        operation_id=f"backtests_{name}", summary=summary, description=description, responses=answer, filters=False
    )


@extend_schema_view(
    list=extend_schema(summary="Backtests, the newest first", responses=BacktestRowSerializer(many=True)),
    retrieve=extend_schema(summary="One backtest with all that came of it"),
)
class BacktestViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """The caller's own backtests; operators see everybody's."""

    queryset = Backtest.objects.select_related("owner")
    filterset_class = BacktestFilters
    pagination_class = NewestAsked
    ordering_fields = ("asked_at",)
    needs: ClassVar[dict[str, Need]] = {
        **dict.fromkeys(("list", "retrieve", *FILES), SEES),
        "create": trades("bots.add_backtest"),
        "cancel": trades("bots.change_backtest"),
        "destroy": trades("bots.delete_backtest"),
    }
    also_refuses: ClassVar[dict[str, set[int]]] = {name: {409} for name in FILES}

    def get_serializer_class(self) -> Any:
        return BacktestSerializer if self.action == "retrieve" else BacktestRowSerializer

    def get_queryset(self) -> QuerySet[Backtest]:
        rows: Any = super().get_queryset()
        return rows if self.action == "retrieve" else rows.light()

    @extend_schema(
        summary="Ask for a backtest",
        request=NewBacktestSerializer,
        responses={202: BacktestRowSerializer},
        description="Written down and queued: ask for it until `status` is done, failed or canceled.",
        examples=[
            OpenApiExample("Of a bot", value=OF_A_BOT, request_only=True),
            OpenApiExample("Of a bot, changed", value=WIDER, request_only=True),
            OpenApiExample("Without a bot", value=WHOLE, request_only=True),
        ],
    )
    def create(self, request: Request) -> Response:
        asked = NewBacktestSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        bot = values.pop("bot", None)
        with refusing():
            owner = bot.owner if bot else caller(request)
            backtest = backtests.ask_for_backtest(owner, values, bot=bot, by=caller(request), now=timezone.now())
        send_backtests([backtest.pk])
        return Response(BacktestRowSerializer(backtest).data, status=202)

    @extend_schema(summary="Cancel a backtest that waits or runs", request=None, responses={200: BacktestRowSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        require_known(request, set())
        backtest = self.get_object()
        with refusing():
            backtests.cancel_backtest(backtest, by=caller(request), now=timezone.now())
        return Response(BacktestRowSerializer(backtest).data)

    @extend_schema(summary="Delete a backtest, also one that waits or runs", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        with refusing():
            backtests.delete_backtest(self.get_object(), by=caller(request))
        return Response(status=204)

    @sends_csv("trades_csv", "The positions that were closed, from entry to exit", backtests.ROUND_COLUMNS)
    @action(detail=True, url_path="trades.csv", pagination_class=None)
    def trades_csv(self, request: Request, pk: str) -> Any:
        backtest = self._done(request)
        rows = backtests.rows_of(backtest, BacktestPart.Kind.ROUNDS)
        return csv_file(backtest, "trades", backtests.ROUND_COLUMNS, rows)

    @sends_csv("fills_csv", "Each order that was filled", backtests.FILL_COLUMNS)
    @action(detail=True, url_path="fills.csv", pagination_class=None)
    def fills_csv(self, request: Request, pk: str) -> Any:
        backtest = self._done(request)
        rows = backtests.rows_of(backtest, BacktestPart.Kind.FILLS)
        return csv_file(backtest, "fills", backtests.FILL_COLUMNS, rows)

    @sends_csv("daily_csv", "Each day of the bot's time zone", backtests.DAYS)
    @action(detail=True, url_path="daily.csv", pagination_class=None)
    def daily_csv(self, request: Request, pk: str) -> Any:
        backtest = self._done(request)
        return csv_file(backtest, "daily", backtests.DAYS, backtests.days_of(backtest))

    @sends_csv("monthly_csv", "Each month of the bot's time zone", backtests.MONTHS)
    @action(detail=True, url_path="monthly.csv", pagination_class=None)
    def monthly_csv(self, request: Request, pk: str) -> Any:
        backtest = self._done(request)
        rows = backtests.months_of(backtests.days_of(backtest))
        return csv_file(backtest, "monthly", backtests.MONTHS, rows)

    def _done(self, request: Request) -> Backtest:
        """The one that is asked for, if it has a result."""
        require_known(request, set())
        backtest: Backtest = self.get_object()
        if backtest.status != Backtest.Status.DONE:
            raise NotDone(f"{backtest}: it is {backtest.status}, there is no result")
        return backtest

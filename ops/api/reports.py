"""Reports: asked for, made by a worker, read, downloaded, deleted."""

import csv
from collections.abc import Iterator
from typing import Any, ClassVar, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, Throttled, ValidationError
from rest_framework.mixins import DestroyModelMixin, ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from market.access import sees_all
from market.api.access import Need, reads, trades
from market.api.filtering import require_known
from market.api.refusals import Conflict
from market.api.throttles import wait_of
from market.api.views import ApiViewSet
from ops import reports
from ops.api.report_shapes import (
    NewReportSerializer,
    ReportFiguresSerializer,
    ReportFilters,
    ReportSentSerializer,
    ReportSerializer,
)
from ops.models import Report
from ops.tasks import send_report
from trades.api.journal import NewestCreated

READS = reads("ops.view_report")
NEW = {"kind": "weekly", "symbol": "BTCUSDT"}


class TooManyReports(Conflict):
    default_code = "too_many_reports"


class NoMailbox(Conflict):
    default_code = "no_mailbox"


class _Echo:
    """What a CSV writer writes is what it returns."""

    def write(self, text: str) -> str:
        return text


def csv_of(rows: Iterator[tuple[Any, ...]], name: str) -> StreamingHttpResponse:
    """A file that is sent while its rows are read, however many they are."""
    writer = csv.writer(_Echo())
    head = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingHttpResponse((writer.writerow(row) for row in rows), content_type="text/csv", headers=head)


@extend_schema_view(
    list=extend_schema(summary="Reports, the newest first"),
    retrieve=extend_schema(summary="A report, with its figures"),
    destroy=extend_schema(summary="Delete a report"),
)
class ReportViewSet(ListModelMixin, RetrieveModelMixin, DestroyModelMixin, ApiViewSet):
    """The caller's own reports; operators see everybody's, and may ask for reports of everybody's trading."""

    queryset = Report.objects.select_related("owner", "bot")
    filterset_class = ReportFilters
    pagination_class = NewestCreated
    ordering_fields = ("created_at",)
    needs: ClassVar[dict[str, Need]] = {
        "list": READS,
        "retrieve": READS,
        "create": trades("ops.add_report"),
        "destroy": trades("ops.delete_report"),
        "days": READS,
        "trades": READS,
        "send": trades("ops.view_report"),
    }
    also_refuses: ClassVar[dict[str, set[int]]] = {"send": {409}}

    def get_serializer_class(self) -> type[Serializer]:
        return ReportFiguresSerializer if self.action == "retrieve" else ReportSerializer

    def get_queryset(self) -> QuerySet[Report]:
        rows: QuerySet[Report] = super().get_queryset()
        if self.action == "list":
            rows = rows.defer("figures")
        return rows if sees_all(self.request.user) else rows.filter(of_everybody=False)

    @extend_schema(
        summary="Ask for a report",
        description="Of all of one's trading, or of one bot, symbol or strategy. Without days it is of the last whole "
        "day, week (from Sunday), month or year (UTC). A worker makes it: read it until its `status` is `ready`.",
        request=NewReportSerializer,
        responses={202: ReportSerializer},
        examples=[OpenApiExample("The last week of a symbol", value=NEW, request_only=True)],
    )
    def create(self, request: Request) -> Response:
        asked = NewReportSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        wanted, user = asked.validated_data["wanted"], cast(User, request.user)
        try:
            report = reports.ask_for_report(user, wanted, now=timezone.now())
        except reports.NotYours as refusal:
            raise ValidationError({"of_everybody": [str(refusal)]}) from refusal
        except reports.TooManyReports as refusal:
            raise TooManyReports(str(refusal)) from refusal
        send_report(report)
        return Response(ReportSerializer(report).data, status=202)

    @extend_schema(
        operation_id="reports_days",
        summary="The days of a report as CSV",
        parameters=[],
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="A row for each day.")},
    )
    @action(detail=True, url_path="days.csv")
    def days(self, request: Request, pk: str) -> StreamingHttpResponse:
        report = self._ready(request)
        return csv_of(reports.daily_rows(report), f"report-{report.pk}-days")

    @extend_schema(
        operation_id="reports_trades",
        summary="The trades of a report's period as CSV",
        description="As the books have them now, the oldest first; there may be a million.",
        parameters=[],
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="A row for each trade.")},
    )
    @action(detail=True, url_path="trades.csv")
    def trades(self, request: Request, pk: str) -> StreamingHttpResponse:
        report = self._ready(request)
        return csv_of(reports.trade_rows(report), f"report-{report.pk}-trades")

    @extend_schema(
        summary="Have a report sent by e-mail",
        description="To all of the caller's mailboxes: the figures, and a file of the days; once a minute at most.",
        request=None,
        responses={202: ReportSentSerializer},
    )
    @action(detail=True, methods=["post"])
    def send(self, request: Request, pk: str) -> Response:
        report, user = self._ready(request), cast(User, request.user)
        waits = wait_of({f"tells:{user.pk}": settings.THROTTLE_TELLS}, must_count=True)
        if waits is not None:
            raise Throttled(waits)
        try:
            boxes = reports.send_by_mail(report, to=user, now=timezone.now())
        except reports.NoMailbox as refusal:
            raise NoMailbox(str(refusal)) from refusal
        return Response({"sent_to": boxes}, status=202)

    def _ready(self, request: Request) -> Report:
        """Raises NotFound, also while there are no figures."""
        require_known(request, set())
        report: Report = self.get_object()
        if report.status != Report.Status.READY:
            raise NotFound(f"This report is {report.status}; there is nothing to download.")
        return report

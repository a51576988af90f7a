"""The history page of a row: who changed what, from → to, when."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin

from market.access import sees_all
from market.admin import text

DONE = {"+": "added", "~": "changed", "-": "deleted"}


def told(changes: list[list[str]]) -> str:
    """The changes of one row in a line."""
    return "; ".join(f"{what}: {before or text.NOTHING} → {after or text.NOTHING}" for what, before, after in changes)


class RecordedAdmin(SimpleHistoryAdmin, ModelAdmin):
    """An admin of rows that have a history. Nothing is turned back there: a service has to do that, with its checks."""

    object_history_list_template = "admin/changes.html"
    history_list_per_page = 50

    def get_urls(self) -> list[Any]:
        """Without the page of one version, from which it could be restored past all checks."""
        return super(SimpleHistoryAdmin, self).get_urls()

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().history_view(request, object_id, extra_context)
        except (ValueError, ValidationError) as error:
            raise Http404(f"{object_id!r} is no id") from error

    def get_history_queryset(
        self, request: HttpRequest, history_manager: Any, pk_name: str, object_id: Any
    ) -> QuerySet[Any]:
        """Of what is deleted, too; of others' rows nothing."""
        rows: QuerySet[Any] = history_manager.filter(**{pk_name: object_id}).select_related("history_user")
        if getattr(self, "owner_path", "") and not sees_all(request.user):
            return rows.filter(whose=request.user.pk)
        return rows

    def set_history_delta_changes(self, request: HttpRequest, historical_records: Any, **_: Any) -> None:
        """Called with the page that is shown."""
        rows = [
            [
                text.moment(row.history_date),
                str(row.history_user or "the system"),
                DONE[row.history_type],
                told(row.changes),
            ]
            for row in historical_records
        ]
        historical_records.table = {"headers": ["time (UTC)", "who", "what", "from → to"], "rows": rows}

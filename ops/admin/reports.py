"""Reports: their list, the form that asks for one, and the page of one with its figures, charts and files."""

from datetime import date
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Model, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from bots.admin.page import Card
from bots.models import BotConfig
from bots.models.bots import strategy_choices
from market.access import sees_all, visible
from market.admin.asking import ask
from market.admin.base import ReadOnlyAdmin
from market.admin.columns import COLOURS
from market.admin.filters import chosen, days, owner_filter
from ops import reports
from ops.figures.scope import DAY, midnight
from ops.models import Report
from ops.reports import Wanted
from ops.reports.telling import LABELS, in_words, value_of
from ops.tasks import send_report

READY = Report.Status.READY
ASKED = ("kind", "bot", "symbol", "strategy", "of_everybody", "first_day", "last_day")
# What is shown first; the other figures are in the table below.
FIRST = ("total_pnl", "realized_pnl", "return_percent", "max_drawdown_percent", "win_rate_percent", "profit_factor")


class ReportForm(forms.ModelForm):
    """Of all of one's trading, or of one bot, symbol or strategy."""

    by: User  # set by the admin

    class Meta:
        model = Report
        fields = ASKED

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {"first_day", "last_day"} & self.fields.keys():  # on the page of a report there are none
            self.fields[name].required = False
            self.fields[name].help_text = "UTC. Without days it is of the last whole day, week, month or year."

    def clean(self) -> dict[str, Any]:
        told = cast(dict[str, Any], super().clean())
        if self.errors:
            return told
        bot = told.get("bot")
        told["of_everybody"] = bool(told.get("of_everybody")) or (bot is not None and bot.owner_id != self.by.pk)
        self.wanted = Wanted(**told | {"kind": Report.Kind(told["kind"]), "symbol": told["symbol"].upper()})
        for name, text in self.wanted.faults(now=timezone.now()).items():
            self.add_error(name, text)
        return told

    def _post_clean(self) -> None:
        """The row is made by the service, which knows the days that were left out."""


@admin.register(Report)
class ReportAdmin(ReadOnlyAdmin):
    nothing_yet = "Add one: a worker makes it. Each day and week everybody who traded gets one."
    owner_path = "owner"
    list_display = ["created_at", "subject", "kind", "first_day", "last_day", "status", "owner", "by_schedule"]
    list_filter = [chosen("kind"), chosen("status"), owner_filter("owner"), days("created_at")]
    list_select_related = ["owner", "bot"]
    search_fields = ["symbol", "bot__name", "owner__username"]
    ordering = ["-created_at"]
    actions: Any = ()  # but those that every list has
    actions_detail = ["mail_report"]
    form = ReportForm
    fields = ["owner", "kind", "about", "first_day", "last_day", "by_schedule", "created_at", "finished_at"]
    change_form_outer_before_template = "admin/report.html"

    @display(description="of")
    def subject(self, report: Report) -> str:
        return report.subject

    def owned_by(self, user: Any) -> Q:
        return Q(owner=user, of_everybody=False)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ops.add_report")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("ops.delete_report")

    # --- asking for one

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        if obj is None:
            return [name for name in ASKED if name != "of_everybody" or sees_all(request.user)]
        return super().get_fields(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type("FormOfUser", (form,), {"by": request.user})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "bot":
            kwargs["queryset"] = visible(BotConfig.objects.order_by("name"), request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "strategy":
            any_of_them = [("", "any strategy"), *strategy_choices()]
            return forms.ChoiceField(choices=any_of_them, required=False, widget=UnfoldAdminSelectWidget)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Report:
        return reports.ask_for_report(cast(User, request.user), form.wanted, now=timezone.now())

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        send_report(cast(Report, obj))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing hangs on it."""

    # --- one

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        report = self.get_object(request, object_id) if object_id else None
        page = page_of(report) if report else None
        try:
            return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), "page": page})
        except reports.TooManyReports as refusal:
            self.message_user(request, f"{refusal}.", messages.ERROR)
            return self.response_post_save_add(request, Report())

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """There is nothing to send before it is ready."""
        report = self.get_object(request, object_id)
        return super().get_actions_detail(request, object_id) if report and report.status == READY else []

    @action(description="E-mail me this report", permissions=["view"], icon="forward_to_inbox", url_path="mail")
    def mail_report(self, request: HttpRequest, object_id: str) -> HttpResponse:
        report = self.get_object(request, object_id)
        if report is None:
            raise Http404(object_id)
        return mail_page(request, report)


def mail_page(request: HttpRequest, report: Report) -> HttpResponse:
    """Ask before it is sent."""
    page = reverse("admin:ops_report_change", args=[report.pk])
    if report.status != READY:
        messages.warning(request, f"This report is {report.status}: there is nothing to send.")
        return HttpResponseRedirect(page)
    if request.method == "POST":
        try:
            boxes = reports.send_by_mail(report, to=cast(User, request.user), now=timezone.now())
        except reports.NoMailbox as refusal:
            messages.error(request, f"Not sent: {refusal}.")
        else:
            messages.success(request, f"It is on its way to {', '.join(boxes)}.")
        return HttpResponseRedirect(page)
    says = [f"{report}: the figures, and a file of its days, by your channels of e-mail."]
    return ask(request, title="E-mail me this report", button="Send", says=says, back=page)


def page_of(report: Report) -> dict[str, Any]:
    """What its page shows beside what was asked for."""
    is_ready = report.status == Report.Status.READY
    return {
        "status": report.status,
        "colour": COLOURS.get(report.status, ""),
        "message": report.error or str(report),
        "is_ready": is_ready,
        "is_waiting": report.status == Report.Status.WAITING,
        "files": [(name, reverse(f"report-{name}", args=[report.pk])) for name in ("days", "trades")],
        "parts": [_part(found) for found in report.environments],
        "equity": _equity(report.environments[0]) if report.environments else None,
    }


def _part(found: dict[str, Any]) -> dict[str, Any]:
    """One environment."""
    name, unit = found["environment"], found["quote_asset"]
    earned = [float(day["pnl"]) + float(day["funding"]) for day in found["days"]]
    return {
        "name": name,
        "cards": [Card(LABELS[each], value_of(each, found["figures"].get(each), unit)) for each in FIRST],
        "pnl": {
            "days": [day["date"] for day in found["days"]],
            "earned": [round(sum_, 2) for sum_ in earned],
            "sums": [round(sum(earned[: number + 1]), 2) for number in range(len(earned))],
            "unit": unit,
        },
        "says": f"P&L by day: {found['figures']['realized_pnl']} {unit} in {len(earned)} days",
        "id": f"report-{name}",
        "tables": [
            _table(f"Figures, {name}", ["", ""], [list(row) for row in in_words(found)]),
            *(_of_bots(f"{title}, {name}", found[key]) for title, key in (("Best", "best"), ("Worst", "worst"))),
            _table(f"Symbols, {name}", ["", "trades", "P&L"], [_of_symbol(row) for row in found["symbols"]]),
        ],
    }


def _equity(found: dict[str, Any]) -> dict[str, Any] | None:
    """As the chart takes it: the end of each day in seconds, and what there was; None without capital."""
    known = [day for day in found["days"] if day["equity"] is not None]
    if not known:
        return None
    ends = (midnight(date.fromisoformat(day["date"])) + DAY for day in known)
    points = [[int(end.timestamp()), float(day["equity"])] for end, day in zip(ends, known, strict=True)]
    return {"base": points[0][1], "title": "equity", "equity": points}


def _of_symbol(row: dict[str, Any]) -> list[str]:
    return [row["symbol"], f"{row['trades']:,}", _money(row)]


def _of_bots(title: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return _table(title, ["", "symbol", "P&L"], [[row["name"], row["symbol"], _money(row)] for row in rows])


def _money(row: dict[str, Any]) -> str:
    return f"{float(row['pnl']) + float(row['funding']):,.2f}"


def _table(title: str, headers: list[str], rows: list[list[str]]) -> dict[str, Any]:
    return {"title": title, "table": {"headers": headers, "rows": rows}}

"""Alerts: what is wrong with the system, and who has it in hand. Written by the watcher; people only acknowledge."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import F, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from market.admin import text
from market.admin.asking import ask
from market.admin.filters import chosen, days, dropdown
from ops import alerts
from ops.admin.showing import SHOWN, ReadableAdmin
from ops.alerts.handling import MOST_NOTE
from ops.models import Alert

STATES = [("open", "open"), ("resolved", "resolved")]
COLOURS = {"medium": "warning", "critical": "danger"}


def _of_state(value: str) -> Q:
    return Q(resolved_at__isnull=value == "open")


class NoteForm(forms.Form):
    note = forms.CharField(
        max_length=MOST_NOTE,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="What others should know: what you do about it, until when.",
    )


@admin.register(Alert)
class AlertAdmin(ReadableAdmin):
    nothing_yet = "Nothing has been wrong with the system so far. What is, operators are told within a minute."
    list_display = ["name_shown", "severity_shown", "since_shown", "what", "in_hand", "resolved_at", "times"]
    list_filter = [dropdown("state", _of_state, lambda request: STATES), chosen("severity"), days("opened_at")]
    list_select_related = ["acknowledged_by"]
    search_fields = ["check_name", "subject", "text"]
    search_help_text = "Check, subject, or words of the text"
    actions_detail = ["acknowledge_this", "take_back_this"]
    fieldsets = [
        (None, {"fields": ["name_shown", "severity_shown", "text", "to_do", "since_shown", "resolved_at", "times"]}),
        ("In hand", {"fields": ["acknowledged_by", "acknowledged_at", "note"]}),
        ("History", {"fields": ["told_at", "recovery_told_at", "happened"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        """Without what may be a hiccup."""
        rows: QuerySet[Alert] = super().get_queryset(request)
        return rows.filter(opened_at__isnull=False)

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """What is open first, then the newest."""
        return [F("resolved_at").desc(nulls_first=True), "-opened_at", "-pk"]

    # --- what is shown

    @display(description="alert", ordering="check_name")
    def name_shown(self, alert: Alert) -> str:
        return alert.name

    @display(description="severity", ordering="severity", label=COLOURS)
    def severity_shown(self, alert: Alert) -> str:
        return alert.severity

    @display(description="since", ordering="opened_at")
    def since_shown(self, alert: Alert) -> str:
        return text.moment(alert.since)

    @display(description="text")
    def what(self, alert: Alert) -> str:
        return Truncator(alert.text).chars(SHOWN)

    @display(description="in hand")
    def in_hand(self, alert: Alert) -> str:
        return str(alert.acknowledged_by) if alert.acknowledged_at else text.NOTHING

    @display(description="what to do")
    def to_do(self, alert: Alert) -> SafeString | str:
        """The mend, which names its section of the runbook."""
        words, _, section = alert.mend.partition("See docs/runbook.md#")
        if not section:
            return alert.mend or text.NOTHING
        address = f"{reverse('runbook')}#{section.rstrip('.')}"
        return format_html('{} <a class="tb-link" href="{}">See the runbook</a>', words, address)

    @display(description="history")
    def happened(self, alert: Alert) -> SafeString | str:
        lines = format_html_join("\n", "{}  {}", alert.history)
        return format_html('<pre class="tb-pre">{}</pre>', lines) if alert.history else text.NOTHING

    # --- what is done

    def has_handle_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Nobody may change what is written here; who has that permission takes alerts in hand."""
        return request.user.has_perm("ops.change_alert")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what is open is anybody's."""
        alert = self.get_object(request, str(object_id))
        return super().get_actions_detail(request, object_id) if alert is not None and alert.is_open else []

    @action(description="Acknowledge", permissions=["handle"], icon="front_hand", url_path="acknowledge")
    def acknowledge_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        alert = self._alert(request, object_id)
        form = NoteForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            note = form.cleaned_data["note"]
            return self._do(request, alert, "acknowledged", lambda **by: alerts.acknowledge(alert.pk, note=note, **by))
        return ask(
            request,
            title=f"Acknowledge: {alert.name}",
            button="Acknowledge",
            form=form,
            says=["You have it in hand: nothing more is told of it until it is over, which is told.", alert.text],
            back=reverse("admin:ops_alert_change", args=[alert.pk]),
        )

    @action(description="Give back", permissions=["handle"], icon="undo", url_path="take-back")
    def take_back_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        alert = self._alert(request, object_id)
        if request.method == "POST":
            return self._do(request, alert, "given back", lambda **by: alerts.take_back(alert.pk, **by))
        return ask(
            request,
            title=f"Give back: {alert.name}",
            button="Give back",
            says=["Nobody has it in hand any more; should it get worse, that is told."],
            back=reverse("admin:ops_alert_change", args=[alert.pk]),
        )

    def _alert(self, request: HttpRequest, object_id: str) -> Alert:
        alert: Alert | None = self.get_object(request, object_id)
        if alert is None:
            raise Http404(object_id)
        return alert

    def _do(self, request: HttpRequest, alert: Alert, what: str, deed: Callable[..., Alert]) -> HttpResponse:
        try:
            deed(by=request.user, now=timezone.now())
        except alerts.NotOpen:
            self.message_user(request, f"{alert.name} is over.", messages.WARNING)
        else:
            user: Any = request.user
            LogEntry.objects.log_actions(user.pk, [alert], CHANGE, change_message=what, single_object=True)
            self.message_user(request, f"{alert.name}: {what}.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:ops_alert_change", args=[alert.pk]))

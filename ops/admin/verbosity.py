"""Verbose logging: who asked for it, for how long and why; switched on by a form, off by an action or by itself."""

from datetime import timedelta
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from market.admin.base import ReadOnlyAdmin
from market.admin.history import RecordedAdmin
from ops import verbosity
from ops.models import LogVerbosity

LEAST, MOST = verbosity.LEAST // timedelta(minutes=1), verbosity.MOST // timedelta(minutes=1)

TOLD = [
    ("market", "market: each call of an exchange"),
    ("trades", "trades: what became of each order that was sent, or looked after"),
    ("bots", "bots: each tick, and what each run of a bot decided"),
]


class VerbosityForm(forms.ModelForm):
    """Of what more is to be read, for how long, and why."""

    apps = forms.MultipleChoiceField(
        choices=TOLD,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="What libraries say in detail is never written: there are secrets in it.",
    )
    minutes = forms.IntegerField(
        min_value=LEAST, max_value=MOST, initial=15, help_text=f"{LEAST} to {MOST}; then it ends by itself."
    )

    class Meta:
        model = LogVerbosity
        fields = ("apps", "minutes", "reason")

    def _post_clean(self) -> None:
        """The row is made by the service, which knows when it begins."""


@admin.register(LogVerbosity)
class LogVerbosityAdmin(RecordedAdmin, ReadOnlyAdmin):
    nothing_yet = "Add one, for some minutes, to read what our apps otherwise keep to themselves (docs/logs.md)."
    list_display = ["started_at", "of", "until", "state", "reason", "by"]
    list_select_related = ["by"]
    search_fields = ["reason", "by__username"]
    ordering = ["-started_at"]
    fields = ["of", "started_at", "until", "state", "reason", "by"]
    readonly_fields = fields
    form = VerbosityForm
    actions = ["switch_off"]  # type: ignore[assignment]

    @display(description="apps")
    def of(self, row: LogVerbosity) -> str:
        return ", ".join(row.apps)

    @display(description="is it on?")
    def state(self, row: LogVerbosity) -> str:
        return "on" if row.is_on(timezone.now()) else "over"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ops.add_logverbosity")

    def has_switch_permission(self, request: HttpRequest) -> bool:
        """Nobody edits a row here; who may has that permission all the same."""
        return request.user.has_perm("ops.change_logverbosity")

    def get_fields(self, request: HttpRequest, obj: LogVerbosity | None = None) -> list[Any]:
        return list(VerbosityForm.Meta.fields) if obj is None else super().get_fields(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: LogVerbosity | None = None) -> list[Any]:
        return [] if obj is None else list(self.readonly_fields)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> LogVerbosity:
        told, by = form.cleaned_data, cast(User, request.user)
        length = timedelta(minutes=told["minutes"])
        return verbosity.switch_on(told["apps"], length=length, reason=told["reason"], by=by, now=timezone.now())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The service has saved it."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing hangs on it."""

    @admin.action(description="Switch off now", permissions=["switch"])
    def switch_off(self, request: HttpRequest, rows: QuerySet[LogVerbosity]) -> None:
        ended = sum(verbosity.switch_off(row, now=timezone.now()) for row in rows)
        self.message_user(request, f"Switched off: {ended}.", messages.SUCCESS if ended else messages.WARNING)

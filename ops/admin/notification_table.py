"""One's own table of preferences: which channel tells of which topic, and from which severity on."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget

from ops.models import Channel, Severity, Topic
from ops.notifications.changing import Row, set_table, table_of

NEVER = ""
CHOICES = [
    (NEVER, "never"),
    ("low", "always"),
    *((item.value, f"{item.value} and above") for item in list(Severity)[1:]),
]


class TableForm(forms.Form):
    """A choice for each channel and topic."""

    def __init__(self, data: Any, *, table: list[tuple[Channel, list[Row]]]) -> None:
        super().__init__(data)
        self.table = table
        for channel, rows in table:
            for row in rows:
                label = f"{Topic(row.topic).label} by {channel.name}"
                widget = UnfoldAdminSelectWidget(attrs={"aria-label": label})
                chosen = row.min_severity if row.is_wanted else NEVER
                self.fields[_name(row)] = forms.ChoiceField(
                    label=label, choices=CHOICES, initial=str(chosen), required=False, widget=widget
                )

    @property
    def lines(self) -> list[tuple[str, list[Any]]]:
        """By topic, the cells of all channels."""
        return [
            (topic.label, [self[_name(row)] for _, rows in self.table for row in rows if row.topic == topic])
            for topic in Topic
        ]

    @property
    def rows(self) -> list[Row]:
        """What was chosen; a severity that never counts stays what it was."""
        told = [row for _, rows in self.table for row in rows]
        return [
            row._replace(is_wanted=bool(value), min_severity=value or row.min_severity)
            for row in told
            for value in [self.cleaned_data[_name(row)]]
        ]


def _name(row: Row) -> str:
    return f"{row.channel}-{row.topic}"


def table_page(request: HttpRequest) -> HttpResponse:
    """Show it, or take what was chosen."""
    owner, address = cast(User, request.user), reverse("admin:ops_channel_preferences")
    table = table_of(owner)
    form = TableForm(request.POST if request.method == "POST" else None, table=table)
    if request.method == "POST":
        if not request.user.has_perm("ops.change_channel"):
            raise PermissionDenied
        if form.is_valid():
            set_table(owner, form.rows, is_whole=False)
            messages.success(request, "Saved: what happens from now on is told like this.")
            return HttpResponseRedirect(address)
    context = {
        **admin.site.each_context(request),
        "title": "What you are told, and by which channel",
        "form": form,
        "channels": [channel for channel, _ in table],
        "back": reverse("admin:ops_channel_changelist"),
    }
    return TemplateResponse(request, "admin/ops/preferences.html", context)

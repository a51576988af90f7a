"""What people changed, newest first: there to be read."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from market.admin.filters import dropdown
from market.admin.history import DONE, told
from market.admin.long import LongAdmin
from market.history import recorded_models
from ops.models import Change


def seen_models(request: HttpRequest) -> list[tuple[str, str]]:
    """The models with a history that a user may see, with their names: not everybody sees schedules or users."""
    may_see = request.user.has_perm
    return [
        (model._meta.label_lower, str(model._meta.verbose_name))
        for model in recorded_models()
        if may_see(f"{model._meta.app_label}.view_{model._meta.model_name}")
    ]


@admin.register(Change)
class ChangeAdmin(LongAdmin):
    nothing_yet = "What people change of bots, accounts, limits, schedules and users is written down here."
    owner_path = "whose"
    list_display = ["at", "who", "kind", "what", "changed"]
    list_filter = [
        dropdown("what", "model", seen_models),
        dropdown("kind", "kind", lambda request: list(DONE.items())),
    ]
    list_select_related = ["by"]
    search_fields = ["title", "by__username"]
    ordering = ["-at"]
    fields = ["at", "by", "kind", "title", "changed"]
    readonly_fields = ["changed"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Change]:
        rows: QuerySet[Change] = super().get_queryset(request)
        return rows.filter(model__in=[label for label, _ in seen_models(request)])

    def owned_by(self, user: Any) -> Q:
        # Not what one once did to others' rows: they say what others have now.
        return Q(whose=user.pk) | Q(by=user.pk, whose__isnull=True)

    @display(description="who")
    def who(self, change: Change) -> str:
        return str(change.by or "the system")

    @display(description="what")
    def what(self, change: Change) -> str:
        model = apps.get_model(change.model)
        name = f"{model._meta.verbose_name} {change.title}"
        if change.kind == "-":
            return name
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_history", args=[change.row])
        return format_html('<a href="{}">{}</a>', address, name)

    @display(description="from → to")
    def changed(self, change: Change) -> str:
        return told(change.changes)

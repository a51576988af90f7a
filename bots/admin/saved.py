"""Saved views of the bots' list: links above it, and a page for each where it is named, shared or deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from bots.models import SavedView, view_of
from market.access import sees_all
from market.admin.base import OwnedAdmin

MOST_TABS = 30


@dataclass(frozen=True)
class Tab:
    """A link to a view; ``is_shown``: it is what the list shows."""

    title: str
    link: str
    is_shown: bool


@dataclass(frozen=True)
class Tabs:
    """What stands above the list. ``save``: where the present view can be saved, if it is not one of them."""

    tabs: Sequence[Tab]
    save: str
    edit: str


def tabs_of(request: HttpRequest) -> Tabs:
    """The views that a user may see, everything first. One query."""
    shown = view_of(request.GET.urlencode())
    bots = reverse("admin:bots_botconfig_changelist")
    views = list(SavedView.objects.seen_by(cast(Any, request.user)).select_related("user")[:MOST_TABS])
    tabs = [Tab("All", bots, not shown)]
    tabs += [Tab(_title(view, request), f"{bots}?{view.query}", view.query == shown) for view in views if view.query]
    is_new = not any(tab.is_shown for tab in tabs)
    save = f"{reverse('admin:bots_savedview_add')}?{urlencode({'query': shown})}" if is_new else ""
    has_own = any(view.user_id == request.user.pk for view in views)
    return Tabs(tabs, save, reverse("admin:bots_savedview_changelist") if has_own else "")


def _title(view: SavedView, request: HttpRequest) -> str:
    return view.name if view.user_id == request.user.pk else f"{view.name} ({view.user})"


class SavedViewForm(forms.ModelForm):
    """``request`` is set by the admin: it decides whose view a new one is."""

    request: HttpRequest

    class Meta:
        model = SavedView
        fields = ("name", "query", "is_shared")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            self.instance.user = self.request.user


@admin.register(SavedView)
class SavedViewAdmin(OwnedAdmin):
    """Whoever may see bots may have views of them; a view that is shared is an operator's to tidy up, too."""

    nothing_yet = "Filter, search or sort the list of bots, then choose Save this view above it."
    form = SavedViewForm
    owner_path = "user"
    list_display = ["name", "user", "query", "is_shared", "opened"]
    list_select_related = ["user"]
    search_fields = ["name"]
    ordering = ["user__username", "name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedView]:
        """What is not shared is nobody else's, not even an operator's."""
        views: QuerySet[SavedView] = super().get_queryset(request)
        return views.filter(Q(user=request.user.pk) | Q(is_shared=True)) if sees_all(request.user) else views

    def _may_have_views(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("bots.view_botconfig") or request.user.has_perm("bots.change_botconfig")

    has_module_permission = has_add_permission = _may_have_views
    has_view_permission = has_change_permission = has_delete_permission = _may_have_views

    @display(description="bots")
    def opened(self, view: SavedView) -> SafeString:
        link = f"{reverse('admin:bots_botconfig_changelist')}?{view.query}"
        return format_html('<a class="underline" href="{}">show</a>', link)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.request = request
        return form

    def response_add(self, request: HttpRequest, obj: SavedView, post_url_continue: Any = None) -> HttpResponse:
        """To the list that was saved."""
        self.message_user(request, f"The view {obj.name!r} is saved.")
        return HttpResponseRedirect(f"{reverse('admin:bots_botconfig_changelist')}?{obj.query}")

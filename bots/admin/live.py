"""The rows of a page of bots, kept up to date: one request for all that are shown, every few seconds."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.safestring import mark_safe

from bots.admin.cells import LIVE, cell
from bots.models import BotConfig
from bots.services.figures import figures
from market.admin.base import OwnedAdmin


def live_url(bots: Iterable[BotConfig]) -> str:
    """Where a page asks for what has become of its bots; empty for a page without any."""
    ids = ",".join(str(bot.pk) for bot in bots)
    return f"{reverse('admin:bots_botconfig_live')}?ids={ids}" if ids else ""


def with_figures(bots: Sequence[Any]) -> Sequence[Any]:
    """The bots, each with its figures, in a handful of queries."""
    by_bot = figures(bots, now=timezone.now())
    for bot in bots:
        bot.figures = by_bot[bot.pk]
    return bots


class LiveAdmin(OwnedAdmin):
    """Answers with the cells that change; htmx puts each in its place. A bot that is gone, or another's, has none."""

    def get_urls(self) -> list[URLPattern]:
        return [
            path("live/", self.admin_site.admin_view(self.live_view), name="bots_botconfig_live"),
            *super().get_urls(),
        ]

    def live_view(self, request: HttpRequest) -> HttpResponse:
        ids = request.GET.get("ids", "").split(",")
        if len(ids) > self.list_per_page or not all(one.isascii() and one.isdecimal() and len(one) < 19 for one in ids):
            return HttpResponseBadRequest(f"ids: up to {self.list_per_page} numbers are needed, for example 1,2")
        bots = list(self.get_queryset(request).filter(pk__in=ids)) if self.has_view_permission(request) else []
        now = timezone.now()
        cells = (cell(bot, name, now=now, refreshes=True) for bot in with_figures(bots) for name in LIVE)
        answer = HttpResponse(mark_safe("".join(cells)))  # noqa: S308 - made of escaped cells
        patch_cache_control(answer, no_store=True)
        return answer

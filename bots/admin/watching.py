"""What a bot's page fetches while somebody looks at it: the chart's data, and more of the timeline."""

from hashlib import sha256
from json import dumps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.dateparse import parse_datetime

from bots.models import BotConfig
from bots.services.charting import chart_of
from bots.services.timeline import PAGE, Kind, Place, timeline
from market.admin.base import OwnedAdmin


def timeline_page(bot: BotConfig, *, before: Place | None = None, kind: Kind | None = None) -> dict[str, Any]:
    """Entries, and where older ones are."""
    found = timeline(bot, before=before, kind=kind)
    entries, more = found[:PAGE], len(found) > PAGE
    address = reverse("admin:bots_botconfig_timeline", args=[bot.pk])
    return {
        "entries": entries,
        "older": f"{address}?before={_written(entries[-1].place)}&kind={kind or ''}" if more else "",
        "kinds": [{"name": "all", "link": address, "chosen": kind is None}]
        + [{"name": f"{one}s", "link": f"{address}?kind={one}", "chosen": one is kind} for one in Kind],
    }


def _written(place: Place) -> str:
    return f"{place.at.isoformat().replace('+00:00', 'Z')},{place.kind},{place.pk}"


def _read(written: str) -> Place:
    """The place that was written so. Raises ValueError."""
    at, kind, pk = written.split(",")
    moment = parse_datetime(at)
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"{at!r} is no moment with its time zone")
    if not (pk.isascii() and pk.isdecimal() and len(pk) < 19):
        raise ValueError(f"{pk!r} is no number")
    return Place(moment, Kind(kind), int(pk))


class WatchedAdmin(OwnedAdmin):
    """A bot that is another's, or that nobody may view, does not exist."""

    def get_urls(self) -> list[URLPattern]:
        of = self.admin_site.admin_view
        return [
            path("<int:bot_id>/chart/", of(self.chart_view), name="bots_botconfig_chart"),
            path("<int:bot_id>/timeline/", of(self.timeline_view), name="bots_botconfig_timeline"),
            *super().get_urls(),
        ]

    def _bot(self, request: HttpRequest, bot_id: int) -> BotConfig:
        bot: BotConfig | None = self.get_queryset(request).filter(pk=bot_id).first()
        if bot is None or not self.has_view_permission(request, bot):
            raise Http404(f"there is no bot {bot_id}")
        return bot

    def chart_view(self, request: HttpRequest, bot_id: int) -> HttpResponse:
        """The chart's data as JSON, or 304 where the page has them already."""
        body = dumps(chart_of(self._bot(request, bot_id), now=timezone.now()), allow_nan=False)
        etag = f'"{sha256(body.encode()).hexdigest()[:32]}"'
        answer = HttpResponse(body, content_type="application/json", headers={"ETag": etag})
        patch_cache_control(answer, private=True, no_cache=True)
        return get_conditional_response(request, etag=etag, response=answer) or answer

    def timeline_view(self, request: HttpRequest, bot_id: int) -> HttpResponse:
        """A part of the timeline for htmx to put into the page; a page of its own for whoever opens its link."""
        bot, given, kind = self._bot(request, bot_id), request.GET.get("before", ""), request.GET.get("kind", "")
        try:
            before = _read(given) if given else None
        except ValueError:
            return HttpResponseBadRequest("before: time with its zone, kind and number are needed, as in a link")
        if kind and kind not in list(Kind):
            return HttpResponseBadRequest(f"kind: none of {', '.join(Kind)}")
        told: dict[str, Any] = {"timeline": timeline_page(bot, before=before, kind=Kind(kind) if kind else None)}
        if request.headers.get("HX-Request"):
            template = "admin/bots/timeline_entries.html" if before else "admin/bots/timeline.html"
        else:
            template = "admin/bots/timeline_page.html"
            told |= {**self.admin_site.each_context(request), "title": f"Timeline of {bot}", "bot": bot}
        answer = TemplateResponse(request, template, told)
        patch_cache_control(answer, no_store=True)
        patch_vary_headers(answer, ["HX-Request"])
        return answer

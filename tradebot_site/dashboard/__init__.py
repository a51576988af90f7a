"""The admin's index: how the fleet stands, in real figures, without asking the exchange. Its parts renew themselves."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import patch_cache_control

from market.access import sees_all
from tradebot_site.dashboard.cards import cards_of, chart_of
from tradebot_site.dashboard.panels import panels_of
from tradebot_site.dashboard.shown import Context

FRAGMENTS = {"cards": cards_of, "chart": chart_of, "panels": panels_of}


def dashboard(request: HttpRequest, context: Context) -> Context:
    """Unfold's DASHBOARD_CALLBACK. Staff who see only their own rows get only their own figures."""
    return (
        context
        | cards_of(request)
        | chart_of(request)
        | panels_of(request)
        | {"whose": "" if sees_all(request.user) else "your own bots"}
    )


def fragment(request: HttpRequest, name: str) -> HttpResponse:
    """One part of the index, anew."""
    if not admin.site.has_permission(request):  # logged out meanwhile: the whole page leads to the login
        return HttpResponse(headers={"HX-Refresh": "true"})
    if name not in FRAGMENTS:
        raise Http404(name)
    page = TemplateResponse(request, f"admin/dashboard/{name}.html", FRAGMENTS[name](request))
    patch_cache_control(page, no_store=True)
    return page

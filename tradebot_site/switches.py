"""The banner with the kill switches that are pressed; accounts show theirs on their own pages."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control

from market.access import sees_all
from market.admin import text
from market.models import Switch
from market.switches import SwitchState
from trades.admin.press import page_of

SHOWN = 3


def banner(request: HttpRequest) -> HttpResponse:
    """The banner, anew."""
    if not admin.site.has_permission(request):  # logged out meanwhile: the whole page leads to the login
        return HttpResponse(headers={"HX-Refresh": "true"})
    page = render(request, "admin/kill_switches.html", pressed_switches(request))
    patch_cache_control(page, no_store=True)
    return page


def pressed_switches(request: HttpRequest) -> dict[str, Any]:
    """The platform's and one's own, for operators all; and where one may press. One query."""
    if not admin.site.has_permission(request):
        return {}
    all_of_them = sees_all(request.user)
    may_press = bool(request.user.has_perm("market.change_switch"))
    switches = Switch.objects.exclude(state=SwitchState.ACTIVE).select_related("user", "pressed_by")
    if not all_of_them:
        switches = switches.filter(Q(user=None) | Q(user=request.user.pk))
    found = list(switches.order_by("-user_id")[: SHOWN + 20])  # the platform's first: NULL is the largest
    mine = [] if all_of_them else [request.user.pk]
    return {
        "switches": [_line(switch, request, may_press and (all_of_them or switch.user_id)) for switch in found[:SHOWN]],
        "more": max(len(found) - SHOWN, 0),
        "href": page_of(users=mine, platform=all_of_them, back=_page(request)) if may_press else "",
    }


def _line(switch: Switch, request: HttpRequest, may_press: Any) -> dict[str, str]:
    users = [switch.user_id] if switch.user_id else []
    whose = "The platform" if switch.user is None else f"User {switch.user}"
    return {
        "whose": whose,
        "state": switch.state,
        "reason": switch.reason,
        "who": f"by {switch.pressed_by}" if switch.pressed_by else "by the system or the command line",
        "when": text.ago(switch.pressed_at, now=timezone.now()) if switch.pressed_at else "",
        "href": page_of(users=users, platform=not users, back=_page(request)) if may_press else "",
    }


def _page(request: HttpRequest) -> str:
    """Where one is, to go on there afterwards; the banner comes by a request that names the page it stands on."""
    page = request.headers.get("HX-Current-URL") or request.get_full_path()
    return "" if reverse("kill-switch-page") in page else page

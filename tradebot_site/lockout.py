"""Where a request comes from, for whom, and what those are told who guessed too often. django-axes counts."""

from ipaddress import ip_address
from math import ceil
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import salted_hmac

from market.admin import text
from tradebot_site.api.errors import is_api, refuse


def client_ip(request: HttpRequest) -> str | None:
    """The address that the outermost of our own proxies saw; what stands left of it in the header anybody may claim."""
    told = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    count = settings.PROXY_COUNT
    seen = told[-count] if 0 < count <= len(told) else request.META.get("REMOTE_ADDR", "")
    try:
        return str(ip_address(seen))
    except ValueError:  # none: a unix socket; or no address at all
        return None


def counted_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str | None:
    """The name under which axes counts and keeps an attempt (AXES_USERNAME_CALLABLE).

    What is nobody's name may be a password that was typed into the wrong field. It is kept as a mark that only tells it
    from others: were all of them counted together, a lock would tell which names exist.
    """
    typed = (credentials or {}).get("username")
    if not typed or User.objects.filter(username=typed).exists():
        return typed
    return f"unknown name {salted_hmac('lockout', typed, algorithm='sha256').hexdigest()[:16]}"


def forget_failures(request: HttpRequest, username: str) -> None:
    """What went wrong before somebody proved who they are counts no more, as after a login."""
    AccessAttempt.objects.filter(username=username, ip_address=client_ip(request)).delete()


def locked_out(request: HttpRequest, answer: HttpResponse | None, credentials: dict[str, Any] | None) -> HttpResponse:
    """The page, or for programs the answer, that says until when. axes calls it (AXES_LOCKOUT_CALLABLE)."""
    name = counted_name(request, credentials)
    attempts = AccessAttempt.objects.filter(username=name, ip_address=client_ip(request))
    last = attempts.order_by("-attempt_time").values_list("attempt_time", flat=True).first()
    at = (last or timezone.now()) + settings.AXES_COOLOFF_TIME
    until = text.moment(at)
    if is_api(request):
        seconds = max(1, ceil((at - timezone.now()).total_seconds()))
        detail = f"Too many wrong passwords for this name from your address: locked until {until} UTC."
        return refuse(429, "locked", detail, **{"Retry-After": str(seconds)})
    told = {**admin.site.each_context(request), "title": "Locked", "until": until}
    return render(request, "admin/locked_out.html", told, status=429)

"""Pages that ask before something is done: what will happen, a form, one button. They work without a script."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.http import url_has_allowed_host_and_scheme


def ask(
    request: HttpRequest,
    *,
    title: str,
    button: str,
    form: forms.Form | None = None,
    says: Sequence[str] = (),
    facts: Sequence[tuple[str, str]] = (),
    danger: bool = False,
    back: str = "",
    address: str = "",
    frozen: str = "",
) -> HttpResponse:
    """The page. ``says`` are sentences, ``facts`` name and value; ``back`` is where "Back" leads.

    ``address``: who takes the answer, if not the page itself; ``frozen``: what it carries there
    (``market.admin.frozen``). Without a ``button`` there is nothing to confirm.
    """
    context = {
        **admin.site.each_context(request),
        "title": title,
        "button": button,
        "form": form,
        "says": says,
        "facts": facts,
        "danger": danger,
        "back": back or reverse("admin:index"),
        "address": address,
        "frozen": frozen,
    }
    page = TemplateResponse(request, "admin/ask.html", context)
    patch_cache_control(page, no_store=True)
    return page


def way_back(request: HttpRequest, default: str) -> str:
    """The address in ``next``, if it is one of ours."""
    told: Any = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        told, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return told if is_ours else default

"""The runbook inside the admin, for all staff."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from market.admin import runbook


def page(request: HttpRequest) -> HttpResponse:
    """All of it, with an anchor for each section."""
    context = {**admin.site.each_context(request), "title": "Runbook", "runbook": runbook.runbook()}
    return TemplateResponse(request, "admin/runbook.html", context)

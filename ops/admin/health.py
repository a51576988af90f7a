"""How the system stands, and how it stood: reports that are there to be read."""

import re
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from market.admin import runbook
from market.admin.filters import chosen, days
from ops.admin.showing import ReadableAdmin
from ops.health import Finding, examine
from ops.health.reports import in_order
from ops.models import HealthReport

COLOURS = {"ok": "success", "warning": "warning", "critical": "danger"}
ANCHOR = re.compile(r" See docs/runbook\.md#([\w-]+)\.$")
UNWELL_SHOWN = 3


@admin.register(HealthReport)
class HealthReportAdmin(ReadableAdmin):
    """Above the list stands how everything is at this moment."""

    nothing_yet = "Every five minutes the schedule system-health-check looks at everything and writes down what it saw."
    list_display = ["at", "badge", "unwell"]
    list_filter = [chosen("level"), days("at")]
    ordering = ["-at"]
    fieldsets = [(None, {"fields": ["at", "badge", "told"]})]
    list_before_template = "admin/ops/health_before.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        state = in_order(examine(now=timezone.now())) if self.has_view_permission(request) else []
        return super().changelist_view(request, (extra_context or {}) | {"state": table_of(state)})

    @display(description="level", label=COLOURS, ordering="level")
    def badge(self, report: HealthReport) -> str:
        return report.level

    @display(description="needs somebody")
    def unwell(self, report: HealthReport) -> str:
        texts = [finding["text"] for finding in report.findings if finding["level"] != "ok"]
        more = len(texts) - UNWELL_SHOWN
        return "; ".join(texts[:UNWELL_SHOWN]) + (f"; and {more} more" if more > 0 else "") or "nothing"

    @display(description="findings")
    def told(self, report: HealthReport) -> SafeString:
        return table_of([Finding(**finding) for finding in report.findings])


def table_of(found: list[Finding]) -> SafeString:
    """Findings as people read them, each that is unwell with the way to the runbook."""
    rows = [
        {
            "finding": finding,
            "colour": COLOURS[finding.level],
            "mend": ANCHOR.sub("", finding.mend),
            "link": runbook.link(anchor[1]) if (anchor := ANCHOR.search(finding.mend)) else "",
        }
        for finding in found
    ]
    return render_to_string("admin/ops/findings.html", {"rows": rows})

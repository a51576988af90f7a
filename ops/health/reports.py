"""What looks at everything showed, written down for people who ask later."""

from dataclasses import asdict
from datetime import datetime, timedelta

from django.conf import settings

from ops.health.examining import examine
from ops.health.findings import Finding, Level, worst_first
from ops.models import HealthReport


def in_order(found: list[Finding]) -> list[Finding]:
    """The worst first, then by name: two reports can be compared."""
    return worst_first(sorted(found, key=lambda finding: (finding.check, finding.subject)))


def write_report(*, now: datetime) -> HealthReport:
    """Look at everything, and write it down; drop what was written too long ago."""
    found = in_order(examine(now=now))
    HealthReport.objects.filter(at__lt=now - timedelta(days=settings.HEALTH_REPORTS_KEPT_DAYS)).delete()
    level = found[0].level if found else Level.OK
    return HealthReport.objects.create(at=now, level=level.value, findings=[asdict(finding) for finding in found])


def latest_report() -> HealthReport | None:
    """The youngest one."""
    return HealthReport.objects.order_by("-at").first()

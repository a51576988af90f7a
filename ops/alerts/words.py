"""How alerts are told: severity, title and text. Plain rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from market.admin.text import span
from ops.health.findings import Finding, Level
from ops.models import Alert, Severity

SEVERITY = {Level.WARNING: Severity.MEDIUM, Level.CRITICAL: Severity.CRITICAL}
MOST_NAMED = 3


@dataclass(frozen=True)
class Telling:
    """One message to operators, about one alert or several that came at one moment."""

    title: str
    text: str
    severity: Severity


def severity_of(finding: Finding) -> Severity:
    return SEVERITY[finding.level]


def come(alerts: Sequence[Alert]) -> Telling:
    """They have come, or got worse."""
    texts = [_come(alert) for alert in alerts]
    return Telling(f"Alert: {_named(alerts)}", "\n\n".join(texts), _worst([alert.severity for alert in alerts]))


def gone(alerts: Sequence[Alert], *, now: datetime) -> Telling:
    """They are well again. As severe as they were, so that whoever heard of the trouble hears of its end."""
    texts = [_gone(alert, now=now) for alert in alerts]
    worst = _worst([alert.told_severity or alert.severity for alert in alerts])
    return Telling(f"Well again: {_named(alerts)}", "\n".join(texts), worst)


def _come(alert: Alert) -> str:
    again = f" It has come {alert.times} times, each time soon after it went." if alert.times > 1 else ""
    return f"{alert.severity}: {alert.text.rstrip('.')}.{again}" + (f"\n{alert.mend}" if alert.mend else "")


def _gone(alert: Alert, *, now: datetime) -> str:
    since = alert.since or now
    return f"{alert.name} is well again, after {span(now - since)}. It was: {alert.text.rstrip('.')}."


def _named(alerts: Sequence[Alert]) -> str:
    names = [alert.name for alert in alerts]
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _worst(severities: Sequence[str]) -> Severity:
    return max((Severity(one) for one in severities), key=list(Severity).index)

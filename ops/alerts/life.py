"""The life of one alert: what a look at its condition changes. Rules on a row that the caller has locked and saves.

suspected ─lasts 8 s─▶ open ─well for 10 s─▶ resolved ─within 15 min─▶ open again
"""

from datetime import datetime, timedelta
from enum import StrEnum

from ops.alerts.words import severity_of
from ops.health.findings import Finding
from ops.models import Alert, Severity

LASTS = timedelta(seconds=8)  # what is shorter is a hiccup
WELL = timedelta(seconds=10)  # what looks well for less may be about to fall over again
SIBLINGS_WAIT = timedelta(seconds=60)  # what came with others goes with them, unless these take longer
COOL_DOWN = timedelta(minutes=15)  # what comes back sooner is the same trouble, of which people know
TELL_AGAIN = timedelta(seconds=45)  # unless it stays this time


class Step(StrEnum):
    """What has happened to it."""

    NOTHING = "nothing"
    OPENED = "opened"
    REOPENED = "opened again"
    WORSE = "got worse"
    RESOLVED = "resolved"


def see_bad(alert: Alert, finding: Finding, *, now: datetime, is_sure: bool = False) -> Step:
    """It is bad. ``is_sure``: it is no hiccup, and need not last."""
    severity = severity_of(finding)
    is_worse = alert.is_open and severity != alert.severity and severity.reaches(alert.severity)
    alert.severity, alert.text, alert.mend = severity, finding.text, finding.mend
    alert.bad_since, alert.well_since, alert.last_seen_at = alert.bad_since or now, None, now
    if not alert.is_open:
        if now - alert.bad_since < LASTS and not is_sure:
            return Step.NOTHING
        return _open(alert, now=now)
    if is_worse:
        alert.worsened_at = now
        alert.remember(f"got worse: {alert.text}", now=now)
        return Step.WORSE
    return Step.NOTHING


def _open(alert: Alert, *, now: datetime) -> Step:
    if alert.opened_at is None:
        alert.opened_at = now
        alert.remember(f"opened: {alert.text}", now=now)
        return Step.OPENED
    alert.reopened_at, alert.resolved_at, alert.times = now, None, alert.times + 1
    alert.told_at = alert.worsened_at = alert.recovery_told_at = alert.acknowledged_at = alert.acknowledged_by = None
    alert.told_severity = alert.note = ""
    alert.remember(f"opened again: {alert.text}", now=now)
    return Step.REOPENED


def see_well(alert: Alert, *, now: datetime, are_others_bad: bool = False) -> Step:
    """It is well. ``are_others_bad``: some of those that came with it are not."""
    alert.well_since = alert.well_since or now
    if not is_well(alert, now=now):
        return Step.NOTHING
    if not alert.is_open:
        alert.bad_since = None
        return Step.NOTHING
    if are_others_bad and now - alert.well_since < SIBLINGS_WAIT:
        return Step.NOTHING
    alert.resolved_at, alert.bad_since = now, None
    alert.remember("resolved", now=now)
    return Step.RESOLVED


def is_well(alert: Alert, *, now: datetime) -> bool:
    """Whether it has looked well for long enough to be believed."""
    return alert.well_since is not None and now - alert.well_since >= WELL


def see_nothing(alert: Alert) -> None:
    """Nobody can know at present. What was suspected has to last anew, what looked well to look so for as long."""
    alert.well_since = None
    if not alert.is_open:
        alert.bad_since = None


def is_to_be_told(alert: Alert, *, now: datetime) -> bool:
    """Whether people have to hear that it has come, or got worse."""
    if not alert.is_open or alert.acknowledged_at:
        return False
    if alert.told_at:
        return _exceeds(alert.severity, alert.told_severity)
    if alert.reopened_at is None or alert.last_told_at is None:
        return True
    return now - alert.reopened_at >= TELL_AGAIN or now - alert.last_told_at >= COOL_DOWN


def _exceeds(severity: str, told: str) -> bool:
    return severity != told and Severity(severity).reaches(told)


def note_told(alert: Alert, *, now: datetime) -> None:
    """People are told that it has come."""
    alert.told_at, alert.told_severity = now, alert.severity
    _count(alert, "told", now=now)


def note_recovery_told(alert: Alert, *, now: datetime) -> None:
    """People are told that it has gone."""
    alert.recovery_told_at = now
    _count(alert, "recovery told", now=now)


def _count(alert: Alert, what: str, *, now: datetime) -> None:
    alert.last_told_at, alert.tellings = now, alert.tellings + 1
    alert.remember(what, now=now)

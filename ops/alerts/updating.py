"""What a look at the system changes in the alerts, and what people are told of it, in one transaction."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from ops.alerts import life, words
from ops.alerts.life import Step
from ops.health.causes import withheld
from ops.health.findings import Finding
from ops.models import Alert, Severity
from ops.notifications import notify_operators

LOCK = 0x616C_6572  # one at a time, over all processes
KEY = "alert:"  # so begin the keys of what is told
SUBJECT = "alerts"  # for all of them: more than some within a minute become one message
WATCH = "watch"  # seen by who comes every five minutes; it has lasted for a minute then
NOT_LOOKED_AT = timedelta(days=1)  # what nobody looks at any more is closed


def update(findings: Sequence[Finding], *, now: datetime) -> int:
    """Open, worsen and resolve alerts by what was found; return how many messages each operator gets.

    A check without a finding changes nothing. Several may call this at one time: one of them does it, the others do
    nothing, as they would have found the same. Raises what the database raises.
    """
    with transaction.atomic():
        if not _is_ours():
            return 0
        known = known_alerts(now=now, is_locked=True)
        bad = [finding for finding in findings if not finding.is_well]
        changed = _see(known, bad, _at_rest(known.values(), findings, bad, now=now), now=now)
        told = _tell_come(known.values(), now=now) + _tell_gone(changed, now=now)
        _save(known.values(), now=now)
    return told


def open_alerts() -> list[Alert]:
    """The conditions that hold, the worst and oldest first."""
    severe = list(Severity)
    found = Alert.objects.open().select_related("acknowledged_by").order_by("opened_at", "pk")
    return sorted(found, key=lambda alert: -severe.index(Severity(alert.severity)))


def _is_ours() -> bool:
    """Nobody else updates until our transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def known_alerts(*, now: datetime, is_locked: bool = False) -> dict[str, Alert]:
    """What is suspected, open, or was lately, by fingerprint; to be changed if it is locked."""
    rows = Alert.objects.filter(Q(resolved_at=None) | Q(resolved_at__gt=now - life.COOL_DOWN)).order_by("pk")
    return {alert.fingerprint: alert for alert in (rows.select_for_update() if is_locked else rows)}


def _see(known: dict[str, Alert], bad: Iterable[Finding], well: Sequence[Alert], *, now: datetime) -> list[Alert]:
    """Go through everything that is known to be bad, or well; return what has been resolved."""
    opening = set()
    for finding in bad:
        alert = known.setdefault(finding.fingerprint, suspicion(finding, now=now))
        is_sure = finding.check == WATCH
        if life.see_bad(alert, finding, now=now, is_sure=is_sure) in (Step.OPENED, Step.REOPENED):
            opening.add(finding.check)
    for finding in bad:  # what began a moment later, of the same kind, is told with them
        if finding.check in opening:
            life.see_bad(known[finding.fingerprint], finding, now=now, is_sure=True)
    for alert in well:
        alert.well_since = alert.well_since or now
    unwell = {_came(alert) for alert in known.values() if alert.is_open and not life.is_well(alert, now=now)}
    return [
        alert for alert in well if life.see_well(alert, now=now, are_others_bad=_came(alert) in unwell) is Step.RESOLVED
    ]


def _came(alert: Alert) -> tuple[str, datetime | None]:
    """What those have in common that came together."""
    return alert.check_name, alert.since


def _at_rest(
    known: Iterable[Alert], findings: Sequence[Finding], bad: Sequence[Finding], *, now: datetime
) -> list[Alert]:
    """Those that look well now; those of which nobody knows are told so."""
    looked = {finding.check for finding in findings}
    # A check that could not be done says so without naming anything: then nobody knows of what it looks at.
    failed = {finding.check for finding in findings if not finding.is_well and not finding.subject}
    hidden = set(withheld())
    unwell = {finding.fingerprint for finding in bad}
    well = []
    for alert in known:
        if alert.fingerprint in unwell:
            continue
        is_seen = alert.check_name in looked - failed and alert.fingerprint not in hidden
        if is_seen or now - alert.last_seen_at > NOT_LOOKED_AT:
            well.append(alert)
        else:
            life.see_nothing(alert)
    return well


def suspicion(finding: Finding, *, now: datetime) -> Alert:
    """What is seen for the first time, and may be a hiccup."""
    return Alert(
        fingerprint=finding.fingerprint,
        check_name=finding.check[:60],
        subject=finding.subject[:130],
        severity=words.severity_of(finding),
        last_seen_at=now,
    )


def _tell_come(known: Iterable[Alert], *, now: datetime) -> int:
    alerts = [alert for alert in known if life.is_to_be_told(alert, now=now)]
    for alert in alerts:
        life.note_told(alert, now=now)
    return tell(alerts, words.come(alerts), now=now) if alerts else 0


def _tell_gone(resolved: Iterable[Alert], *, now: datetime) -> int:
    """Of what was not told nobody has to hear that it is over."""
    alerts = [alert for alert in resolved if alert.told_at]
    for alert in alerts:
        life.note_recovery_told(alert, now=now)
    return tell(alerts, words.gone(alerts, now=now), now=now) if alerts else 0


def tell(alerts: Sequence[Alert], telling: words.Telling, *, now: datetime, ways: Collection[int] | None = None) -> int:
    """Write what operators are told of these, once; 1 if anybody is told. ``ways``: only by these channels."""
    for alert in alerts:
        if alert.pk is None:
            alert.save()
    first = alerts[0]
    about = [{"id": alert.pk, "check": alert.check_name, "subject": alert.subject} for alert in alerts]
    told = notify_operators(
        telling.text,
        key=f"{KEY}{first.pk}:{first.tellings}",
        now=now,
        severity=telling.severity,
        title=telling.title,
        subject=SUBJECT,
        ways=ways,
        alerts=about,
        is_over=first.resolved_at is not None,
    )
    return min(told, 1)


def _save(known: Iterable[Alert], *, now: datetime) -> None:
    """Write all of it down; a suspicion that has come to nothing is forgotten."""
    for alert in known:
        if alert.opened_at is None and alert.bad_since is None:
            if alert.pk:
                alert.delete()
        else:
            alert.save()

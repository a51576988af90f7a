"""Upkeep: what is old goes, and the database is kept in order."""

from pathlib import Path
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from market.api.idempotency import drop_old_answers
from market.logs.files import tidy
from ops import alerts, archive, dead_letters, maintenance, notifications, reports, tokens


@shared_task
def keep_dead_letters() -> int:
    """Drop dead letters that are too old; how many they were."""
    return dead_letters.drop_old_letters(now=timezone.now())


@shared_task
def keep_api_rows() -> dict[str, int]:
    """Drop answers to requests that nobody can repeat any more, and tokens that have expired; how many of each."""
    now = timezone.now()
    return {"answers": drop_old_answers(now=now), "tokens": tokens.drop_expired(now=now)}


@shared_task
def keep_notifications() -> int:
    """Drop notifications, and alerts that are over, that are too old; how many notifications they were."""
    now = timezone.now()
    alerts.drop_old_alerts(now=now)
    return notifications.drop_old_notifications(now=now)


@shared_task
def cleanup_old_analytics() -> dict[str, int]:
    """Drop snapshots and reports that are too old; how many of each."""
    return reports.drop_old_analytics(now=timezone.now())


@shared_task(ignore_result=False)
def cleanup_old_trades() -> dict[str, Any]:
    """Archive what is older than TRADES_KEPT_DAYS, and delete of it what nothing is computed from (features P3)."""
    return archive.clean_up(clock=timezone.now)


@shared_task
def cleanup_log_files() -> dict[str, int]:
    """Compress old files of LOG_DIR and drop those beyond LOG_FILES; how many, and the bytes that are left there."""
    if not settings.LOG_DIR:
        return {}
    return tidy(Path(settings.LOG_DIR), files=settings.LOG_FILES)._asdict()


@shared_task(ignore_result=False)
def database_maintenance() -> dict[str, Any]:
    """VACUUM and ANALYZE where it is worth it, beside everybody who trades; old logins go."""
    return maintenance.maintain_database(clock=timezone.now)

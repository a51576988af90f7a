"""Tasks of upkeep, of how trading fares, and of notifications: thin faces of the services."""

import logging
import random
from collections.abc import Collection
from pathlib import Path
from typing import Any

from celery import Task, shared_task
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from market.api.idempotency import drop_old_answers
from market.logs.files import tidy
from market.types import moving
from ops import alerts, archive, dead_letters, figures, health, maintenance, notifications, reports, statistics, tokens
from ops.models import Channel, Report, Severity, Topic
from ops.notifications.senders.base import TryAgain
from ops.queues import queue_depths

SOFT_LIMIT, HARD_LIMIT = 45, 60  # seconds of one delivery, whose claim lasts longer
MOST_REPORTS_QUEUED = 50
# A report waits in the queue of the backtests: until the one at work has ended, and one that was sent before it.
REPORT_EXPIRES = 2 * settings.BACKTEST_SECONDS + 300
MOST_QUEUED = 200  # messages, of some seconds: behind them waits who distributes; the database remembers the rest
RETRIES, MOST_RETRY_SECONDS = 3, 60

logger = logging.getLogger(__name__)


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
def calculate_portfolio_performance() -> int:
    """Write down what every bot had come to at the end of each day that is over, once; how many rows were new."""
    return reports.take_snapshots(now=timezone.now())


@shared_task
def generate_trading_report(report_id: int | None = None, kind: str = Report.Kind.WEEKLY) -> int:
    """Make one report; without its number those of the last whole period, of everybody who traded. How many."""
    now = timezone.now()
    if report_id is None:
        made = reports.schedule_reports(Report.Kind(kind), now=now)
        return sum(send_report(report) for report in made)
    return int(reports.make_report(report_id, now=now))


@shared_task
def resume_reports() -> int:
    """Send again what was asked for and nobody has made: its task was lost, or died. How many.

    Not above MOST_REPORTS_QUEUED messages, which nobody reads while no worker is there.
    """
    queued = (queue_depths() or {}).get("analytics", MOST_REPORTS_QUEUED)
    late = reports.waiting_reports(now=timezone.now(), most=max(MOST_REPORTS_QUEUED - queued, 0))
    return sum(send_report(report) for report in late)


def send_report(report: Report) -> bool:
    """Have a worker make it. False: the broker is away, so it waits for `resume_reports`."""
    try:
        generate_trading_report.apply_async(args=(report.pk,), expires=REPORT_EXPIRES)
    except (OperationalError, RedisError) as error:  # away, or full
        logger.warning("report %s: waits for the sweep: the broker does not answer: %s", report.pk, error)
        return False
    return True


@shared_task(ignore_result=False)
def calculate_risk_metrics(owner_id: int | None = None) -> dict[str, Any]:
    """How the last 30 days went, by environment; of everybody's trading without an owner."""
    scope, now = figures.Scope(owner_id), timezone.now()
    names = figures.traded_environments(scope)
    return {name: figures.performance(scope, name, now=now)["figures"] for name in names}


@shared_task(ignore_result=False)
def generate_system_analytics() -> dict[str, Any]:
    """What the fleet is doing now, in figures: those of `manage.py stats`."""
    return statistics.fleet_statistics(now=timezone.now())


@shared_task
def cleanup_old_analytics() -> dict[str, int]:
    """Drop snapshots and reports that are too old; how many of each."""
    return reports.drop_old_analytics(now=timezone.now())


@shared_task(ignore_result=False)
def cleanup_old_trades() -> dict[str, Any]:
    """Archive what is older than TRADES_KEPT_DAYS, and delete of it what nothing is computed from (features P3)."""
    return archive.clean_up(clock=timezone.now)


@shared_task(ignore_result=False)
def database_maintenance() -> dict[str, Any]:
    """VACUUM and ANALYZE where it is worth it, beside everybody who trades; old logins go."""
    return maintenance.maintain_database(clock=timezone.now)


@shared_task
def system_health_check() -> str:
    """Look at everything and write it down; how bad the worst of it is.

    People are told by `manage.py watch`; that the watcher itself is silent, they are told from here.
    """
    now = timezone.now()
    report = health.write_report(now=now)
    found = [health.Finding(**{**one, "level": health.Level(one["level"])}) for one in report.findings]
    if alerts.update(found, now=now):
        _queue_due()
    return report.level


@shared_task
def cleanup_log_files() -> dict[str, int]:
    """Compress old files of LOG_DIR and drop those beyond LOG_FILES; how many, and the bytes that are left there."""
    if not settings.LOG_DIR:
        return {}
    return tidy(Path(settings.LOG_DIR), files=settings.LOG_FILES)._asdict()


@shared_task
def keep_notifications() -> int:
    """Drop notifications, and alerts that are over, that are too old; how many notifications they were."""
    now = timezone.now()
    alerts.drop_old_alerts(now=now)
    return notifications.drop_old_notifications(now=now)


@shared_task
def distribute_notifications() -> dict[str, int]:
    """Turn news into notifications, and have workers send what is due; how many of each."""
    told = notifications.distribute_events(now=timezone.now())
    return {"told": told, "queued": _queue_due()}


def _queue_due() -> int:
    """The broker holds few at a time, so that a hanging server fills no memory. What it forgets is found again."""
    queued = 0
    try:
        waiting = (queue_depths() or {}).get("notifications", MOST_QUEUED)
        due = notifications.take_due(now=timezone.now(), most=MOST_QUEUED - waiting, others_wait=waiting > 0)
        for delivery_id, kind in due:
            TASK_OF_KIND.get(kind, send_notification).apply_async((delivery_id,))
            queued += 1
    except (OperationalError, RedisError):
        return queued
    return queued


@shared_task(soft_time_limit=SOFT_LIMIT, time_limit=HARD_LIMIT)
def send_notification(delivery_id: int) -> str:
    """Send one notification by one channel. What failed for good raises, and is a dead letter."""
    return notifications.deliver(delivery_id, clock=moving(timezone.now()))


@shared_task(soft_time_limit=SOFT_LIMIT, time_limit=HARD_LIMIT)
def send_email_notification(delivery_id: int) -> str:
    """The same by e-mail."""
    return notifications.deliver(delivery_id, clock=moving(timezone.now()))


@shared_task(soft_time_limit=SOFT_LIMIT, time_limit=HARD_LIMIT)
def send_telegram_notification(delivery_id: int) -> str:
    """The same by Telegram."""
    return notifications.deliver(delivery_id, clock=moving(timezone.now()))


TASK_OF_KIND: dict[str, Any] = {
    Channel.Kind.EMAIL: send_email_notification,
    Channel.Kind.TELEGRAM: send_telegram_notification,
}


@shared_task
def send_trade_notification(event_id: int) -> bool:
    """Tell an event now, before its turn. False: it is told, or about to be."""
    told = notifications.distribute_event(event_id, now=timezone.now())
    _queue_due()
    return told


@shared_task
def send_alert_notification(text: str, key: str, severity: str = Severity.HIGH, about: str = "") -> int:
    """Tell operators something of the platform, once for each key; how many were told now."""
    now = timezone.now()
    told = notifications.notify_operators(text, key=key, now=now, severity=Severity(severity), about=about)
    _queue_due()
    return told


@shared_task
def send_bulk_notifications(
    user_ids: Collection[int], topic: str, text: str, key: str, severity: str = Severity.LOW, title: str = ""
) -> int:
    """Tell many users the same, once for each key; how many were told now."""
    said: dict[str, Any] = {"severity": Severity(severity), "title": title}
    told = notifications.notify(user_ids, Topic(topic), text, key=key, now=timezone.now(), **said)
    _queue_due()
    return told


@shared_task(bind=True, max_retries=RETRIES, soft_time_limit=SOFT_LIMIT, time_limit=HARD_LIMIT)
def send_channel_code(self: Task, channel_id: int) -> None:
    """Send the code that confirms a channel. Tried again as features Q5 say."""
    channel = Channel.objects.filter(pk=channel_id, confirmed_at=None).select_related("owner").first()
    if channel is None:
        return
    try:
        notifications.send_code(channel, now=timezone.now())
    except TryAgain as error:
        seconds = min(2 ** (self.request.retries + 1), MOST_RETRY_SECONDS) * random.uniform(0.75, 1.25)  # noqa: S311
        raise self.retry(exc=error, countdown=seconds) from None

"""Tasks of upkeep, and of how trading fares: thin faces of the services."""

import logging
from typing import Any

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from market.api.idempotency import drop_old_answers
from ops import dead_letters, figures, reports, statistics, tokens
from ops.models import Report

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
    """Send again what was asked for and nobody has made: its task was lost, or died. How many."""
    return sum(send_report(report) for report in reports.waiting_reports(now=timezone.now()))


def send_report(report: Report) -> bool:
    """Have a worker make it. False: the broker is away, so it waits for `resume_reports`."""
    try:
        generate_trading_report.apply_async(args=(report.pk,), expires=reports.LATE_AFTER.total_seconds())
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

"""How trading fares: snapshots of days, reports, figures on demand."""

import logging
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from ops import figures, reports, statistics
from ops.models import Report
from ops.queues import queue_depths

MOST_REPORTS_QUEUED = 50
# A report waits in the queue of the backtests: until the one at work has ended, and one that was sent before it.
REPORT_EXPIRES = 2 * settings.BACKTEST_SECONDS + 300

logger = logging.getLogger(__name__)


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
    now = timezone.now()
    reports.give_up_deadly(generate_trading_report.name, now=now)
    queued = (queue_depths() or {}).get("analytics", MOST_REPORTS_QUEUED)
    late = reports.waiting_reports(now=now, most=max(MOST_REPORTS_QUEUED - queued, 0))
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

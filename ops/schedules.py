"""The schedules that the system needs, as rows that operators edit (features Q4)."""

import json
from dataclasses import dataclass, field
from typing import Any

from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask


@dataclass(frozen=True)
class Schedule:
    """One periodic task. ``every_seconds`` or, aligned to the clock, ``crontab`` (minute, hour, of some day of the week
    if it has a third part). It expires unsent.
    """

    name: str
    task: str
    queue: str
    expire_seconds: int
    every_seconds: int | None = None
    crontab: tuple[str, ...] = ("*", "*")
    kwargs: dict[str, Any] = field(default_factory=dict)


SCHEDULES = (
    # On the minute, when candles close.
    Schedule("run-all-active-bots-every-minute", "bots.tasks.run_all_active_bots", "trading", 50),
    Schedule("resume-interrupted-minute", "bots.tasks.resume_minute", "trading", 4, every_seconds=5),
    Schedule(
        "reactivate-bots-daily-at-utc-midnight",
        "bots.tasks.reactivate_bots_after_reset",
        "trading",
        600,
        crontab=("0", "0"),
    ),
    Schedule("warm-up-spot-symbols", "market.tasks.warmup_spot_symbols_cache", "data_sync", 290, every_seconds=300),
    Schedule("protect-positions", "bots.tasks.protect_positions", "high_priority", 4, every_seconds=5),
    Schedule(
        "warm-up-futures-symbols", "market.tasks.warmup_futures_symbols_cache", "data_sync", 290, every_seconds=300
    ),
    Schedule("update-market-data", "bots.tasks.update_market_data", "data_sync", 25, every_seconds=30),
    Schedule("measure-clocks", "market.tasks.measure_clocks", "data_sync", 55, every_seconds=60),
    Schedule("reconcile-orders", "trades.tasks.reconcile_orders", "high_priority", 9, every_seconds=10),
    Schedule("reconcile-accounts", "trades.tasks.reconcile_accounts", "high_priority", 9, every_seconds=10),
    Schedule("reconcile-transfers", "trades.tasks.reconcile_transfers", "payments", 29, every_seconds=30),
    Schedule("book-fundings", "trades.tasks.book_fundings", "data_sync", 300, every_seconds=600),
    Schedule("portfolio-sync", "trades.tasks.sync_portfolios", "data_sync", 110, every_seconds=120),
    # By the worker of notifications, which takes from its queues in turn: it does not wait behind what is to be sent.
    Schedule("distribute-notifications", "ops.tasks.distribute_notifications", "default", 4, every_seconds=5),
    Schedule("system-health-check", "ops.tasks.system_health_check", "default", 240, every_seconds=300),
    Schedule("keep-notifications", "ops.tasks.keep_notifications", "maintenance", 3000, crontab=("35", "*")),
    Schedule("keep-decisions", "bots.tasks.keep_decisions", "maintenance", 3000, crontab=("15", "*")),
    Schedule("keep-api-rows", "ops.tasks.keep_api_rows", "maintenance", 3000, crontab=("25", "*")),
    # Each is done once for its period, also when its worker was away for hours: nothing else makes up for it.
    Schedule(
        "generate-daily-analytics",
        "ops.tasks.calculate_portfolio_performance",
        "analytics",
        23 * 3600,
        crontab=("0", "0"),
    ),
    Schedule(
        "generate-weekly-report",
        "ops.tasks.generate_trading_report",
        "analytics",
        6 * 24 * 3600,
        crontab=("10", "0", "sun"),
        kwargs={"kind": "weekly"},
    ),
    Schedule(
        "generate-daily-report",
        "ops.tasks.generate_trading_report",
        "analytics",
        23 * 3600,
        crontab=("20", "0"),
        kwargs={"kind": "daily"},
    ),
    # Not in the queue in which backtests take minutes.
    Schedule("resume-reports", "ops.tasks.resume_reports", "maintenance", 50, every_seconds=60),
    Schedule("cleanup-old-analytics", "ops.tasks.cleanup_old_analytics", "maintenance", 3000, crontab=("35", "1")),
    Schedule("cleanup-old-trades", "ops.tasks.cleanup_old_trades", "maintenance", 6 * 3600, crontab=("0", "2")),
    Schedule(
        "database-maintenance",
        "ops.tasks.database_maintenance",
        "maintenance",
        6 * 3600,
        crontab=("0", "4", "sun"),
    ),
    Schedule("cleanup-log-files", "ops.tasks.cleanup_log_files", "maintenance", 3000, crontab=("0", "3")),
    Schedule("keep-dead-letters", "ops.tasks.keep_dead_letters", "maintenance", 3000, crontab=("20", "*")),
    Schedule(
        "reconcile-all-accounts-nightly",
        "trades.tasks.reconcile_accounts",
        "maintenance",
        3600,
        crontab=("30", "3"),
        kwargs={"everything": True},
    ),
)


def create_schedules() -> int:
    """Create the rows that are missing; what is there stays as an operator left it. Return how many were made."""
    return sum(_create(schedule) for schedule in SCHEDULES)


def _create(schedule: Schedule) -> bool:
    if PeriodicTask.objects.filter(name=schedule.name).exists():
        return False
    PeriodicTask.objects.create(
        name=schedule.name,
        task=schedule.task,
        queue=schedule.queue,
        expire_seconds=schedule.expire_seconds,
        kwargs=json.dumps(schedule.kwargs),
        **_timing(schedule),
    )
    return True


def _timing(schedule: Schedule) -> dict[str, IntervalSchedule | CrontabSchedule]:
    if schedule.every_seconds:
        interval, _ = IntervalSchedule.objects.get_or_create(
            every=schedule.every_seconds, period=IntervalSchedule.SECONDS
        )
        return {"interval": interval}
    minute, hour, *weekday = schedule.crontab
    crontab, _ = CrontabSchedule.objects.get_or_create(
        minute=minute,
        hour=hour,
        day_of_week=weekday[0] if weekday else "*",
        day_of_month="*",
        month_of_year="*",
        timezone="UTC",
    )
    return {"crontab": crontab}

"""The schedules that the system needs, as rows that operators edit (features Q4)."""

from dataclasses import dataclass

from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask


@dataclass(frozen=True)
class Schedule:
    """One periodic task. ``every_seconds`` or, aligned to the clock, ``crontab`` (minute, hour). It expires unsent."""

    name: str
    task: str
    queue: str
    expire_seconds: int
    every_seconds: int | None = None
    crontab: tuple[str, str] = ("*", "*")


SCHEDULES = (
    # On the minute, when candles close.
    Schedule("run-all-active-bots-every-minute", "bots.tasks.run_all_active_bots", "trading", 50),
    Schedule("resume-interrupted-minute", "bots.tasks.resume_minute", "trading", 9, every_seconds=10),
    Schedule(
        "reactivate-bots-daily-at-utc-midnight",
        "bots.tasks.reactivate_bots_after_reset",
        "trading",
        600,
        crontab=("0", "0"),
    ),
    Schedule("warm-up-spot-symbols", "market.tasks.warmup_spot_symbols_cache", "data_sync", 290, every_seconds=300),
    Schedule("reconcile-orders", "trades.tasks.reconcile_orders", "high_priority", 14, every_seconds=15),
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
        **_timing(schedule),
    )
    return True


def _timing(schedule: Schedule) -> dict[str, IntervalSchedule | CrontabSchedule]:
    if schedule.every_seconds:
        interval, _ = IntervalSchedule.objects.get_or_create(
            every=schedule.every_seconds, period=IntervalSchedule.SECONDS
        )
        return {"interval": interval}
    minute, hour = schedule.crontab
    crontab, _ = CrontabSchedule.objects.get_or_create(
        minute=minute, hour=hour, day_of_week="*", day_of_month="*", month_of_year="*", timezone="UTC"
    )
    return {"crontab": crontab}

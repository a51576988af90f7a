"""Daily limits: they gate entries, never exits (features S7, T11, T12). Plain Python."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bots.types import Reason


@dataclass(frozen=True)
class Limits:
    """What the owner set; None switches a limit off. Percentages are of the initial capital."""

    max_daily_trades: int | None = None
    max_daily_loss_perc: Decimal | None = None
    daily_target_perc: Decimal | None = None


@dataclass(frozen=True)
class Day:
    """What a bot has done since its day began: positions opened, and P&L booked in quote asset."""

    trades: int = 0
    pnl: Decimal = Decimal(0)


@dataclass(frozen=True)
class Breach:
    reason: Reason
    text: str


def day_start(now: datetime, time_zone: str) -> datetime:
    """The midnight at which the trading day of ``time_zone`` began. Right on days of 23 and 25 hours, too."""
    zone = ZoneInfo(time_zone)
    return datetime.combine(now.astimezone(zone).date(), time(), tzinfo=zone)


def known_zone(time_zone: str) -> str:
    """The time zone, or UTC when this machine's tables do not know it (any more)."""
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return "UTC"
    return time_zone


def cooling_until(closed_at: datetime | None, cooldown_minutes: int) -> datetime | None:
    """When the pause after the last exit ends; None without one."""
    return closed_at + timedelta(minutes=cooldown_minutes) if closed_at and cooldown_minutes else None


def first_breach(limits: Limits, day: Day, *, capital: Decimal) -> Breach | None:
    """The limit that forbids a further entry today, if one does."""
    if limits.max_daily_trades is not None and day.trades >= limits.max_daily_trades:
        return Breach(Reason.MAX_DAILY_TRADES, f"{day.trades} of {limits.max_daily_trades} trades today")
    if limits.max_daily_loss_perc is not None:
        bound = -capital * limits.max_daily_loss_perc / 100
        if day.pnl <= bound:
            return Breach(Reason.MAX_DAILY_LOSS, f"P&L today {day.pnl:.2f}, the limit is {bound:.2f}")
    if limits.daily_target_perc is not None:
        bound = capital * limits.daily_target_perc / 100
        if day.pnl >= bound:
            return Breach(Reason.DAILY_TARGET, f"P&L today {day.pnl:.2f}, the target is {bound:.2f}")
    return None

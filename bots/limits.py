"""Limits of a bot: they gate entries, never exits (features S7, T11, T12). Plain Python."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bots.types import Reason
from trades.checks import Code, Denial


@dataclass(frozen=True)
class Limits:
    """What the owner set; None switches a limit off. Percentages are of the initial capital."""

    max_daily_trades: int | None = None
    max_daily_loss_perc: Decimal | None = None
    daily_target_perc: Decimal | None = None
    max_drawdown_percent: Decimal | None = None
    max_consecutive_losses: int | None = None

    @property
    def are_daily(self) -> bool:
        """Whether the bot's day has to be read."""
        bounds = (self.max_daily_trades, self.max_daily_loss_perc, self.daily_target_perc)
        return any(bound is not None for bound in bounds)

    @property
    def are_lasting(self) -> bool:
        """Whether the bot's record has to be read: one of them outlasts the day."""
        return self.max_drawdown_percent is not None or self.max_consecutive_losses is not None


@dataclass(frozen=True)
class Day:
    """What a bot has done since its day began: positions opened, and P&L booked in quote asset."""

    trades: int = 0
    pnl: Decimal = Decimal(0)


@dataclass(frozen=True)
class Record:
    """How a bot has fared since a person last started it."""

    drawdown_percent: Decimal = Decimal(0)  # the fall from its highest equity so far
    losses_in_a_row: int = 0  # positions that were closed with a loss, the newest ones


@dataclass(frozen=True)
class Breach:
    reason: Reason
    denial: Denial


def day_start(now: datetime, time_zone: str) -> datetime:
    """When the trading day of ``time_zone`` began, in UTC: at midnight, also where that is skipped or comes twice.

    In its own zone such a midnight would equal no moment of any other one (PEP 495).
    """
    zone = ZoneInfo(time_zone)
    return datetime.combine(now.astimezone(zone).date(), time(), tzinfo=zone).astimezone(UTC)


def day_end(now: datetime, time_zone: str) -> datetime:
    """When the trading day of ``time_zone`` ends and the next one begins, in UTC."""
    zone = ZoneInfo(time_zone)
    return datetime.combine(now.astimezone(zone).date() + timedelta(days=1), time(), tzinfo=zone).astimezone(UTC)


def counted_from(now: datetime, time_zone: str, day_from: datetime | None) -> datetime:
    """From when on the limits of the day count: since it began, or since a person reset it (``day_from``)."""
    start = day_start(now, time_zone)
    return max(start, day_from) if day_from else start


def known_zone(time_zone: str) -> str:
    """The time zone, or UTC when this machine's tables do not know it (any more)."""
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # of a folder of zones, too
        return "UTC"
    return time_zone


def cooling_until(closed_at: datetime | None, cooldown_minutes: int) -> datetime | None:
    """When the pause after the last exit ends; None without one."""
    return closed_at + timedelta(minutes=cooldown_minutes) if closed_at and cooldown_minutes else None


@dataclass
class Tally:
    """The record while trades are booked, oldest first. A sale of a part is neither won nor lost by itself: it counts
    when the rest is sold."""

    equity: Decimal
    peak: Decimal
    losses: int = 0
    round_pnl: Decimal = Decimal(0)

    @classmethod
    def of(cls, capital: Decimal) -> "Tally":
        """Of a bot that has not traded yet."""
        return cls(capital, capital)

    def count(self, *, closes: bool, pnl: Decimal) -> None:
        """One more booked trade: whether it closed the position, and its P&L (quote asset)."""
        self.equity += pnl
        self.peak = max(self.peak, self.equity)
        self.round_pnl += pnl
        if closes:
            self.losses = self.losses + 1 if self.round_pnl < 0 else 0
            self.round_pnl = Decimal(0)

    @property
    def record(self) -> Record:
        return Record((self.peak - self.equity) * 100 / self.peak, self.losses)


def record_of(results: Iterable[tuple[bool, Decimal]], *, capital: Decimal) -> Record:
    """The record that booked trades come to: oldest first, whether each closed the position, and its P&L."""
    tally = Tally.of(capital)
    for closes, pnl in results:
        tally.count(closes=closes, pnl=pnl)
    return tally.record


def first_breach(limits: Limits, day: Day, *, capital: Decimal, record: Record | None = None) -> Breach | None:
    """The limit that forbids a further entry now, if one does. Without a ``record`` only those of the day count."""
    return _breach_of_the_day(limits, day, capital=capital) or (_lasting_breach(limits, record) if record else None)


def _breach_of_the_day(limits: Limits, day: Day, *, capital: Decimal) -> Breach | None:
    if limits.max_daily_trades is not None and day.trades >= limits.max_daily_trades:
        text = f"{day.trades} of {limits.max_daily_trades} trades today"
        denial = Denial.beyond(Code.DAILY_TRADES, text, limit=limits.max_daily_trades, value=day.trades)
        return Breach(Reason.MAX_DAILY_TRADES, denial)
    if limits.max_daily_loss_perc is not None:
        bound = -capital * limits.max_daily_loss_perc / 100
        if day.pnl <= bound:
            text = f"P&L today {day.pnl:.2f}, the limit is {bound:.2f}"
            return Breach(Reason.MAX_DAILY_LOSS, Denial.beyond(Code.DAILY_LOSS, text, limit=bound, value=day.pnl))
    if limits.daily_target_perc is not None:
        bound = capital * limits.daily_target_perc / 100
        if day.pnl >= bound:
            text = f"P&L today {day.pnl:.2f}, the target is {bound:.2f}"
            return Breach(Reason.DAILY_TARGET, Denial.beyond(Code.DAILY_TARGET, text, limit=bound, value=day.pnl))
    return None


def _lasting_breach(limits: Limits, record: Record) -> Breach | None:
    fall, bound = record.drawdown_percent, limits.max_drawdown_percent
    if bound is not None and fall >= bound:
        text = f"{fall:.2f} % below the highest equity, the limit is {bound:f} %: start the bot again to let it go on"
        return Breach(Reason.MAX_DRAWDOWN, Denial.beyond(Code.DRAWDOWN, text, limit=bound, value=fall))
    losses, most = record.losses_in_a_row, limits.max_consecutive_losses
    if most is not None and losses >= most:
        text = f"{losses} losses in a row, the limit is {most}: start the bot again to let it go on"
        return Breach(Reason.CONSECUTIVE_LOSSES, Denial.beyond(Code.CONSECUTIVE_LOSSES, text, limit=most, value=losses))
    return None

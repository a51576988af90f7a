"""What stands beside bots in lists and on their pages, read in bulk: a few queries for a page of any length."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bots.limits import Day, day_start
from bots.models import BotConfig, SeriesReading
from bots.services.look import days_since, reading_key
from market.models import SymbolRules
from market.types import Series


@dataclass(frozen=True)
class Figures:
    """A bot's series as a tick last saw it, the bot's day, and whether it holds something that can be sold."""

    reading: SeriesReading | None
    day: Day
    holds: bool

    @property
    def evaluated_at(self) -> datetime | None:
        return self.reading.evaluated_at if self.reading else None

    def unrealized_pnl(self, bot: BotConfig) -> Decimal | None:
        """At the series' last price; None while there is none."""
        if self.reading is None or self.reading.price is None:
            return None
        return bot.position.holding.unrealized_pnl(self.reading.price)

    def text(self, bot: BotConfig) -> str:
        """The strategy's sentence about the last candle, for this bot's parameters."""
        if self.reading is None:
            return ""
        return str(self.reading.texts.get(reading_key(bot.strategy, bot.complete_parameters), ""))


def figures(bots: Sequence[BotConfig], *, now: datetime, with_texts: bool = False) -> dict[int, Figures]:
    """By bot id. One query for readings, one for rules, one for each time zone.

    The texts of readings grow with the fleet, so they come only for the page of one bot.
    """
    readings = _readings({bot.series for bot in bots}, with_texts=with_texts)
    days = _days(bots, now=now)
    holding = _holding(bots)
    return {
        bot.pk: Figures(readings.get(bot.series), days.get(bot.position_id, Day()), bot.pk in holding) for bot in bots
    }


def _holding(bots: Iterable[BotConfig]) -> set[int]:
    """The bots with more than dust, which a commission taken from the base asset leaves behind."""
    rows = SymbolRules.objects.filter(symbol__in={bot.symbol for bot in bots})
    rules = {(row.environment, row.market, row.symbol): row.rules for row in rows}

    def sellable(bot: BotConfig) -> Decimal:
        known = rules.get((bot.account.environment, bot.account.market, bot.symbol))
        return known.tradable(bot.position.quantity) if known else bot.position.quantity

    return {bot.pk for bot in bots if sellable(bot)}


def _readings(wanted: Iterable[Series], *, with_texts: bool) -> dict[Series, SeriesReading]:
    rows = SeriesReading.objects.filter(symbol__in={series.symbol for series in wanted})
    if not with_texts:
        rows = rows.defer("texts")
    return {Series(row.environment, row.market, row.symbol, row.interval): row for row in rows}


def _days(bots: Iterable[BotConfig], *, now: datetime) -> dict[int, Day]:
    by_zone: dict[str, list[int]] = defaultdict(list)
    for bot in bots:
        by_zone[bot.time_zone].append(bot.position_id)
    days: dict[int, Day] = {}
    for zone, position_ids in by_zone.items():
        days |= days_since(position_ids, day_start(now, zone))
    return days

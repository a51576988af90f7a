"""What stands beside bots in lists and on their pages, read in bulk: a few queries for a page of any length."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bots.limits import Day
from bots.models import BotConfig, SeriesReading
from bots.recipe import Recipe
from bots.services.days import days_of
from market.types import Series


@dataclass(frozen=True)
class Figures:
    """A bot's series as a tick last saw it, and the bot's day."""

    reading: SeriesReading | None
    day: Day

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
        return str(self.reading.texts.get(Recipe(bot.strategy, bot.parameters).key, ""))


def figures(bots: Sequence[BotConfig], *, now: datetime, with_texts: bool = False) -> dict[int, Figures]:
    """By bot id. One query for readings, one for their days.

    The texts of readings grow with the fleet, so they come only for the page of one bot.
    """
    readings = _readings({bot.series for bot in bots}, with_texts=with_texts)
    days = days_of(bots, now=now)
    return {bot.pk: Figures(readings.get(bot.series), days.get(bot.position_id, Day())) for bot in bots}


def _readings(wanted: Iterable[Series], *, with_texts: bool) -> dict[Series, SeriesReading]:
    rows = SeriesReading.objects.filter(symbol__in={series.symbol for series in wanted})
    if not with_texts:
        rows = rows.defer("texts")
    return {Series(row.environment, row.market, row.symbol, row.interval): row for row in rows}

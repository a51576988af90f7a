"""What a task of a tick does with its bots: look at the market, sift them, decide where it is due, write down the news.

Nothing is locked here. Statuses are written with a compare-and-set on `changed_at`, so that a tick never overwrites
what a user or a run did while it was deciding.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from celery.exceptions import SoftTimeLimitExceeded
from django.db import DatabaseError, transaction
from django.db.models import F, Func, Value

from bots.decision import Decision
from bots.metrics import SERIES_EVALUATED, TICK_SECONDS, TICKS, count_decisions
from bots.models import BotConfig, Tick
from bots.parts import Part
from bots.screening import Sifted, sift
from bots.services.bulk import Best, News, write_best_prices, write_news, write_readings
from bots.services.look import ExchangeView, SeriesView, look_at_series
from bots.services.news import decide_exactly, decide_one_by_one, news_of_decided, news_of_sifted
from bots.services.sieve import Fleet, Looked
from market.types import Clock, Series

logger = logging.getLogger(__name__)

# What has not started by then belongs to the past: the next tick decides on fresh data.
EXPIRES = timedelta(seconds=50)
# So long the bots of series that have been looked at wait for those of further ones.
PATIENCE = timedelta(seconds=1)


@dataclass(frozen=True)
class Evaluated:
    """The bots that have something to do: exits and protections first, then entries."""

    exits: list[int]
    entries: list[int]


def evaluate(parts: Iterable[Part], *, tick_id: int, clock: Clock) -> Iterator[Evaluated]:
    """Decide for the bots of some parts, write what changed, and yield those that have something to do.

    All at once, unless an exchange is slow: then those whose series could be read go ahead.
    """
    for looked in _looked(parts, tick_id=tick_id, clock=clock):
        now = clock()
        evaluated = _evaluate(looked, now=now)
        _tell(tick_id, looked, evaluated)
        yield evaluated  # before it is counted: whoever has to leave does not wait for that
        try:
            _count(tick_id, parts=len(looked), due=evaluated.exits + evaluated.entries, now=now)
        except DatabaseError:
            logger.exception("tick %s: %s parts are not counted, and will be sent again", tick_id, len(looked))


def _looked(parts: Iterable[Part], *, tick_id: int, clock: Clock) -> Iterator[Looked]:
    """Parts with the market of their series, as many at once as could be looked at without much delay."""
    parts = list(parts)
    begun = last = clock()
    looked: list[tuple[Part, SeriesView | Exception]] = []
    exchange: ExchangeView | None = None
    for part in parts:
        if clock() - begun > EXPIRES:
            logger.warning("tick %s: %s is left to the next one", tick_id, part.series)
            continue
        exchange = _exchange_of(part.series, exchange, parts, now=clock())
        looked.append((part, _look(part, exchange, now=clock())))
        if clock() - last > PATIENCE:
            yield looked
            last, looked = clock(), []
    if looked:
        yield looked


def _tell(tick_id: int, looked: Looked, evaluated: Evaluated) -> None:
    """In detail, for whoever asked for it (docs/logs.md)."""
    if logger.isEnabledFor(logging.DEBUG):
        told = tick_id, _names(looked), len(evaluated.exits), len(evaluated.entries)
        logger.debug("tick %s: %s: %s leave, %s enter", *told)


def _exchange_of(series: Series, known: ExchangeView | None, parts: Iterable[Part], *, now: datetime) -> ExchangeView:
    """What the series before was looked at with, if it is of the same exchange and was read just now."""
    if known and now - known.now <= PATIENCE and (known.environment, known.market) == series.exchange:
        return known
    return ExchangeView(
        *series.exchange, now, [part.series for part in parts if part.series.exchange == series.exchange]
    )


def _look(part: Part, exchange: ExchangeView, *, now: datetime) -> SeriesView | Exception:
    """The market of a part's series, or what was in the way: its bots say so, the others go on (T5)."""
    try:
        return look_at_series(part.series, now=now, exchange=exchange)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        return error


def _evaluate(looked: Looked, *, now: datetime) -> Evaluated:
    acting = {bot.pk: found for bot, found in _decide(looked, now=now).items() if found.has_work}
    SERIES_EVALUATED.inc(len(looked))
    count_decisions(acting.values(), bots=sum(part.bots for part, _ in looked))
    entries = [pk for pk, found in acting.items() if found.agrees or (found.act and found.act.is_entry)]
    is_entry = set(entries)
    return Evaluated([pk for pk in acting if pk not in is_entry], entries)


def _decide(looked: Looked, *, now: datetime) -> dict[BotConfig, Decision]:
    """What the bots decide that may have something to do; of all of them what is news is written.

    Whatever goes wrong with all of them together is tried with each part, and then with each bot, by itself.
    """
    try:
        return _decide_together(looked, now=now)
    except SoftTimeLimitExceeded:
        raise
    except Exception:
        logger.exception("tick: each by itself now: %s", _names(looked))
    if len(looked) == 1:
        return decide_one_by_one(*looked[0], now=now)
    return {bot: decision for one in looked for bot, decision in _decide([one], now=now).items()}


def _decide_together(looked: Looked, *, now: datetime) -> dict[BotConfig, Decision]:
    fleet = Fleet(looked, now=now)
    sifted = sift(fleet.sieve())
    decided = decide_exactly(fleet, np.flatnonzero(sifted.unsure))
    news, disputed = news_of_sifted(fleet, sifted)
    decided |= disputed
    _write_down(fleet, _best_prices(fleet, sifted), [*news, *news_of_decided(fleet, decided)])
    return decided


def _names(looked: Looked) -> str:
    return ", ".join(str(part.series) for part, _ in looked)


def _write_down(fleet: Fleet, best: list[Best], news: list[News]) -> None:
    """Write what the tick saw and what is news. A failure here must not keep those from acting who have to."""
    try:
        with transaction.atomic():
            write_readings(_seen(fleet), now=fleet.now)
            write_best_prices(best)
            write_news(news, now=fleet.now)
    except SoftTimeLimitExceeded:
        raise
    except Exception:
        logger.exception("tick: statuses of %s are not written", _names(fleet.looked))


def _best_prices(fleet: Fleet, sifted: Sifted) -> list[Best]:
    """The best prices that have moved, or are not known yet, for bots that hold something."""
    found = fleet.bots[sifted.better]
    prices = {number: view.price for number, (_, view) in enumerate(fleet.looked) if isinstance(view, SeriesView)}
    columns = (found[name].tolist() for name in ("bot", "part", "round", "quantity"))
    return [Best(bot, prices[part], round_, quantity > 0) for bot, part, round_, quantity in zip(*columns, strict=True)]


def _seen(fleet: Fleet) -> dict[Series, SeriesView | None]:
    """By series what was seen of it; None for what could not be read."""
    return {part.series: view if isinstance(view, SeriesView) else None for part, view in fleet.looked}


def _count(tick_id: int, *, parts: int, due: list[int], now: datetime) -> None:
    also = Func(F("due"), Value(due, output_field=Tick._meta.get_field("due")), function="array_cat")
    Tick.objects.filter(pk=tick_id).update(
        parts_done=F("parts_done") + parts, acting=F("acting") + len(due), due=also if due else F("due")
    )
    tick = Tick.objects.filter(pk=tick_id)
    if tick.filter(parts_done__gte=F("parts"), finished_at=None).update(finished_at=now):
        TICKS.inc(outcome="finished")
        for started_at in tick.values_list("started_at", flat=True):
            TICK_SECONDS.observe((now - started_at).total_seconds())

"""One round over all active bots: claim the minute, evaluate series by series, hand out what has to be done.

Nothing is locked here. Statuses are written with a compare-and-set on `changed_at`, so that a tick never overwrites
what a user or a run did while it was deciding.
"""

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import DatabaseError, transaction
from django.db.models import Count, F, Func, Max, Min, Value

from bots.decide import Decision, decide, side_held
from bots.exits import better_price
from bots.models import BotConfig, SeriesReading, Tick
from bots.services.bulk import Best, write_best_prices, write_news
from bots.services.look import SeriesView, look_at_series, standings
from bots.services.notes import is_news
from bots.services.trouble import decision_about
from market.exchange import gateway_for
from market.types import Market, Series, Side

logger = logging.getLogger(__name__)

BOTS_PER_TASK = 5_000
SERIES_PER_TASK = 8  # a series whose exchange hangs keeps only these few waiting
# What has not started by then belongs to the past: the next tick decides on fresh data.
EXPIRES = timedelta(seconds=50)


@dataclass(frozen=True)
class Part:
    """The active bots of one series with ids from ``first_id`` to ``last_id``."""

    series: Series
    first_id: int
    last_id: int
    bots: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Part":
        return cls(**data | {"series": Series(**data["series"])})


@dataclass
class Evaluated:
    """The bots of one part that have something to do: exits and protections first, then entries."""

    exits: list[int]
    entries: list[int]


def run_all_active_bots(*, now: datetime) -> tuple[int, list[list[Part]]]:
    """Claim the minute of ``now`` and divide the fleet; return the tick's id and the parts, grouped into tasks.

    No task at all when the minute is claimed already, or nothing is active.
    """
    tick, claimed = Tick.objects.get_or_create(slot=Tick.slot_of(now), defaults={"started_at": now})
    if not claimed:
        logger.info("tick %s is claimed already", tick)
        return tick.pk, []
    parts = list(_parts())
    tick.bots, tick.parts = sum(part.bots for part in parts), len(parts)
    tick.finished_at = None if parts else now
    tick.save(update_fields=["bots", "parts", "finished_at"])
    return tick.pk, list(_packed(parts))


def all_packets() -> list[list[Part]]:
    """The whole fleet as it is now, grouped into tasks."""
    return list(_packed(list(_parts())))


def _parts() -> Iterator[Part]:
    """The active bots by series, big series cut into chunks of ids."""
    fields = ("account__environment", "account__market", "symbol", "interval")
    groups = (
        BotConfig.objects.active().values_list(*fields).annotate(Min("pk"), Max("pk"), Count("pk")).order_by(*fields)
    )
    for *names, first_id, last_id, count in groups:
        series = Series(*names)
        if count <= BOTS_PER_TASK:
            yield Part(series, first_id, last_id, count)
            continue
        ids = list(_active_of(series).order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(ids), BOTS_PER_TASK):
            chunk = ids[start : start + BOTS_PER_TASK]
            yield Part(series, chunk[0], chunk[-1], len(chunk))


def _packed(parts: list[Part]) -> Iterator[list[Part]]:
    """Small series together, as long as a task stays within its bounds."""
    packet: list[Part] = []
    for part in parts:
        too_many_bots = sum(item.bots for item in packet) + part.bots > BOTS_PER_TASK
        if packet and (too_many_bots or len(packet) == SERIES_PER_TASK):
            yield packet
            packet = []
        packet.append(part)
    if packet:
        yield packet


def evaluate_part(part: Part, *, tick_id: int, now: datetime) -> Evaluated:
    """Decide for each bot of a part, write what changed, and return those that have something to do."""
    bots = list(_active_of(part.series).filter(pk__gte=part.first_id, pk__lte=part.last_id).with_state().order_by("pk"))
    view: SeriesView | None = None
    try:
        view = look_at_series(part.series, now=now)
        decisions = _decide_all(bots, view, now=now)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # isolation (T5): the bots of this series say what it was, the others go on
        decisions = dict.fromkeys((bot.pk for bot in bots), decision_about(error))
    _write_down(part.series, view, bots, decisions, now=now)
    acting = [(bot.pk, found) for bot in bots if (found := decisions[bot.pk]).has_work]
    entering = [pk for pk, decision in acting if decision.agrees or (decision.act and decision.act.is_entry)]
    evaluated = Evaluated(exits=[pk for pk, _ in acting if pk not in set(entering)], entries=entering)
    _count_part(tick_id, due=evaluated.exits + evaluated.entries, now=now)
    return evaluated


def _write_down(
    series: Series, view: SeriesView | None, bots: list[BotConfig], decisions: dict[int, Decision], *, now: datetime
) -> None:
    """Write what the tick saw and what is news. A failure here must not keep those from acting who have to."""
    idle = {
        bot: decision
        for bot in bots
        if not (decision := decisions[bot.pk]).act and is_news(bot.state, decision.status, decision.reason)
    }
    try:
        with transaction.atomic():
            _write_reading(series, view, now=now)
            write_best_prices(_best_prices(bots, view) if view else [])
            write_news(idle, view=view, now=now)
    except DatabaseError:
        logger.exception("tick: statuses of %s are not written", series)


def _best_prices(bots: list[BotConfig], view: SeriesView) -> list[Best]:
    """The best prices that have moved, for bots that hold something."""
    moved = []
    for bot in bots:
        side = side_held(bot.position.quantity, view.rules, futures=bot.market == Market.FUTURES)
        if side is None:
            continue
        better = better_price(bot.state.best_price_so_far, view.price, side)
        if (better, bot.position.round) != (bot.state.best_price, bot.state.best_round):
            moved.append(Best(bot.pk, better, bot.position.round, is_long=side is Side.BUY))
    return moved


def _active_of(series: Series) -> Any:
    return BotConfig.objects.active().filter(
        account__environment=series.environment,
        account__market=series.market,
        symbol=series.symbol,
        interval=series.interval,
    )


def _decide_all(bots: list[BotConfig], view: SeriesView, *, now: datetime) -> dict[int, Decision]:
    standing_of = standings(bots, now=now)
    key_trouble: dict[int, Decision | None] = {}
    decisions: dict[int, Decision] = {}
    for bot in bots:
        if bot.account_id not in key_trouble:
            key_trouble[bot.account_id] = _key_trouble(bot)
        try:
            market = view.for_bot(bot)
            decided = decide(bot.setup, market, standing_of[bot.pk], now=now)
            decisions[bot.pk] = key_trouble[bot.account_id] or decided
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:  # one bot's strategy or configuration is its own trouble
            decisions[bot.pk] = decision_about(error)
    return decisions


def _key_trouble(bot: BotConfig) -> Decision | None:
    """A missing or unreadable key shows before there is a signal, once for each account."""
    try:
        gateway_for(bot.account)
    except Exception as error:
        return decision_about(error)
    return None


def _write_reading(series: Series, view: SeriesView | None, *, now: datetime) -> None:
    """One row for the series, read through by all of its bots."""
    seen = {"candle_close_at": view.candle_close_at, "price": view.price, "texts": view.texts} if view else {}
    SeriesReading.objects.update_or_create(**asdict(series), defaults={"evaluated_at": now, **seen})


def _count_part(tick_id: int, *, due: list[int], now: datetime) -> None:
    also = Func(F("due"), Value(due, output_field=Tick._meta.get_field("due")), function="array_cat")
    Tick.objects.filter(pk=tick_id).update(
        parts_done=F("parts_done") + 1, acting=F("acting") + len(due), due=also if due else F("due")
    )
    Tick.objects.filter(pk=tick_id, parts_done=F("parts"), finished_at=None).update(finished_at=now)

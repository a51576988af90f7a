"""The beginning of a tick: one round over all active bots. Claim the minute, divide the fleet into tasks."""

import logging
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from django.db.models import Count, F, Max, Min

from bots.metrics import TICKS
from bots.models import SERIES_FIELDS, BotConfig, Tick
from bots.parts import Part
from market.types import Series

logger = logging.getLogger(__name__)

BOTS_PER_TASK = 5_000
SERIES_PER_TASK = 40


def run_all_active_bots(*, now: datetime) -> tuple[int, list[list[Part]]]:
    """Claim the minute of ``now`` and divide the fleet; return the tick's id and the parts, grouped into tasks.

    No task at all when the minute is claimed already, or nothing is active.
    """
    tick, claimed = Tick.objects.get_or_create(slot=Tick.slot_of(now), defaults={"started_at": now})
    TICKS.inc(outcome="begun" if claimed else "double")
    if not claimed:
        logger.info("tick %s is claimed already", tick)
        Tick.objects.filter(pk=tick.pk).update(doubles=F("doubles") + 1)
        return tick.pk, []
    parts = list(_parts())
    tick.bots, tick.parts = sum(part.bots for part in parts), len(parts)
    tick.finished_at = None if parts else now
    tick.save(update_fields=["bots", "parts", "finished_at"])
    if not parts:
        TICKS.inc(outcome="finished")
    return tick.pk, list(_packed(parts))


def all_packets() -> list[list[Part]]:
    """The whole fleet as it is now, grouped into tasks."""
    return list(_packed(list(_parts())))


def _parts() -> Iterator[Part]:
    """The active bots by series, big series cut into chunks of ids."""
    active = BotConfig.objects.active()
    groups = active.values_list(*SERIES_FIELDS).annotate(Min("pk"), Max("pk"), Count("pk")).order_by(*SERIES_FIELDS)
    for *names, first_id, last_id, count in groups:
        series = Series(*names)
        if count <= BOTS_PER_TASK:
            yield Part(series, first_id, last_id, count)
            continue
        ids = list(active.of_series(series).order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(ids), BOTS_PER_TASK):
            chunk = ids[start : start + BOTS_PER_TASK]
            yield Part(series, chunk[0], chunk[-1], len(chunk))


def _packed(parts: list[Part]) -> Iterator[list[Part]]:
    """Small series of one exchange together, as long as a task stays within its bounds.

    Each task costs some dozen statements, however few its bots are; and an exchange that hangs keeps no other waiting.
    """
    for _, of_exchange in groupby(parts, key=lambda part: part.series.exchange):
        packet: list[Part] = []
        for part in of_exchange:
            too_many_bots = sum(item.bots for item in packet) + part.bots > BOTS_PER_TASK
            if packet and (too_many_bots or len(packet) == SERIES_PER_TASK):
                yield packet
                packet = []
            packet.append(part)
        yield packet

"""Old months are archived, and then what may be deleted of them is. Killed at any point it goes on where it was."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from market.locks import advisory_lock
from market.types import Clock
from ops.archive.files import Part, faults_of, parts, write_part
from ops.archive.sources import SOURCES, Source

logger = logging.getLogger(__name__)
ARCHIVE_LOCK = 7_251_020  # any number that nothing else locks
MOST_ROWS = 25_000  # of one file, all of which are in memory for a moment
CHUNK = 2_000  # rows of one transaction
LASTS = timedelta(seconds=60)  # the same worker brings prices; the rest follows in the next night
Counts = dict[str, int]


class NotProved(Exception):
    """A file of the archive is not what its facts say: nothing that it should hold is deleted."""


def clean_up(*, clock: Clock) -> dict[str, Counts | str]:
    """Archive what is older than TRADES_KEPT_DAYS, and delete what nothing is computed from; rows of each table.

    Raises OSError and NotProved; by then nothing is deleted that is not proved to be in the archive.
    """
    if not settings.ARCHIVE_DIR:
        return _not_done("ARCHIVE_DIR is not set: nothing is archived, and nothing deleted")
    if not settings.TRADES_KEPT_DAYS:
        return _not_done("TRADES_KEPT_DAYS is 0: everything is kept")
    with advisory_lock(ARCHIVE_LOCK) as ours:
        return _clean_up(Path(settings.ARCHIVE_DIR), clock) if ours else _not_done("another run is at it")


def _not_done(why: str) -> dict[str, Counts | str]:
    logger.warning("archive: %s", why)
    return {"not_done": why}


def _clean_up(directory: Path, clock: Clock) -> dict[str, Counts | str]:
    begun = clock()
    done = {"archived": Counts(), "deleted": Counts()}
    for what, table, rows in _steps(directory, begun - timedelta(days=settings.TRADES_KEPT_DAYS)):
        done[what][table] = done[what].get(table, 0) + rows
        if clock() - begun > LASTS:
            return {**done, "not_done": "the rest follows in the next run"}
    return {**done}


def _steps(directory: Path, cutoff: datetime) -> Iterator[tuple[str, str, int]]:
    """Each file that was written, and each whose rows were deleted: what was done, the table, how many rows."""
    for source in SOURCES:
        known = parts(directory, source.table)
        for begin, end in _months(source, cutoff):
            month = [part for part in known if part.month == f"{begin:%Y-%m}"]
            for part in _archive(source, begin, end, directory, month):
                yield "archived", source.table, part.rows
                month.append(part)
            if source.is_deleted:
                for rows in _delete(source, begin, end, directory, month):
                    yield "deleted", source.table, rows


def _months(source: Source, cutoff: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Begin and end of each month, UTC, that was over by then: a month that is not over has no file yet."""
    oldest = source.oldest()
    if oldest is None:
        return
    begin = oldest.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while (end := (begin + timedelta(days=32)).replace(day=1)) <= cutoff:
        yield begin, end
        begin = end


def _archive(source: Source, begin: datetime, end: datetime, directory: Path, known: list[Part]) -> Iterator[Part]:
    """Write what of the month is in no file yet. Rows come in the order of their ids, so the last id says which."""
    if known and known[-1].is_last:
        return
    last_id, number = (known[-1].last_id, known[-1].number) if known else (0, 0)
    while rows := list(source.between(begin, end).filter(pk__gt=last_id).order_by("pk").values()[:MOST_ROWS]):
        number += 1
        is_last = len(rows) < MOST_ROWS
        part = write_part(directory, rows, table=source.table, month=f"{begin:%Y-%m}", number=number, is_last=is_last)
        logger.info("archive: %s rows in %s", part.rows, part.name)
        yield part
        if is_last:
            return
        last_id = part.last_id


def _delete(source: Source, begin: datetime, end: datetime, directory: Path, month: list[Part]) -> Iterator[int]:
    """Delete those rows of the month that a file holds, once it is proved that it does. Raises NotProved."""
    for part in month:
        rows = source.between(begin, end)
        if not rows.filter(pk__gte=part.first_id, pk__lte=part.last_id).exists():
            continue  # gone since an earlier run
        if wrong := faults_of(part, directory):
            raise NotProved(f"{part.name}: {wrong}: nothing of it is deleted")
        ids = part.ids(directory)
        if deleted := sum(_delete_some(rows, ids[first : first + CHUNK]) for first in range(0, len(ids), CHUNK)):
            yield deleted


def _delete_some(rows: QuerySet, ids: list[int]) -> int:
    """One transaction."""
    return rows.filter(pk__in=ids).delete()[0]

"""A storm of news becomes few messages, and none of them is lost.

The first AT_ONCE of a channel, topic and subject within a minute go out at once. What follows is bundled: one delivery
waits until the minute is over and tells of all of them. While it goes on, it is told after 2, 4, 8 … minutes; of what
is critical every minute.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection

from ops.models import Channel, Delivery, Notification, Severity, Storm

AT_ONCE = 5
FIRST_SECONDS, MOST_SECONDS = 60, 960
# What is older stands in the list and is sent to nobody: after days without workers, or a server, nobody wants old news
# by night.
SENT_FOR = timedelta(days=1)
# Django's own way of it, a CASE for each row and column, took two thirds of the time of all that is written here.
SAVE_SQL = """
    UPDATE ops_storm AS storm
       SET ends_at = new.ends_at, seconds = new.seconds, count = new.count, bundle_id = new.bundle
      FROM unnest(%s::bigint[], %s::timestamptz[], %s::int[], %s::int[], %s::bigint[])
           AS new(id, ends_at, seconds, count, bundle)
     WHERE storm.id = new.id
"""
SAVED = ("pk", "ends_at", "seconds", "count", "bundle_id")
Pair = tuple[Notification, Channel]
Key = tuple[int, str, str]  # channel, topic, severity and subject


def write_deliveries(pairs: Sequence[Pair], *, now: datetime) -> None:
    """Write one delivery for each notification and channel, in the caller's transaction."""
    if not pairs:
        return
    storms = _locked({_key(*pair) for pair in pairs}, now=now)
    joinable = _joinable(storms.values())
    bundles: dict[Key, Delivery] = {
        key: joinable[it.bundle_id] for key, it in storms.items() if it.bundle_id in joinable
    }
    alone: list[Delivery] = []
    joined: list[tuple[Delivery, Key]] = []
    for note, channel in pairs:
        key = _key(note, channel)
        delivery = Delivery(notification=note, channel=channel, next_try_at=now, late_at=now + SENT_FOR)
        storm = storms[key]
        if storm.ends_at <= now:
            _begin(storm, note.severity, now=now)
            bundles.pop(key, None)
        storm.count += 1
        if storm.count <= AT_ONCE:
            alone.append(delivery)
        elif key in bundles:
            delivery.status, delivery.next_try_at = Delivery.Status.BUNDLED, None
            joined.append((delivery, key))
        else:
            delivery.next_try_at = storm.ends_at
            bundles[key] = delivery
            alone.append(delivery)
    Delivery.objects.bulk_create(alone)
    for delivery, key in joined:
        delivery.bundle = bundles[key]
    Delivery.objects.bulk_create([delivery for delivery, _ in joined])
    for key, storm in storms.items():
        storm.bundle = bundles.get(key)
    _save(storms.values())


def _key(note: Notification, channel: Channel) -> Key:
    """Severe news is not held up by what is less so."""
    return channel.pk, note.topic, f"{note.severity} {note.subject}"[:60]


def _locked(keys: Collection[Key], *, now: datetime) -> dict[Key, Storm]:
    """The counts of these, locked until the transaction ends: in one order, so that two who write wait in turn."""
    new = [
        Storm(channel_id=channel, topic=topic, subject=subject, ends_at=now, seconds=0)
        for channel, topic, subject in sorted(keys)
    ]
    Storm.objects.bulk_create(new, ignore_conflicts=True)
    channels, topics, subjects = (set(part) for part in zip(*keys, strict=True))
    rows = Storm.objects.filter(channel__in=channels, topic__in=topics, subject__in=subjects)
    found = rows.select_for_update(no_key=True).order_by("pk")
    return {key: storm for storm in found if (key := (storm.channel_id, storm.topic, storm.subject)) in keys}


def _joinable(storms: Iterable[Storm]) -> dict[int, Delivery]:
    """The bundles that nobody has begun to send; whoever wants to send one waits until we are done."""
    waiting = Delivery.objects.filter(status=Delivery.Status.PENDING, attempts=0)
    waiting = waiting.filter(pk__in=[storm.bundle_id for storm in storms if storm.bundle_id])
    return waiting.select_for_update(no_key=True).order_by("pk").in_bulk()


def _begin(storm: Storm, severity: str, *, now: datetime) -> None:
    """Count anew. A storm that has not ended yet has had its first ones."""
    goes_on = storm.count > AT_ONCE and now - storm.ends_at <= timedelta(seconds=storm.seconds)
    most = FIRST_SECONDS if severity == Severity.CRITICAL else MOST_SECONDS
    storm.seconds = min(storm.seconds * 2, most) if goes_on else FIRST_SECONDS
    storm.count = AT_ONCE if goes_on else 0
    storm.ends_at = now + timedelta(seconds=storm.seconds)


def _save(storms: Collection[Storm]) -> None:
    columns = [[getattr(storm, name) for storm in storms] for name in SAVED]
    with connection.cursor() as cursor:
        cursor.execute(SAVE_SQL, columns)


def drop_old_storms(*, now: datetime) -> int:
    """Forget those that are over; how many."""
    return Storm.objects.filter(ends_at__lt=now - timedelta(days=1)).delete()[0]

"""Beat and the workers: do they do what they are there for?"""

from datetime import datetime

from ops.health.checks.mends import mend
from ops.health.findings import Finding, Level
from ops.liveness import (
    BEAT_LATE_AFTER,
    SILENT_AFTER,
    Worker,
    beat_seen_at,
    process_seen_at,
    unserved_queues,
    workers,
)

WATCH_SILENT_SECONDS = 60


def beat(now: datetime) -> list[Finding]:
    """It has sent something lately."""
    seen_at, bound = beat_seen_at(), BEAT_LATE_AFTER.total_seconds()
    advice = mend("Start beat again: docker compose restart beat, or make down and make up.", "Beat late")
    if seen_at is None:
        return [Finding("beat", Level.CRITICAL, "beat has never sent anything", advice)]
    age = (now - seen_at).total_seconds()
    if age > bound:
        text = f"beat sent the last task {age:.0f} s ago (bound {bound:.0f} s): nothing that is due is sent"
        return [Finding("beat", Level.CRITICAL, text, advice, value=age)]
    return [Finding("beat", Level.OK, f"beat sent something {max(age, 0):.0f} s ago", value=age)]


def worker(now: datetime) -> list[Finding]:
    """Each that fell silent, with the queues that nobody takes from any more; then other queues nobody takes from."""
    known = workers(now=now)
    if known is None:  # the cache says so
        return []
    if not known:
        advice = mend("Start the workers: make up, or docker compose up -d.", "Worker silent")
        return [Finding("worker", Level.CRITICAL, "no worker has been seen for an hour", advice, value=0)]
    unserved = set(unserved_queues(known, now=now))
    told = [_silent(it, sorted(unserved & set(it.queues)), now=now) for it in known if it.is_silent(now)]
    explained = {queue for it in known if it.is_silent(now) for queue in it.queues}
    told += [_unserved(queue) for queue in sorted(unserved - explained)]
    living = sum(not it.is_silent(now) for it in known)
    return told or [Finding("worker", Level.OK, f"{living} workers live, each queue has one", value=living)]


def _silent(found: Worker, without: list[str], *, now: datetime) -> Finding:
    age, bound = (now - found.seen_at).total_seconds(), SILENT_AFTER.total_seconds()
    text = f"worker {found.name} has been silent for {age:.0f} s (bound {bound:.0f} s)"
    text += f"; nobody else takes from {', '.join(without)}" if without else "; others take from its queues"
    advice = mend("Who lives: manage.py workers. Start it again.", "Worker silent")
    level = Level.CRITICAL if without else Level.WARNING
    return Finding("worker", level, text, advice, subject=found.name, value=age)


def _unserved(queue: str) -> Finding:
    advice = mend(
        f"Start the worker that has {queue} in its -Q; manage.py workers shows who has which.", "Queue without worker"
    )
    return Finding("worker", Level.CRITICAL, f"no worker takes from the queue {queue}", advice, subject=queue)


def _has_just_begun(now: datetime) -> bool:
    """Whether workers live, and all of them began lately: beat sends at once what was due while nothing ran."""
    begun = [it.since for it in workers(now=now) or [] if it.since and not it.is_silent(now)]
    return bool(begun) and (now - min(begun)).total_seconds() <= WATCH_SILENT_SECONDS


def watch(now: datetime) -> list[Finding]:
    """Who watches the watcher: without it nobody is told of anything here."""
    seen_at = process_seen_at("watch")
    age = None if seen_at is None else (now - seen_at).total_seconds()
    if age is not None and age <= WATCH_SILENT_SECONDS:
        return [Finding("watch", Level.OK, f"the watcher spoke {max(age, 0):.0f} s ago", value=age)]
    if _has_just_begun(now):
        return [Finding("watch", Level.OK, "everything has begun a moment ago; the watcher has its time to do so")]
    since = "has never been seen" if age is None else f"has been silent for {age:.0f} s"
    text = f"the watcher {since} (bound {WATCH_SILENT_SECONDS} s): nobody is told of what happens"
    advice = mend("Start manage.py watch: docker compose restart watch, or make down and make up.", "Watcher silent")
    return [Finding("watch", Level.CRITICAL, text, advice, value=age)]

"""Ends a worker that hangs, or hears nothing of what waits for it, so that its supervisor starts it again.

Consumers that went deaf after the broker had been away are known of Celery and kombu (celery#8030, #8091, #10205). The
loop of the main process beats; a thread beside it looks whether it does, and what waits in the broker. It never ends
who is busy, who waits for a server that hangs (the loop writes to PostgreSQL what became of tasks that were lost), who
was suspended, or who is about to end.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Collection
from typing import Any

import psutil
from celery import bootsteps
from celery.worker import state
from django.conf import settings
from django.utils import timezone

from ops.health import Level, examine, heartbeat
from ops.queues import Waiting, waiting_messages

logger = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
BEATS = 3  # at least, while the loop may be silent
LOOKS = 6  # within the shortest of the times
DOUBT = 0.5  # of that time: from then on we ask whether the loop waits for a server; its file must not grow old
RUNNING = 0x1  # celery.bootsteps.RUN, which its stubs do not know
OVERSLEPT = 3  # times its pause: the thread itself did not run, so nobody did


class Watchdog(threading.Thread):
    """Watches the worker in whose main process it runs. All times are of the monotonic clock."""

    def __init__(
        self,
        *,
        queues: Callable[[], Collection[str]],
        has_idle_child: Callable[[], bool],
        is_ending: Callable[[], bool],
    ) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._queues, self._has_idle_child, self._is_ending = queues, has_idle_child, is_ending
        self.beat_seconds = min(BEAT_SECONDS, settings.WATCHDOG_LOOP_SECONDS / BEATS)
        self._pause = min(settings.WATCHDOG_LOOP_SECONDS, settings.WATCHDOG_DEAF_SECONDS) / LOOKS
        self._start_anew()

    def beat(self) -> None:
        """Called by the worker's loop."""
        self._beat_at = time.monotonic()
        heartbeat.touch()

    def received(self) -> None:
        """Called for each message that the worker takes."""
        self._received_at = time.monotonic()

    def run(self) -> None:
        looked_at = time.monotonic()
        while True:
            time.sleep(self._pause)
            waiting = waiting_messages()
            now = time.monotonic()
            has_slept = now - looked_at > OVERSLEPT * (self._pause + self.beat_seconds)
            trouble = self._trouble(waiting, now)
            in_doubt = trouble or now - self._beat_at > DOUBT * settings.WATCHDOG_LOOP_SECONDS
            is_cut_off = waiting is None or (in_doubt and not _database_answers())
            if self._is_ending():
                return
            if is_cut_off:
                heartbeat.touch()  # the worker waits, as it should: to start it again would not help
            if is_cut_off or has_slept:
                self._start_anew()
            elif trouble:
                self._end(trouble)
                return
            looked_at = time.monotonic()

    def _start_anew(self) -> None:
        """What was before tells nothing of what comes."""
        self._beat_at = self._received_at = time.monotonic()

    def _trouble(self, waiting: dict[str, Waiting] | None, now: float) -> str:
        """Why the worker has to end; empty when it does its work, or the broker does not answer."""
        if waiting is None:
            return ""
        silent = now - self._beat_at
        if silent > settings.WATCHDOG_LOOP_SECONDS:
            return f"its loop has not run for {silent:.0f} s although broker and database answer"
        longest = settings.WATCHDOG_DEAF_SECONDS
        late = [name for name in self._queues() if name in waiting and (waiting[name].oldest_seconds or 0) > longest]
        if late and now - self._received_at > longest and self._has_idle_child():
            depth = sum(waiting[name].depth for name in late)
            return (
                f"{depth} messages wait in {', '.join(sorted(late))} for more than {longest:g} s, a child is idle, and"
                f" it has received nothing for {now - self._received_at:.0f} s"
            )
        return ""

    def _end(self, trouble: str) -> None:
        logger.critical("watchdog: this worker ends, to be started again: %s", trouble)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(settings.WATCHDOG_GRACE_SECONDS)
        logger.critical("watchdog: it did not end by itself within %g s", settings.WATCHDOG_GRACE_SECONDS)
        for child in psutil.Process().children(recursive=True):
            child.kill()
        os.kill(os.getpid(), signal.SIGKILL)


class Pulse(bootsteps.StartStopStep):
    """Has the consumer's loop beat. It starts anew with each connection: with a lost one Celery drops all timers."""

    requires = ("celery.worker.consumer.connection:Connection",)
    timer: Any = None

    def start(self, consumer: Any) -> None:
        if consumer.watchdog is None:
            consumer.watchdog = Watchdog(
                queues=lambda: list(consumer.app.amqp.queues.consume_from),
                has_idle_child=lambda: len(state.reserved_requests) < consumer.pool.num_processes,
                is_ending=lambda: _is_ending(consumer),
            )
            consumer.watchdog.start()
        consumer.watchdog.beat()
        dog = consumer.watchdog
        self.timer = consumer.timer.call_repeatedly(dog.beat_seconds, dog.beat, (), priority=10)

    def stop(self, consumer: Any) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def _database_answers() -> bool:
    """Whether PostgreSQL does, in some seconds, with a connection of its own."""
    return all(found.level is not Level.CRITICAL for found in examine(now=timezone.now(), only=("database",)))


def _is_ending(consumer: Any) -> bool:
    """Somebody has sent it a signal, or asked it to end."""
    asked = (state.should_stop, state.should_terminate)
    return any(how not in (None, False) for how in asked) or consumer.controller.blueprint.state != RUNNING

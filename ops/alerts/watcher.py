"""The process that looks every few seconds, and tells what it finds though what it speaks through is dead."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any

from django.utils import timezone

from ops.alerts import updating
from ops.alerts.aside import Aside
from ops.alerts.blackout import Blackout, Known, learn_channels
from ops.alerts.sending import Sender
from ops.health import Finding, Level, examine, heartbeat
from ops.health.causes import without_consequences
from ops.liveness import tell_of_process

logger = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
DATABASE_SECONDS = 8.0  # for what a turn has to write; PostgreSQL may hang
PULSE_SECONDS = 1.0  # Redis may hang, too
LEARN_SECONDS = 60.0
# What begins together with us has its time to do so: nothing is opened before.
FIRST_SECONDS = 20.0
DATABASE = "database"
Look = Callable[..., Sequence[Finding]]


class Watcher:
    """One turn after the other. Nothing that goes wrong in one ends it."""

    def __init__(self, *, look: Look = examine, patience: float = FIRST_SECONDS) -> None:
        self.look = look
        self.known = Known()
        self.blackout: Blackout | None = None
        self.sender, self.aside, self.pulse = Sender(), Aside("alerts"), Aside("heartbeat")
        self._learn_at, self._begins_at = 0.0, monotonic() + patience
        self._troubles: set[str] = set()
        self._has_begun = False

    def turn(self) -> None:
        """Look, write down, tell."""
        now = timezone.now()
        findings: list[Finding] = self._try("the look", lambda: list(self.look(now=now))) or []
        self._try(
            "the heartbeat", lambda: self.pulse.run(partial(tell_of_process, "watch", now), seconds=PULSE_SECONDS)
        )
        heartbeat.touch()
        if not findings or monotonic() < self._begins_at:
            self._try("what is known by heart", lambda: self.aside.run(self._learn, seconds=DATABASE_SECONDS))
            return
        if not self._has_begun:
            self._has_begun = True
            logger.info("watch: begins to tell")
        if not _is_away(findings):
            try:
                self.aside.run(partial(self._write, findings, now), seconds=DATABASE_SECONDS)
            except Exception as error:
                self._say("the database", error)
                found = [*(one for one in findings if one.check != DATABASE), _unwritten(error)]
                findings = without_consequences(found, with_grace=True)
            else:
                self._forget("the database")
                return
        self.blackout = self.blackout or Blackout(self.known)
        self._try("telling directly", partial(self.blackout.see, findings, now=now))

    def _write(self, findings: Sequence[Finding], now: datetime) -> None:
        """In the thread that may hang."""
        blackout = self.blackout
        if blackout is not None:
            if blackout.is_sending:
                return  # the next turn knows what has arrived
            blackout.write_down(now=now)
            self.blackout = None
        updating.update(findings, now=now)
        self._learn()
        self.sender.send_due(now=now)

    def _learn(self) -> None:
        """What has to be known by heart, should the database go away."""
        now, channels = timezone.now(), self.known.channels
        if monotonic() >= self._learn_at:
            channels = learn_channels(now=now)
            self._learn_at = monotonic() + LEARN_SECONDS
        self.known = Known(channels, updating.known_alerts(now=now))

    def _try(self, what: str, work: Callable[[], Any]) -> Any:
        try:
            done = work()
        except Exception as error:
            self._say(what, error)
            return None
        self._forget(what)
        return done

    def _say(self, what: str, error: Exception) -> None:
        """Once for each kind of trouble, not with each turn."""
        if what not in self._troubles:
            self._troubles.add(what)
            logger.error("watch: %s failed: %s", what, type(error).__name__, exc_info=error)

    def _forget(self, what: str) -> None:
        if what in self._troubles:
            self._troubles.discard(what)
            logger.info("watch: %s works again", what)


def _is_away(findings: Sequence[Finding]) -> bool:
    return any(finding.check == DATABASE and finding.level is Level.CRITICAL for finding in findings)


def _unwritten(error: Exception) -> Finding:
    text = f"PostgreSQL answers, but alerts can't be written down: {type(error).__name__}"
    mend = "The log of `watch` has the error. See docs/runbook.md#database-away."
    return Finding(DATABASE, Level.CRITICAL, text, mend)

"""Looks once a second for all viewers, and lets each have what is theirs."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from time import monotonic

from django.conf import settings
from django.db import Error as DatabaseTrouble

from market.feed.threads import Threads
from tradebot_site.api.errors import told
from tradebot_site.event_stream.changes import Change
from tradebot_site.event_stream.marks import Mark
from tradebot_site.event_stream.messages import event
from tradebot_site.event_stream.reading import Reader
from tradebot_site.event_stream.standing import standings
from tradebot_site.event_stream.viewer import MOST_WAITING, Viewer

logger = logging.getLogger(__name__)
LOOK_EVERY_SECONDS = 1.0
CHECK_EVERY_SECONDS = 15.0
# How long a look waits for viewers that are behind. Its snapshot stays open meanwhile.
PATIENCE_SECONDS = 2.0
# Less than after what PostgreSQL ends a transaction that asks for nothing.
PAGE_SECONDS = 20.0
AT_ONCE = 50  # changes; then others have their turn
# What waits for all viewers together. Messages are shared, so of viewers who see the same the slowest counts.
MOST_BYTES = 64 * 1024 * 1024


class Full(Exception):
    """There are as many viewers as there may be: of this user, or at all."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


class Hub:
    """Belongs to the event loop; its one thread has the one connection by which everything is read and checked."""

    def __init__(self) -> None:
        self.mark: Mark | None = None  # None: nothing was looked at yet
        self.looks = 0  # how many are over
        self._viewers: set[Viewer] = set()
        self._of_owner: defaultdict[int, set[Viewer]] = defaultdict(set)
        self._of_all: set[Viewer] = set()
        self._told: set[Viewer] = set()  # by the look that goes on
        self._thread = Threads("hub", 1)
        self._reader = Reader()
        self._checked_at = 0.0
        self._patience = 0.0
        self._is_away = False

    # --- viewers

    def join(self, viewer: Viewer) -> None:
        """Let it have what the next look finds. Raises Full."""
        if len(self._viewers) >= settings.EVENT_STREAM_VIEWERS:
            raise Full("unavailable", "There are as many viewers as this process takes; in a moment again.")
        user = viewer.opening.user
        mine = sum(1 for other in self._viewers if other.opening.user == user)
        if mine >= settings.EVENT_STREAM_USER_VIEWERS:
            raise Full("throttled", f"You have {mine} streams open, the most that there may be; close one.")
        self._viewers.add(viewer)
        if viewer.opening.owners is None:
            self._of_all.add(viewer)
        for owner in viewer.opening.owners or ():
            self._of_owner[owner].add(viewer)

    def leave(self, viewer: Viewer) -> None:
        """It is gone."""
        self._viewers.discard(viewer)
        self._of_all.discard(viewer)
        self._told.discard(viewer)
        for owner in viewer.opening.owners or ():
            self._of_owner[owner].discard(viewer)
            if not self._of_owner[owner]:
                del self._of_owner[owner]

    @property
    def viewers(self) -> frozenset[Viewer]:
        return frozenset(self._viewers)

    # --- looking

    async def run(self) -> None:
        """Look for ever. While the database is away viewers stay; the first look after it finds what they missed."""
        loop = asyncio.get_running_loop()
        while True:
            begun = monotonic()
            try:
                await self._check_if_due()
                await self._look(loop)
                self._note_away(None)
            except DatabaseTrouble as error:
                self._note_away(error)
            except Exception:
                logger.exception("event stream: a look failed")
            await asyncio.sleep(max(0.05, LOOK_EVERY_SECONDS - (monotonic() - begun)))

    async def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        owners = None if self._of_all else sorted(self._of_owner)
        self._patience = PATIENCE_SECONDS

        def tell(page: list[Change]) -> None:
            asyncio.run_coroutine_threadsafe(self._deliver(page), loop).result(timeout=PAGE_SECONDS)

        self.mark = await self._thread.do(lambda: self._reader.look(owners, tell))
        self.looks += 1
        for viewer in self._told:
            viewer.put(f"id: {self.mark}\n\n".encode(), look=self.looks)
        self._told.clear()

    async def _deliver(self, page: list[Change]) -> None:
        """Give each change to those whose it is; made into a message once, however many they are."""
        mark = str(self.mark)
        for number, change in enumerate(page):
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
            message = b""
            for viewer in self._viewers_of(change):
                if viewer.wants(change):
                    message = message or change.message(mark)
                    viewer.put(message, look=self.looks + 1, key=change.key)
                    self._told.add(viewer)
        await self._breathe()
        self._drop_the_slowest()

    def _viewers_of(self, change: Change) -> Iterable[Viewer]:
        """News of the platform, which is nobody's, is for operators: as in the admin, and in the API's list of news."""
        mine = () if change.owner is None else self._of_owner.get(change.owner, ())
        return (*mine, *self._of_all)

    async def _breathe(self) -> None:
        """Let viewers take what they were told before there is more."""
        while self._patience > 0 and any(viewer.waiting > MOST_WAITING // 2 for viewer in self._viewers):
            self._patience -= 0.05
            await asyncio.sleep(0.05)

    def _drop_the_slowest(self) -> None:
        groups: defaultdict[frozenset[int] | None, list[Viewer]] = defaultdict(list)
        for viewer in self._viewers:
            groups[viewer.opening.owners].append(viewer)
        slowest = [max(group, key=lambda viewer: viewer.waiting_bytes) for group in groups.values()]
        if sum(viewer.waiting_bytes for viewer in slowest) > MOST_BYTES:
            max(slowest, key=lambda viewer: viewer.waiting_bytes).drop()

    # --- checking

    async def _check_if_due(self) -> None:
        """Before anything is told: whoever lost the right to see it meanwhile is not to."""
        if monotonic() - self._checked_at < CHECK_EVERY_SECONDS:
            return
        present = self.viewers
        if present:
            asked = {viewer.opening.credential for viewer in present}
            found = await self._thread.do(lambda: standings(asked))
            for viewer in present:
                refusal = viewer.judge(found.get(viewer.opening.credential))
                if refusal:
                    viewer.end(event("end", told(*refusal)))
        self._checked_at = monotonic()

    def _note_away(self, error: Exception | None) -> None:
        if (error is not None) != self._is_away:
            self._is_away = error is not None
            logger.warning("event stream: the database %s", f"does not answer: {error}" if error else "is back")

"""One open connection: what it is told, and what waits until its client has taken it."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from tradebot_site.event_stream.changes import RIGHTS, Change, Key
from tradebot_site.event_stream.standing import Credential, Standing

MOST_WAITING = 20_000  # messages; who is further behind is dropped, and asks for the rest when it comes back
WRITTEN_AT_ONCE = 65_536


@dataclass(frozen=True)
class Opening:
    """What a caller who was let in has asked for. ``owners`` None: everybody's; ``bots`` None: all of them."""

    user: int
    credential: Credential
    kinds: frozenset[str]
    owners: frozenset[int] | None
    bots: frozenset[int] | None
    last_id: str


@dataclass(eq=False)
class Viewer:
    """Belongs to the event loop."""

    opening: Opening
    kinds: frozenset[str] = frozenset()
    is_slow: bool = False
    farewell: bytes | None = None
    waiting_bytes: int = 0
    _queue: deque[tuple[int, Key | None, bytes]] = field(default_factory=deque)
    _replayed: frozenset[Key] = frozenset()
    _replayed_until: int = 0
    _stirred: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.kinds = self.opening.kinds

    @property
    def waiting(self) -> int:
        """How many messages it has not taken yet."""
        return len(self._queue)

    def wants(self, change: Change) -> bool:
        """Whether a change, which it may see, is one that it has asked for."""
        chosen = self.opening.bots is None or change.bot in self.opening.bots
        return chosen and change.kind in self.kinds and change.key not in self._replayed

    def put(self, message: bytes, *, look: int, key: Key | None = None) -> None:
        """Let a message of a look wait for it; drop it when too many do."""
        if self._replayed and look > self._replayed_until:
            self._replayed = frozenset()
        if self.farewell is not None or self.is_slow:
            return
        if len(self._queue) >= MOST_WAITING:
            self.drop()
            return
        self._queue.append((look, key, message))
        self.waiting_bytes += len(message)
        self._stirred.set()

    def drop(self) -> None:
        """It takes too little too late: what waits is thrown away, and the connection with it."""
        self.is_slow = True
        self._clear()

    def end(self, farewell: bytes) -> None:
        """Let this be the last that it is told."""
        if self.farewell is None:
            self.farewell = farewell
            self._clear()

    def note_replayed(self, keys: frozenset[Key], *, read_after: int, done_at: int) -> None:
        """Let nothing come twice, or older than it was, that a replay has told.

        What looks had told before it was read is older; the two looks after it may come upon the same versions.
        """
        self._replayed, self._replayed_until = keys, done_at + 2
        self._queue = deque(entry for entry in self._queue if entry[0] > read_after and entry[1] not in keys)
        self.waiting_bytes = sum(len(message) for _, _, message in self._queue)

    async def take(self, seconds: float) -> bytes:
        """What waits, as much as is written at once; empty when there is nothing for so long."""
        if not self._queue and not self.is_over:
            try:
                async with asyncio.timeout(seconds):
                    await self._stirred.wait()
            except TimeoutError:
                pass  # something may have come in this very moment
        taken, size = [], 0
        while self._queue and size < WRITTEN_AT_ONCE:
            message = self._queue.popleft()[2]
            taken.append(message)
            size += len(message)
        self.waiting_bytes = max(0, self.waiting_bytes - size)
        if not self._queue and not self.is_over:
            self._stirred.clear()
        return b"".join(taken)

    @property
    def is_over(self) -> bool:
        return self.is_slow or self.farewell is not None

    def judge(self, standing: Standing | None) -> tuple[str, str] | None:
        """Take over what it may see by now. Code and words of a refusal when that is nothing any more."""
        if standing is None:
            return "not_authenticated", "The token was revoked, or nobody is logged in any more."
        if standing.is_half_way:
            return "second_factor_required", "Log in with your second factor first."
        self.kinds = frozenset(kind for kind in self.opening.kinds if standing.may(RIGHTS[kind]))
        foreign = self.opening.owners is None or self.opening.owners - {self.opening.user}
        if not standing.may(RIGHTS["bot"]) or not self.kinds or (foreign and not standing.sees_all):
            return "permission_denied", "Your role does not let you see this any more."
        return None

    def _clear(self) -> None:
        self._queue.clear()
        self.waiting_bytes = 0
        self._stirred.set()

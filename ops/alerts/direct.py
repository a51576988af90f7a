"""A message that is sent to a channel without a database: tried until it is taken."""

import logging
import threading
from time import monotonic

from django.db import connections

from ops.models import Channel
from ops.notifications.senders import SENDERS
from ops.notifications.senders.base import Message

logger = logging.getLogger(__name__)

TRY_AGAIN_SECONDS = 10.0


class Post:
    """One message to one channel."""

    def __init__(self, channel: Channel, message: Message) -> None:
        self.channel, self.message = channel, message
        self.is_taken = False
        self._thread: threading.Thread | None = None
        self._next_at = 0.0

    @property
    def is_at_work(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def send(self) -> None:
        """Begin another try, unless one is at work, or was a moment ago. Returns at once."""
        if self.is_taken or self.is_at_work or monotonic() < self._next_at:
            return
        self._next_at = monotonic() + TRY_AGAIN_SECONDS
        self._thread = threading.Thread(target=self._send, name=f"direct-{self.channel.pk}", daemon=True)
        self._thread.start()

    def _send(self) -> None:
        try:
            SENDERS[self.channel.kind](self.channel, self.message)
            self.is_taken = True
        except Exception as error:  # whatever it is, the next try may do better; its text may hold an address
            logger.warning("channel %s: not reached directly: %s", self.channel.pk, type(error).__name__)
        finally:
            connections.close_all()

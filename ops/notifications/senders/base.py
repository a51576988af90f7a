"""What senders are given, and the two kinds of bad news they bring."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ops.models import Channel

TIMEOUT_SECONDS = 10  # of one step of a conversation; what takes longer is tried again


SECRET_CHARACTERS = 6  # from so many on a part of an address is worth hiding


@dataclass(frozen=True)
class Message:
    """What is to be sent. ``id`` is the same with each attempt, so that receivers can tell what they have already."""

    id: str
    topic: str
    severity: str
    title: str
    text: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


def without(text: str, *secrets: str) -> str:
    """A text without the parts of addresses and secrets: receivers like to repeat them."""
    parts = {part for secret in secrets for part in (secret, *re.split(r"[/:@?&=#]+", secret))}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= SECRET_CHARACTERS:
            text = text.replace(part, "***")
    return text


class TryAgain(Exception):
    """It did not arrive, or nobody knows, and may arrive later: after ``after`` where the receiver has named a time.

    The text is shown to people, so it holds no address and no secret.
    """

    def __init__(self, text: str, *, after: timedelta | None = None) -> None:
        super().__init__(text)
        self.after = after


class Unreachable(TryAgain):
    """The server answers nobody: the next messages need not try it for a while."""


class Refused(Exception):
    """A clear no, which will be no again. The text is shown to people, so it holds no address and no secret."""


# Sends once, within TIMEOUT_SECONDS for each step, and returns what the receiver calls it, or an empty text. Raises
# TryAgain or Refused.
Send = Callable[[Channel, Message], str]
# Raises ValueError, whose text says what is wrong with an address and how it is mended. Nothing is sent.
Check = Callable[[str], None]
# Enough of an address, that is good, to recognise it, never enough to use it; raises ValueError for one that is not.
Hint = Callable[[str], str]

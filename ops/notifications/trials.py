"""A message that is sent while its owner waits, to show them that a channel works, or why it does not."""

from dataclasses import dataclass
from datetime import datetime

from ops.models import Channel
from ops.notifications.channels import send_trial
from ops.notifications.senders.base import Refused, TryAgain


@dataclass(frozen=True)
class Outcome:
    """What became of it, in words for its owner."""

    has_arrived: bool
    text: str


def try_out(channel: Channel, *, now: datetime) -> Outcome:
    """Send one message now, once, in at most some 20 seconds; nothing is written down."""
    try:
        send_trial(channel, now=now)
    except Refused as error:
        return Outcome(False, f"It was refused, and will be again until something is changed: {error}.")
    except TryAgain as error:
        return Outcome(False, f"It has not arrived, or nobody knows; later it may: {error}.")
    return Outcome(True, f"It was taken: {channel.hint}.")

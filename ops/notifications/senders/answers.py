"""What an answer over HTTP means for a message: it arrived, it may arrive later, or never."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from ops.notifications.calls import Answer, NoAnswer, NotReached
from ops.notifications.senders.base import Refused, TryAgain, Unreachable

LATER = (408, 425, 429)  # beside 5xx
MOST_PATIENCE = timedelta(hours=1)  # whoever asks for more is asked again then


def require_taken(answer: Answer, *, by: str, now: datetime, said: str = "", after: timedelta | None = None) -> None:
    """Raise TryAgain or Refused unless it was taken.

    ``said`` is what the receiver says of the reason, without secrets; ``after`` how long it asks us to wait, where it
    has a way of its own to say so.
    """
    if 200 <= answer.status < 300:
        return
    text = f"{by} answered {answer.status}{f': {said}' if said else ''}"
    if answer.status in LATER or answer.status >= 500:
        asked = after if after is not None else wait_asked_for(answer.headers.get("Retry-After", ""), now=now)
        raise TryAgain(text, after=asked if asked is None else min(asked, MOST_PATIENCE))
    if 300 <= answer.status < 400:
        raise Refused(f"{text}: redirects are not followed, so give the address it leads to")
    raise Refused(text)


def bad_news(error: NoAnswer, *, to: str = "") -> TryAgain:
    """What to raise when nobody answered: only of what has not left it is sure that trying again doubles nothing."""
    kind = Unreachable if isinstance(error, NotReached) else TryAgain
    return kind(f"{to}: {error}" if to else str(error))


def wait_asked_for(retry_after: str, *, now: datetime) -> timedelta | None:
    """What a header Retry-After says, as seconds or as a moment; None when it says nothing that can be read."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 10**8))
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((until if until.tzinfo else until.replace(tzinfo=UTC)) - now, timedelta(0))

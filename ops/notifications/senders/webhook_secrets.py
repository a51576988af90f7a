"""With what webhooks are signed: one secret, and for a day after it was changed the one before it, too.

Both are kept in one text: the newest first, then the other with the second since 1970 at which it ends.
"""

from datetime import datetime, timedelta

from django.db import transaction

from bots.signing import new_secret
from ops.models import Channel

OLD_ONE_SIGNS = timedelta(days=1)


def renew_secret(channel: Channel, *, now: datetime) -> str:
    """Give it a new secret, and return its text, which nobody can read again. The one before signs for a day."""
    with transaction.atomic():
        row = Channel.objects.select_for_update().get(pk=channel.pk)
        new = new_secret()
        channel.secret = _text(new, row.secret.reveal(), now=now)
        channel.save(update_fields=["secret"])
    return new


def signing_secrets(text: str, *, now: datetime) -> list[str]:
    """Those that count now, the newest first; empty when there is none yet."""
    newest, *others = text.split() or [""]
    kept = [secret for secret, _, end in (other.partition("@") for other in others) if int(end) > now.timestamp()]
    return [newest, *kept] if newest else []


def _text(new: str, old: str, *, now: datetime) -> str:
    before = signing_secrets(old, now=now)[:1]
    return " ".join([new, *(f"{secret}@{int((now + OLD_ONE_SIGNS).timestamp())}" for secret in before)])

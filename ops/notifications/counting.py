"""How much one person lets us send: counted in their list, which outlives channels and the broker."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User

from ops.models import Notification

DAY = timedelta(days=1)


class TooSoon(Exception):
    """Enough was sent; the message says when there may be more, as does ``after``."""

    def __init__(self, text: str, *, after: timedelta) -> None:
        super().__init__(text)
        self.after = after


def require_few(user: User, prefix: str, *, what: str, most: int, now: datetime) -> None:
    """Raise TooSoon if ``most`` notifications of the user, whose keys begin so, are younger than a day."""
    sent = Notification.objects.owned_by(user).filter(key__startswith=prefix, created_at__gt=now - DAY)
    if oldest := sent.order_by("-created_at").values_list("created_at", flat=True)[most - 1 : most]:
        raise TooSoon(f"{most:,} {what} were sent within a day, which is the most", after=oldest[0] + DAY - now)

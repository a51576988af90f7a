"""Who is told something: ``python -m tests.bench.notifications.people BATCH COUNT PORT`` makes people and their news.

Each has one channel and as much news as is told at once (`storms.AT_ONCE`), so that each piece is a message.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

WAYS = ("mail", "flaky", "mail", "flaky", "well")  # of five people


def main(batch: int, count: int, port: int) -> None:
    """Write what happened to people of a batch; nobody has been told yet. Webhooks listen on ``port``."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradebot_site.settings"
    import django

    django.setup()
    from django.contrib.auth.models import User

    from bots.signing import new_secret
    from ops.models import Channel
    from ops.notifications.storms import AT_ONCE
    from trades.models import Event
    from trades.services.events import new_event

    now = datetime.now(UTC)
    ways = [WAYS[index % len(WAYS)] for index in range(-(-count // AT_ONCE))]
    users = User.objects.bulk_create(
        User(username=f"told {batch} {index}", email=f"told{batch}-{index}@example.com" if way == "mail" else "")
        for index, way in enumerate(ways)
    )
    Channel.objects.bulk_create(
        Channel(
            owner=user,
            kind=Channel.Kind.WEBHOOK,
            name=way,
            target=f"https://localhost:{port}/{way}",
            secret=new_secret(),
            hint="…",
            confirmed_at=now,
            created_at=now,
        )
        for user, way in zip(users, ways, strict=True)
        if way != "mail"
    )
    told = [users[index // AT_ONCE] for index in range(count)]
    Event.objects.bulk_create(
        new_event(Event.Kind.BOT_ERROR, None, f"news {index}", user=user, now=now) for index, user in enumerate(told)
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

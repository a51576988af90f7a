"""Which bot somebody means on the command line."""

from django.core.management.base import CommandError

from bots.models import BotConfig


def bot_named(name: str) -> BotConfig:
    """The bot of this id, or of this name when only one has it. Raises CommandError."""
    bots = BotConfig.objects.with_state()
    found = list(bots.filter(pk=int(name)) if name.isdecimal() else bots.filter(name=name)[:2])
    if len(found) != 1:
        raise CommandError(f"{len(found) or 'no'} bots are called {name!r}" + ("; use the id" if found else ""))
    return found[0]

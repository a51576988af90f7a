"""Whose a bot is: asked once more where something is done to it."""

from typing import Any

from bots.models import BotConfig
from market.access import sees_all


class NotYourBot(Exception):
    """It belongs to somebody else."""


def require_own(bot: BotConfig, by: Any) -> None:
    """Raise NotYourBot unless it is theirs, or they steer everybody's; ``by`` None: the system, or the command line."""
    if by is not None and bot.owner_id != by.pk and not sees_all(by):
        raise NotYourBot(f"bot {bot.pk} belongs to somebody else")

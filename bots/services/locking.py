"""One bot, one worker: the lock that every run holds for milliseconds."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, transaction
from psycopg.errors import LockNotAvailable

from bots.models import BotConfig, BotState
from bots.services.notes import BOT, with_state
from market.ready import Ready, one_round_trip

LOCKED = Ready(lambda bot_id: BotState.objects.select_for_update(nowait=True, no_key=True).filter(pk=bot_id), int)


class BotBusy(Exception):
    """Another worker has this bot; the next tick comes soon."""


@contextmanager
def locked_bot(bot_id: int) -> Iterator[BotConfig]:
    """Hold the bot's state row until the block ends; raise BotBusy rather than queue."""
    with transaction.atomic(durable=True):
        try:
            with one_round_trip():
                state, bot = LOCKED.ask_one(bot_id), BOT.ask_one(bot_id)
            locked = state()
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise BotBusy(bot_id) from error
        yield with_state(bot(), locked)

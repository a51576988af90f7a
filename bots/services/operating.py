"""Doing one thing to many bots: to each that is still as it was seen.

Each bot is locked for itself, so that a run of it that is under way ends first (milliseconds) and no other waits.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db import OperationalError, transaction
from psycopg.errors import LockNotAvailable

from bots.models import BotConfig, BotQuerySet, BotState
from bots.services.notes import BOT, with_state
from bots.services.operations import OPERATIONS, Operation
from bots.services.owners import NotYourBot, require_own
from market.ready import Ready, ask, one_round_trip

PATIENCE = 5.0  # seconds that all bots of one wish together may keep it waiting
AT_WORK = 0.05  # what takes less was no waiting
PATIENCE_SQL = "SELECT set_config('lock_timeout', %s, true)"
GONE, CHANGED, BUSY = "deleted meanwhile", "changed meanwhile", "busy"
IN_TURN = Ready(lambda bot_id: BotState.objects.select_for_update(no_key=True).filter(pk=bot_id), int)


class Seen(NamedTuple):
    """A bot as a person saw it; what is wanted of it is wanted of this one, and not of what became of it since."""

    bot_id: int
    revision: int
    desired_state: str
    entries_paused: bool

    @classmethod
    def of(cls, bot: BotConfig) -> "Seen":
        return cls(bot.pk, bot.revision, bot.desired_state, bot.entries_paused)


class LeftOut(NamedTuple):
    """A bot that it was not done to, and why not."""

    bot_id: int
    name: str
    why: str


@dataclass
class Patience:
    """How many seconds one wish still waits for bots that are held. Then it is done to those that are free."""

    left: float = field(default_factory=lambda: PATIENCE)

    @property
    def ms(self) -> int:
        return max(int(self.left * 1_000), 1)

    @contextmanager
    def counted(self) -> Iterator[None]:
        began = monotonic()
        try:
            yield
        finally:
            took = monotonic() - began
            self.left -= took if took > AT_WORK else 0


@dataclass(frozen=True)
class Operated:
    """What came of it: the bots that it was done to, and the others."""

    done: Sequence[int]
    others: Sequence[LeftOut]

    @property
    def left_out(self) -> Sequence[tuple[str, str]]:
        """Why not to the others, by name."""
        return [(one.name, one.why) for one in self.others]


def operate_on(
    operation: Operation, seen: Iterable[Seen], bots: BotQuerySet, *, now: datetime, by: User | None = None
) -> Operated:
    """Do it to each that is still as it was seen, and among ``bots``: those that the caller may change.

    ``by``: whose they must still be when they are locked. Somebody waits for it: bots that are held take PATIENCE
    seconds together, whatever their number.
    """
    seen, patience = list(seen), Patience()
    names = dict(bots.filter(pk__in=[one.bot_id for one in seen]).values_list("pk", "name"))
    done, others = list[int](), list[LeftOut]()
    for one in seen:
        with patience.counted():
            why_not = _operate_or_tell(operation, one, patience, now=now, by=by) if one.bot_id in names else GONE
        if why_not:
            others.append(LeftOut(one.bot_id, names.get(one.bot_id, f"bot {one.bot_id}"), why_not))
        else:
            done.append(one.bot_id)
    return Operated(done, others)


def start_bots(bots: BotQuerySet, *, now: datetime) -> int:
    """Let those among ``bots`` run that are stopped, or that a lasting limit holds back; return how many.

    Raises OperationalError when a bot's lock can't be had, and then has not come to those after it.
    """
    return _operate_on_all(OPERATIONS["start"], bots, now=now)


def stop_bots(bots: BotQuerySet, *, flatten: bool, now: datetime) -> int:
    """Stop ``bots``, keeping what they hold or selling it; return how many changed. Raises as `start_bots`."""
    return _operate_on_all(OPERATIONS["flatten" if flatten else "stop"], bots, now=now)


def _operate_on_all(operation: Operation, bots: BotQuerySet, *, now: datetime) -> int:
    return sum(not _operate(operation, bot_id, None, now=now) for bot_id in bots.values_list("pk", flat=True))


def _operate(
    operation: Operation,
    bot_id: int,
    seen: Seen | None,
    *,
    now: datetime,
    by: User | None = None,
    patience: Patience | None = None,
) -> str:
    """Do it to one bot; why not, if not. Raises DoesNotExist, and OperationalError when its lock can't be had."""
    with transaction.atomic():
        bot = locked_bot_in_turn(bot_id, patience)
        require_own(bot, by)
        why_not = CHANGED if seen and Seen.of(bot) != seen else operation.why_not(bot)
        if not why_not:
            operation.do(bot, now)
    return why_not


def _operate_or_tell(operation: Operation, seen: Seen, patience: Patience, *, now: datetime, by: User | None) -> str:
    """The same; what is in the way of one bot keeps none of the others waiting."""
    try:
        return _operate(operation, seen.bot_id, seen, now=now, by=by, patience=patience)
    except (BotState.DoesNotExist, NotYourBot):
        return GONE
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return BUSY  # somebody holds its lock for longer than anybody should


def locked_bot_in_turn(bot_id: int, patience: Patience | None = None) -> BotConfig:
    """The bot, with its state row locked: a run that is under way ends first (milliseconds)."""
    with one_round_trip():
        if patience:
            ask(PATIENCE_SQL, [str(patience.ms)], len)
        asked, bot = IN_TURN.ask_one(bot_id), BOT.ask_one(bot_id)  # read after the lock
    state = asked()  # says first whether it is there
    return with_state(bot(), state)

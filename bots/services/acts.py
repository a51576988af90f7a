"""What a person does with bots, one or many: start, stop, pause and resume entries, reset the day.

Each bot is locked for itself, so that a run of it that is under way ends first (milliseconds) and no other waits.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import OperationalError, transaction
from psycopg.errors import LockNotAvailable

from bots.decide import ENTRIES_PAUSED_TEXT
from bots.models import BotConfig, BotQuerySet, BotState
from bots.services.external import drop_waiting
from bots.services.notes import bot_of, note_status
from bots.situation import Wish
from bots.types import DAILY, Reason, Status
from market.history import change
from trades.models import Event
from trades.services import forget_terms, take_back_unsent
from trades.services.events import write_event


@dataclass(frozen=True)
class Act:
    """One thing to do. ``why_not``: why it would change nothing at a bot; empty when it would."""

    name: str
    label: str
    done: str  # with a place for their number
    says: str  # what it does, for those who are about to confirm it
    why_not: Callable[[BotConfig], str]
    do: Callable[[BotConfig, datetime], None]  # in the transaction that holds the bot's lock


class Seen(NamedTuple):
    """A bot as a person saw it; what is wanted of it is wanted of this one, and not of what became of it since."""

    bot_id: int
    revision: int
    desired_state: str
    entries_paused: bool

    @classmethod
    def of(cls, bot: BotConfig) -> "Seen":
        return cls(bot.pk, bot.revision, bot.desired_state, bot.entries_paused)


@dataclass(frozen=True)
class Acted:
    """What came of it: the bots that it was done to, and why not to the others, by name."""

    done: Sequence[int]
    left_out: Sequence[tuple[str, str]]


def _start(bot: BotConfig, now: datetime) -> None:
    change(bot, desired_state=Wish.RUN)
    BotState.objects.filter(pk=bot.pk).update(enabled_at=now, lockout="", lockout_text="")
    forget_terms(bot.position_id)
    note_status(bot.state, Status.PENDING, Reason.NONE, "started, waits for the next tick", now=now)
    write_event(Event.Kind.BOT_STARTED, bot.position, f"bot {bot.name} started", now=now)


def _stopping(wish: Wish) -> Callable[[BotConfig, datetime], None]:
    """An entry that is written down but not sent is taken back in the same transaction, so that stop means stop even
    for a worker that is just about to send it.
    """
    flatten = wish is Wish.FLATTEN

    def stop(bot: BotConfig, now: datetime) -> None:
        change(bot, desired_state=wish)
        take_back_unsent(bot.position_id, signal_exits=not flatten, now=now)
        drop_waiting(bot, now=now)
        text = "stopped, its position is to be closed" if flatten and bot.position.is_open else "stopped"
        note_status(bot.state, Status.STOPPED, Reason.NONE, text, now=now)
        write_event(Event.Kind.BOT_STOPPED, bot.position, f"bot {bot.name} {text}", now=now)

    return stop


def _pause(bot: BotConfig, now: datetime) -> None:
    """As with a stop, what is not sent yet is taken back. What it holds keeps its status: exits go on."""
    change(bot, entries_paused=True)
    take_back_unsent(bot.position_id, signal_exits=False, now=now)
    if bot.is_active and not bot.position.is_open:
        note_status(bot.state, Status.PAUSED, Reason.ENTRIES_PAUSED, ENTRIES_PAUSED_TEXT, now=now)
    write_event(Event.Kind.BOT_PAUSED, bot.position, f"bot {bot.name}: its entries are paused", now=now)


def _resume(bot: BotConfig, now: datetime) -> None:
    change(bot, entries_paused=False)
    if bot.state.reason == Reason.ENTRIES_PAUSED:
        note_status(bot.state, Status.PENDING, Reason.NONE, "entries resumed, waits for the next tick", now=now)
    write_event(Event.Kind.BOT_STARTED, bot.position, f"bot {bot.name}: its entries are resumed", now=now)


def _reset_day(bot: BotConfig, now: datetime) -> None:
    BotState.objects.filter(pk=bot.pk).update(day_from=now)
    if bot.state.reason in DAILY:
        note_status(bot.state, Status.PENDING, Reason.NONE, "its day was reset, waits for the next tick", now=now)
    write_event(Event.Kind.BOT_STARTED, bot.position, f"bot {bot.name}: its day counts from now on", now=now)


def _nothing(bot: BotConfig, now: datetime) -> None:
    """To run is for a worker: whoever acts sends it there."""


ACTS = {
    act.name: act
    for act in (
        Act(
            "start",
            "Start",
            "Bots started: {}.",
            "They trade from the next tick on. Limits that outlast a day (drawdown, losses in a row) count from now.",
            lambda bot: "runs already" if bot.is_active and not bot.state.lockout else "",
            _start,
        ),
        Act(
            "stop",
            "Stop, keep the position",
            "Bots stopped: {}; what they hold is kept.",
            "They enter nothing any more and keep what they hold. Stop loss and take profit go on, unless a bot is set"
            " to have no exits while it is stopped. Entries that are not sent yet are taken back.",
            lambda bot: "stopped already" if bot.desired_state == Wish.STOP else "",
            _stopping(Wish.STOP),
        ),
        Act(
            "flatten",
            "Stop and close the position",
            "Bots stopped: {}; what they hold is closed with the next tick.",
            "They close what they hold at the market price with the next tick, and stay stopped.",
            lambda bot: "to be closed already" if bot.desired_state == Wish.FLATTEN else "",
            _stopping(Wish.FLATTEN),
        ),
        Act(
            "run_now",
            "Run now",
            "Bots sent to the workers: {}.",
            "Each looks at its market once, now, besides the ticks, and does what it would do then.",
            lambda bot: "" if bot.is_active or bot.position.is_open else "stopped, and holds nothing",
            _nothing,
        ),
        Act(
            "pause",
            "Pause entries",
            "Bots whose entries are paused: {}; exits go on.",
            "They enter nothing and add nothing until their entries are resumed. What they hold stays protected and is"
            " left as ever. Entries that are not sent yet are taken back.",
            lambda bot: "paused already" if bot.entries_paused else "",
            _pause,
        ),
        Act(
            "resume",
            "Resume entries",
            "Bots whose entries are resumed: {}.",
            "They may enter again from the next tick on, if nothing else holds them back.",
            lambda bot: "" if bot.entries_paused else "not paused",
            _resume,
        ),
        Act(
            "reset_day",
            "Reset the day",
            "Bots whose day counts from now on: {}.",
            "Trades and P&L of today count from this moment on, until the next day begins: a bot that reached a limit"
            " of the day may enter again. Limits of accounts and users go on counting.",
            lambda bot: "",
            _reset_day,
        ),
    )
}


def act_on(act: Act, seen: Iterable[Seen], bots: BotQuerySet, *, now: datetime) -> Acted:
    """Do it to each that is still as it was seen, and among ``bots``: those that the caller may change."""
    seen = list(seen)
    names = dict(bots.filter(pk__in=[one.bot_id for one in seen]).values_list("pk", "name"))
    done, left_out = list[int](), list[tuple[str, str]]()
    for one in seen:
        why_not = _act(act, one.bot_id, one, now=now) if one.bot_id in names else "deleted meanwhile"
        if why_not:
            left_out.append((names.get(one.bot_id, f"bot {one.bot_id}"), why_not))
        else:
            done.append(one.bot_id)
    return Acted(done, left_out)


def start_bots(bots: BotQuerySet, *, now: datetime) -> int:
    """Let those among ``bots`` run that are stopped, or that a lasting limit holds back; return how many."""
    return _act_on_all(ACTS["start"], bots, now=now)


def stop_bots(bots: BotQuerySet, *, flatten: bool, now: datetime) -> int:
    """Stop ``bots``, keeping what they hold or selling it; return how many changed."""
    return _act_on_all(ACTS["flatten" if flatten else "stop"], bots, now=now)


def _act_on_all(act: Act, bots: BotQuerySet, *, now: datetime) -> int:
    return sum(not _act(act, bot_id, None, now=now) for bot_id in bots.values_list("pk", flat=True))


def _act(act: Act, bot_id: int, seen: Seen | None, *, now: datetime) -> str:
    """Do it to one bot; why not, if not."""
    try:
        with transaction.atomic():
            bot = locked_for_act(bot_id)
            why_not = "changed meanwhile" if seen and Seen.of(bot) != seen else act.why_not(bot)
            if not why_not:
                act.do(bot, now)
    except BotState.DoesNotExist:
        return "deleted meanwhile"
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return "busy"  # somebody holds its lock for longer than anybody should
    return why_not


def locked_for_act(bot_id: int) -> BotConfig:
    """The bot, with its state row locked: a run that is under way ends first (milliseconds)."""
    state = BotState.objects.select_for_update(no_key=True).get(pk=bot_id)
    return bot_of(state)

"""What a person does with bots, one or many: start, stop, pause and resume entries, reset the day."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bots.decide import ENTRIES_PAUSED_TEXT
from bots.models import BotConfig, BotState
from bots.services.external import drop_waiting
from bots.services.notes import note_status
from bots.situation import Wish
from bots.types import DAILY, Reason, Status
from market.history import change_locked, tell
from market.types import Market
from trades.models import Event
from trades.services import forget_terms, take_back_unsent
from trades.services.events import write_event


@dataclass(frozen=True)
class Operation:
    """One thing to do. ``why_not``: why it would change nothing at a bot; empty when it would."""

    name: str
    label: str
    done: str  # with a place for their number
    says: str  # what it does, for those who are about to confirm it
    why_not: Callable[[BotConfig], str]
    do: Callable[[BotConfig, datetime], None]  # in the transaction that holds the bot's lock


def _start(bot: BotConfig, now: datetime) -> None:
    change_locked(bot, desired_state=Wish.RUN)
    if bot.state.lockout:
        tell(bot, "lockout", bot.state.lockout, "")
    if bot.market == Market.FUTURES:
        forget_terms(bot.position_id)
    text, free = "started, waits for the next tick", {"lockout": "", "lockout_text": ""}
    note_status(bot.state, Status.PENDING, Reason.NONE, text, now=now, enabled_at=now, **free)
    write_event(Event.Kind.BOT_STARTED, bot.position, f"bot {bot.name} started", now=now)


def _stopping(wish: Wish) -> Callable[[BotConfig, datetime], None]:
    """An entry that is written down but not sent is taken back in the same transaction, so that stop means stop even
    for a worker that is just about to send it.
    """
    flatten = wish is Wish.FLATTEN

    def stop(bot: BotConfig, now: datetime) -> None:
        change_locked(bot, desired_state=wish)
        take_back_unsent(bot.position_id, signal_exits=not flatten, now=now)
        drop_waiting(bot, now=now)
        text = "stopped, its position is to be closed" if flatten and bot.position.is_open else "stopped"
        note_status(bot.state, Status.STOPPED, Reason.NONE, text, now=now)
        write_event(Event.Kind.BOT_STOPPED, bot.position, f"bot {bot.name} {text}", now=now)

    return stop


def _pause(bot: BotConfig, now: datetime) -> None:
    """As with a stop, what is not sent yet is taken back. What it holds keeps its status: exits go on."""
    change_locked(bot, entries_paused=True)
    take_back_unsent(bot.position_id, signal_exits=False, now=now)
    if bot.is_active and not bot.position.is_open:
        note_status(bot.state, Status.PAUSED, Reason.ENTRIES_PAUSED, ENTRIES_PAUSED_TEXT, now=now)
    write_event(Event.Kind.BOT_PAUSED, bot.position, f"bot {bot.name}: its entries are paused", now=now)


def _resume(bot: BotConfig, now: datetime) -> None:
    change_locked(bot, entries_paused=False)
    if bot.state.reason == Reason.ENTRIES_PAUSED:
        note_status(bot.state, Status.PENDING, Reason.NONE, "entries resumed, waits for the next tick", now=now)
    write_event(Event.Kind.ENTRIES_RESUMED, bot.position, f"bot {bot.name}: its entries are resumed", now=now)


def _reset_day(bot: BotConfig, now: datetime) -> None:
    BotState.objects.filter(pk=bot.pk).update(day_from=now)
    tell(bot, "day", "", "reset")
    if bot.state.reason in DAILY:
        note_status(bot.state, Status.PENDING, Reason.NONE, "its day was reset, waits for the next tick", now=now)
    write_event(Event.Kind.DAY_RESET, bot.position, f"bot {bot.name}: its day counts from now on", now=now)


def _ask_for_run(bot: BotConfig, now: datetime) -> None:
    """To run is for a worker: whoever acts sends it there."""
    tell(bot, "run", "", "asked for")


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation(
            "start",
            "Start",
            "Bots started: {}.",
            "They trade from the next tick on. Limits that outlast a day (drawdown, losses in a row) count from now.",
            lambda bot: "runs already" if bot.is_active and not bot.state.lockout else "",
            _start,
        ),
        Operation(
            "stop",
            "Stop, keep the position",
            "Bots stopped: {}; what they hold is kept.",
            "They enter nothing any more and keep what they hold. Stop loss and take profit go on, unless a bot is set"
            " to have no exits while it is stopped. Entries that are not sent yet are taken back.",
            lambda bot: "stopped already" if bot.desired_state == Wish.STOP else "",
            _stopping(Wish.STOP),
        ),
        Operation(
            "flatten",
            "Stop and close the position",
            "Bots stopped: {}; what they hold is closed with the next tick.",
            "They close what they hold at the market price with the next tick, and stay stopped.",
            lambda bot: "to be closed already" if bot.desired_state == Wish.FLATTEN else "",
            _stopping(Wish.FLATTEN),
        ),
        Operation(
            "run_now",
            "Run now",
            "Bots sent to the workers: {}.",
            "Each looks at its market once, now, besides the ticks, and does what it would do then.",
            lambda bot: "" if bot.is_active or bot.position.is_open else "stopped, and holds nothing",
            _ask_for_run,
        ),
        Operation(
            "pause",
            "Pause entries",
            "Bots whose entries are paused: {}; exits go on.",
            "They enter nothing and add nothing until their entries are resumed. What they hold stays protected and is"
            " left as ever. Entries that are not sent yet are taken back.",
            lambda bot: "paused already" if bot.entries_paused else "",
            _pause,
        ),
        Operation(
            "resume",
            "Resume entries",
            "Bots whose entries are resumed: {}.",
            "They may enter again from the next tick on, if nothing else holds them back.",
            lambda bot: "" if bot.entries_paused else "not paused",
            _resume,
        ),
        Operation(
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

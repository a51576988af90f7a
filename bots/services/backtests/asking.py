"""Asking for backtests, and ending them: what is wrong is said before anything is written down."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from bots.models import Backtest, BotConfig
from bots.services.backtests.history import Span
from bots.services.backtests.subjects import COPIED, as_json, copied, subject_of, subject_with
from bots.services.owners import NotYourBot
from bots.services.owners import require_own as require_own_bot
from bots.services.steering import validate_new
from bots.strategies import STRATEGIES
from market.access import sees_all
from market.services import one_at_a_time
from market.types import INTERVALS

MOST_UNFINISHED = 3  # of one user
MOST_KEPT = 100  # of one user
MOST_CANDLES = 600_000  # of one backtest: more than a year of minutes
EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)  # no exchange is as old
PLACE = ("environment", "market", "symbol")
OWN = ("name", "begin_at", "end_at", "fee_percent", "slippage_percent", "funding_percent")


class TooManyBacktests(Exception):
    """So many of this user wait, or are kept, that there is no room for one more."""


class HasEnded(Exception):
    """There is nothing left to cancel."""


class NotYourBacktest(NotYourBot):
    """It belongs to somebody else."""


def ask_for_backtest(
    owner: User, values: Mapping[str, Any], *, bot: BotConfig | None = None, by: User | None, now: datetime
) -> Backtest:
    """Write down a backtest; somebody has to run it then (`run_backtest`).

    ``values``: the place (PLACE), what is a backtest's own (OWN), and settings of a bot; what is left out is that of
    ``bot``, if there is one. Raises ValidationError, TooManyBacktests, NotYourBot.
    """
    if bot is not None:
        require_own_bot(bot, by)
    backtest = Backtest(owner=owner, bot=bot, asked_at=now, seen_at=now)
    for name, value in (_place_of(bot) | {name: values[name] for name in (*PLACE, *OWN) if name in values}).items():
        setattr(backtest, name, value)
    given = {name: values[name] for name in COPIED if name in values}
    return _write(backtest, subject_with(backtest, (copied(bot) if bot else {}) | given), by=by, now=now)


def ask_again(backtest: Backtest, *, by: User | None, now: datetime) -> Backtest:
    """Ask for the same once more, in a row of its own. Raises as `ask_for_backtest`."""
    again = Backtest(owner=backtest.owner, bot=backtest.bot, asked_at=now, seen_at=now)
    for name in (*PLACE, *OWN):
        setattr(again, name, getattr(backtest, name))
    return _write(again, subject_of(backtest), by=by, now=now)


def cancel_backtest(backtest: Backtest, *, by: User | None, now: datetime) -> None:
    """End it without a result; a worker that is at it notices within seconds. Raises HasEnded, NotYourBacktest."""
    _require_own(backtest, by)
    mine = Backtest.objects.unfinished().filter(pk=backtest.pk)
    if not mine.update(status=Backtest.Status.CANCELED, ended_at=now):
        raise HasEnded(f"{backtest}: it has ended already")
    backtest.status, backtest.ended_at = Backtest.Status.CANCELED, now


def delete_backtest(backtest: Backtest, *, by: User | None) -> None:
    """Delete it with all that came of it; whoever is at work on it notices. Raises NotYourBacktest."""
    _require_own(backtest, by)
    backtest.delete()


def _require_own(backtest: Backtest, by: User | None) -> None:
    if by is not None and backtest.owner_id != by.pk and not sees_all(by):
        raise NotYourBacktest(f"backtest {backtest.pk} belongs to somebody else")


def _place_of(bot: BotConfig | None) -> dict[str, Any]:
    if bot is None:
        return {}
    return {"environment": bot.account.environment, "market": bot.market, "symbol": bot.symbol, "name": bot.name}


def _write(backtest: Backtest, subject: BotConfig, *, by: User | None, now: datetime) -> Backtest:
    _require_own(backtest, by)
    _validate(backtest, subject, now=now)
    with transaction.atomic():
        one_at_a_time(backtest.owner)
        _require_room(backtest.owner)
        backtest.save(force_insert=True)
    return backtest


def _require_room(owner: User) -> None:
    rows = Backtest.objects.owned_by(owner)
    if rows.unfinished().count() >= MOST_UNFINISHED:
        raise TooManyBacktests(f"{MOST_UNFINISHED} backtests of {owner} wait or run, the most that may; cancel one")
    if rows.count() >= MOST_KEPT:
        raise TooManyBacktests(f"{MOST_KEPT} backtests of {owner} are kept, the most that may; delete some")


def _validate(backtest: Backtest, subject: BotConfig, *, now: datetime) -> None:
    """Raise ValidationError with all that is wrong; take over from the subject what lists show."""
    subject.name = backtest.name = backtest.name or f"{subject.strategy} {backtest.symbol} {subject.interval}"[:60]
    backtest.interval, backtest.strategy, backtest.chosen = subject.interval, subject.strategy, as_json(subject)
    found: dict[str, list[str]] = {}
    for faults in (_faults_of_place(backtest), _faults_of(subject), _faults_of_row(backtest), _period(backtest, now)):
        found = faults | found
    if found:
        raise ValidationError(found)


def _faults_of(subject: BotConfig) -> dict[str, list[str]]:
    if not subject.account.environment or not subject.market:
        return {}  # which rules count is not known
    try:
        validate_new(subject)
    except ValidationError as error:
        return error.message_dict
    if STRATEGIES[subject.strategy].listens:
        return {"strategy": [f"strategy: {subject.strategy!r} takes its signals from outside; candles say nothing."]}
    return {}


def _faults_of_place(backtest: Backtest) -> dict[str, list[str]]:
    if backtest.environment in settings.ENVIRONMENTS or not backtest.environment:
        return {}
    here = ", ".join(settings.ENVIRONMENTS)
    return {"environment": [f"environment: {backtest.environment!r} is not there on this platform; {here} is."]}


def _faults_of_row(backtest: Backtest) -> dict[str, list[str]]:
    known = ["owner", "bot", "interval", "strategy", "chosen"]
    try:
        backtest.full_clean(exclude=known, validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        return error.message_dict
    return {}


def _period(backtest: Backtest, now: datetime) -> dict[str, list[str]]:
    """What is wrong with begin and end, which name each other."""
    begin, end = backtest.begin_at, backtest.end_at
    if begin is None or end is None or backtest.interval not in INTERVALS:
        return {}  # said elsewhere
    if end > now:
        return {"end_at": [f"end_at: {_told(end)} is after now, {_told(now)}."]}
    if begin < EARLIEST:
        return {"begin_at": [f"begin_at: {_told(begin)} is before {_told(EARLIEST)}."]}
    if begin >= end:
        return {"begin_at": [f"begin_at: {_told(begin)} must be before end_at, {_told(end)}."]}
    return _faults_of_length(len(Span.of(backtest.series, begin, end, warm_up=0)), backtest)


def _faults_of_length(candles: int, backtest: Backtest) -> dict[str, list[str]]:
    if candles < 1:
        return {"end_at": [f"end_at: {_told(backtest.end_at)} leaves no whole candle of {backtest.interval}."]}
    if candles > MOST_CANDLES:
        text = f"{candles:,} candles of {backtest.interval} until end_at, at most {MOST_CANDLES:,} are tested."
        return {"begin_at": [f"begin_at: from {_told(backtest.begin_at)} on there are {text}"]}
    return {}


def _told(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

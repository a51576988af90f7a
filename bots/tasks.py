"""Bot tasks: thin faces of the services. The queues are in settings.CELERY_TASK_ROUTES."""

import logging
import random
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from bots import services
from bots.metrics import BUSY, DELETED, RUNS
from bots.models import BotConfig, BotState
from bots.parts import Part
from bots.services import backtests
from bots.services.evaluation import EXPIRES
from bots.services.indicators import indicators
from bots.services.resume import DONE_AFTER
from bots.services.wanted import wanted_series
from market.budget import Priority, spending_as
from market.feed.refreshing import refresh_all
from market.history import drop_old_changes
from market.locks import advisory_lock
from market.logs.context import bound
from market.types import Series

EXPIRES_SECONDS = EXPIRES.total_seconds()
PROTECTION_EXPIRES_SECONDS = 15
MARKET_DATA_LOCK = 7_251_010  # any number that nothing else locks
PATIENCE_WITH_ENTRIES = timedelta(seconds=2)
logger = logging.getLogger(__name__)


@shared_task
def run_all_active_bots() -> None:
    """Claim this minute and send one task for each packet of series (features T1)."""
    _evaluate(*services.run_all_active_bots(now=timezone.now()))
    _send_waiting(lost_only=False)


@shared_task
def resume_minute() -> None:
    """Send again what of this minute died with a worker, or was forgotten by Redis."""
    missing = services.resume_minute(now=timezone.now())
    if missing:
        _evaluate(missing.tick_id, missing.packets)
        _send(missing.bots)
    _send_waiting(lost_only=True)
    send_backtests(backtests.lost_backtests(now=timezone.now()))


def _send_waiting(*, lost_only: bool) -> None:
    """Let those bots run that have not acted on a signal from outside yet."""
    leaving, entering = services.waiting_bots(now=timezone.now(), lost_only=lost_only)
    _send(leaving, is_exit=True)
    _send(entering)


def _evaluate(tick_id: int, packets: Sequence[list[Part]]) -> None:
    for packet in packets:
        parts = [part.as_json() for part in packet]
        evaluate_series.apply_async(args=(tick_id, parts), expires=EXPIRES_SECONDS)


@shared_task
@spending_as(Priority.PROTECTION)  # here the stops are found that have been reached; the rest is for leaving
def evaluate_series(tick_id: int, parts: list[dict[str, Any]]) -> None:
    """Decide for the bots of some series; those with something to do get a task of their own, exits first.

    Entries wait for the exits of later series, but not for an exchange that is slow to tell about them.
    """
    begun, entries = timezone.now(), list[int]()
    for evaluated in services.evaluate(map(Part.from_json, parts), tick_id=tick_id, clock=timezone.now):
        _send(evaluated.exits, is_exit=True)
        entries += evaluated.entries
        if timezone.now() - begun > PATIENCE_WITH_ENTRIES:
            _send(_by_chance(entries))
            entries = []
    _send(_by_chance(entries))


def _by_chance(entries: list[int]) -> list[int]:
    """No bot always enters before the others, and those of one account or symbol are spread over all of them."""
    return random.sample(entries, len(entries))


def _send(bot_ids: Sequence[int], *, is_exit: bool = False) -> None:
    for bot_id in bot_ids:
        run_bot.apply_async(args=(bot_id, is_exit), expires=EXPIRES_SECONDS)


def send_runs(bot_ids: Iterable[int], *, is_exit: bool = False) -> list[int]:
    """Have workers run the bots that somebody asks for; those that were sent, which are not all when the broker is
    away, or full. Whoever is left out is looked at by the next tick.
    """
    sent = []
    try:
        for bot_id in bot_ids:
            _send([bot_id], is_exit=is_exit)
            sent.append(bot_id)
    except (OperationalError, RedisError) as error:
        logger.warning("%s bots sent: the broker does not answer: %s", len(sent), error)
    return sent


@shared_task
def run_bot(bot_id: int, is_exit: bool = False) -> str:
    """Run one bot. A busy one is skipped at once (features T2). One that is to leave also looks with priority."""
    with spending_as(Priority.EXITS if is_exit else Priority.ENTRIES):
        return _skipping(services.run_bot, bot_id)


def _skipping(work: Callable[..., services.Outcome], bot_id: int) -> str:
    try:
        with bound(bot=bot_id):
            outcome = work(bot_id, now=timezone.now())
            logger.debug("%s: %s", outcome.decision.status, outcome.decision.text)
    except services.BotBusy:
        RUNS.inc(outcome=BUSY)
        return "skipped (locked)"
    except (BotConfig.DoesNotExist, BotState.DoesNotExist):
        RUNS.inc(outcome=DELETED)
        return "skipped (deleted)"
    RUNS.inc(outcome=outcome.decision.status)
    return f"{outcome.decision.status}: {outcome.decision.text}"


@shared_task
def protect_positions() -> None:
    """Send a task for each bot whose stop is missing at the exchange, or has outlived its position."""
    services.tell_of_naked_positions(now=timezone.now())
    for bot_id in services.bots_to_protect().values_list("pk", flat=True):
        protect_bot.apply_async(args=(bot_id,), expires=PROTECTION_EXPIRES_SECONDS)


@shared_task
def protect_bot(bot_id: int) -> str:
    """See to it that one bot's stop and targets rest at the exchange."""
    with spending_as(Priority.PROTECTION):
        return _skipping(services.protect_bot, bot_id)


@shared_task
def keep_decisions() -> list[str]:
    """Drop decisions of weeks that are too old, and make room for those to come; drop old rows of other kinds, too."""
    dropped = services.keep_decisions(now=timezone.now())  # first: bots that trade write there
    services.drop_old_signals(now=timezone.now())
    services.drop_old_ticks(now=timezone.now())
    drop_old_changes(now=timezone.now())
    backtests.drop_old_backtests(now=timezone.now())
    return dropped


@shared_task
def reactivate_bots_after_reset() -> None:
    """A nudge at midnight: every run computes its bot's day itself, so a missed one loses nothing (features T12).

    It looks whether the day's first minute was begun: to begin it as well would look like a second beat.
    """
    resume_minute.apply_async(countdown=DONE_AFTER.total_seconds())


@shared_task(soft_time_limit=settings.BACKTEST_SECONDS, time_limit=settings.BACKTEST_SECONDS + 30)
@spending_as(Priority.BACKTESTS)
def run_backtest(backtest_id: int) -> str:
    """Run one backtest, unless somebody has it already."""
    return backtests.run_backtest(backtest_id, clock=timezone.now)


def send_backtests(backtest_ids: Iterable[int]) -> None:
    """Have workers run them. What they do not begin in time, or never hear of, `resume_minute` sends again."""
    try:
        for backtest_id in backtest_ids:
            run_backtest.apply_async(args=(backtest_id,), expires=backtests.LOST_AFTER.total_seconds())
    except (OperationalError, RedisError) as error:
        logger.warning("backtests wait: the broker does not answer: %s", error)


@shared_task
@spending_as(Priority.WARM_UP)
def update_market_data() -> None:
    """Bring prices and candles of the active bots up to date where no tick and no stream has done so (features M5)."""
    with advisory_lock(MARKET_DATA_LOCK) as ours:
        if ours:
            refresh_all(wanted_series(), clock=timezone.now)


@shared_task(ignore_result=False)
@spending_as(Priority.LOOKS)
def calculate_indicators(
    environment: str,
    market: str,
    symbol: str,
    interval: str,
    strategy: str,
    parameters: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What a strategy reads of a series at its last closed candle, as a tick would; the result of the task."""
    series = Series(environment, market, symbol, interval)
    return indicators(series, strategy, parameters or {}, now=timezone.now()).told()

"""One backtest from the queue to its result: candles, trial, figures. Nothing is locked while it works."""

import logging
from datetime import datetime
from decimal import Decimal

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings

from bots.backtest import BadCandles, Bounds, NotTestable, Trial, run_trial
from bots.models import Backtest, BotConfig
from bots.recipe import Recipe
from bots.services.backtests.history import HistoryMissing, Span, candles_of
from bots.services.backtests.holding import Hold, Stopped, claim
from bots.services.backtests.results import Result, TooMuch
from bots.services.backtests.series import Curve
from bots.services.backtests.subjects import subject_of
from bots.strategies.guard import BadReading
from market.exchange.errors import BadRequest, ExchangeError, NotConfigured
from market.symbols import UnknownSymbol, rules_for
from market.types import Clock, moment_of

logger = logging.getLogger(__name__)
FETCHING = 0.5  # of the way, as people are told
# The same again will not help.
HOPELESS = (BadRequest, NotConfigured, HistoryMissing, UnknownSymbol, BadCandles, BadReading, NotTestable, TooMuch)


def run_backtest(backtest_id: int, *, clock: Clock) -> str:
    """Claim it, run it, write down what came of it; say how that ended. What is a bug ends it, and is raised."""
    hold = claim(backtest_id, clock=clock)
    if hold is None:
        return "skipped"
    try:
        result = _tested(hold, now=clock())
        hold.finish(result.parts(hold.backtest), **result.columns())
    except Stopped as stopped:
        return str(stopped)
    except HOPELESS as error:
        hold.fail(str(error))
    except ExchangeError as error:
        hold.give_back(f"the exchange does not answer: {error}")
    except SoftTimeLimitExceeded:
        hold.fail(f"it took longer than {settings.BACKTEST_SECONDS} s: test fewer days, or a longer interval")
    except Exception as error:
        hold.fail(f"internal error: {type(error).__name__}")
        raise
    return "done"


def _tested(hold: Hold, *, now: datetime) -> Result:
    backtest, subject = hold.backtest, subject_of(hold.backtest)
    trial = trial_of(backtest, subject, now=now)
    if faults := trial.recipe.faults:
        raise NotTestable(faults)  # the strategy is another one than when it was asked for
    warm_up = trial.recipe.candles_needed
    span = Span.of(backtest.series, backtest.begin_at, backtest.end_at, warm_up=warm_up)
    candles = candles_of(span, beat=lambda share: hold.beat(FETCHING * share))
    outcome = run_trial(
        trial,
        candles,
        begin_ms=span.begin_ms,
        beat=lambda share: hold.beat(FETCHING + (1 - FETCHING) * share),
    )
    curve = Curve(
        outcome.equity_ms,
        outcome.equity,
        capital=float(subject.initial_capital),
        begin=moment_of(span.begin_ms),
        end=moment_of(span.end_ms),
        time_zone=trial.time_zone,
    )
    result = Result(outcome, curve)
    result.require_bounded()
    return result


def trial_of(backtest: Backtest, subject: BotConfig, *, now: datetime) -> Trial:
    """What the engine is asked. Raises UnknownSymbol, ExchangeError."""
    return Trial(
        series=backtest.series,
        recipe=Recipe(subject.strategy, subject.parameters),
        setup=subject.setup,
        rules=rules_for(*backtest.series.exchange, backtest.symbol, now=now),
        time_zone=subject.time_zone,
        fee_percent=backtest.fee_percent,
        slippage_percent=backtest.slippage_percent,
        funding_percent=backtest.funding_percent,
        bounds=Bounds(
            max_notional=Decimal(settings.MAX_ORDER_NOTIONAL),
            max_leverage=settings.MAX_LEVERAGE,
            orders_per_minute=settings.MAX_BOT_ORDERS_PER_MINUTE,
            entries_per_hour=settings.MAX_BOT_ENTRIES_PER_HOUR,
        ),
    )

"""Looking before deciding: the market for a whole series."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from celery.exceptions import SoftTimeLimitExceeded

from bots.models import BotConfig
from bots.recipe import Recipe
from bots.services.trouble import StrategyFailed, decision_about, readable
from bots.situation import MarketView
from bots.strategies import Reading, Signal
from bots.strategies.guard import BadReading, guarded_reading
from market.candles import StaleData, Unbroken, closed_candles, known_candles, unbroken
from market.clock import clock_trouble
from market.exchange.errors import ExchangeError, ExchangeUnavailable
from market.prices import last_prices
from market.rules import Rules
from market.symbols import known_rules, rules_for
from market.types import Candles, Price, Series, Side, moment_of

logger = logging.getLogger(__name__)


@dataclass
class SeriesView:
    """One series at one moment, and the readings of it that have been asked for so far."""

    series: Series
    candles: Candles | Exception  # or what was in the way of reading them
    price: Decimal
    rules: Rules
    candle_close_at: datetime
    price_at: datetime  # when the exchange said so
    clock_trouble: str  # why our notion of time may not be trusted with an entry
    _views: dict[str, MarketView] = field(default_factory=dict)

    def for_bot(self, bot: BotConfig) -> MarketView:
        """The market as one bot sees it; without a signal, but with the reason, when its strategy can't be read."""
        return self.read(Recipe(bot.strategy, bot.parameters))

    def read(self, recipe: Recipe, *, refusal: Exception | None = None) -> MarketView:
        """The market as all bots of this recipe see it.

        ``refusal``: why the strategy is not to be asked, now or later, unless it was already.
        """
        try:
            key = recipe.key
        except (TypeError, ValueError) as error:  # no JSON object
            return self._without(StrategyFailed(f"{recipe.strategy}: its parameters can't be read: {error}"))
        if key not in self._views:
            self._views[key] = self._without(refusal) if refusal else self._view(recipe)
        return self._views[key]

    def _view(self, recipe: Recipe) -> MarketView:
        try:
            reading = self._read(recipe)
        except (StrategyFailed, StaleData, ExchangeError) as error:
            return self._without(error)
        return MarketView(
            reading.last,
            self.candle_close_at,
            readable(reading.text),
            self.price,
            self.rules,
            left_long_at=self._left_at(reading, Side.BUY),
            left_short_at=self._left_at(reading, Side.SELL),
            indicators=finite(reading.indicators),
        )

    def _without(self, error: Exception) -> MarketView:
        """Price and rules without a signal, and why."""
        trouble = decision_about(error)
        nothing = Signal.NOTHING
        return MarketView(nothing, self.candle_close_at, trouble.text, self.price, self.rules, trouble=trouble.reason)

    def _left_at(self, reading: Reading, side: Side) -> datetime | None:
        """The close of the newest candle whose signal was to leave a position of this side."""
        left = reading.last_leaving(side)
        if left is None or not isinstance(self.candles, Candles):
            return None
        return moment_of(int(self.candles.open_time_ms[left])) + self.series.duration

    def _read(self, recipe: Recipe) -> Reading:
        try:
            if recipe.known is None or recipe.faults:
                raise StrategyFailed(recipe.faults)
            if isinstance(self.candles, Exception):
                raise self.candles
            self._unbroken.require(recipe.candles_needed)
            return guarded_reading(recipe.known, self.candles, recipe.parameters)
        except (StrategyFailed, StaleData, ExchangeError, SoftTimeLimitExceeded):
            raise
        except BadReading as error:
            logger.error("%s on %s", error, self.series)
            raise StrategyFailed(str(error)) from error
        except Exception as error:  # a strategy is foreign code: whatever it raises stops its own bots only
            logger.exception("strategy %s failed on %s", recipe.strategy, self.series)
            raise StrategyFailed(f"{recipe.strategy}: {type(error).__name__}: {error}") from error

    @cached_property
    def _unbroken(self) -> Unbroken:
        assert isinstance(self.candles, Candles)
        return unbroken(self.candles, interval=self.series.duration)

    @property
    def texts(self) -> dict[str, str]:
        """Strategy and parameters → the sentence about the last candle, for all that could be read."""
        return {key: view.text for key, view in self._views.items() if not view.trouble}


def finite(indicators: Mapping[str, float]) -> dict[str, float]:
    """Those that have a value: JSON knows no other numbers."""
    return {name: float(value) for name, value in indicators.items() if math.isfinite(value)}


@dataclass
class ExchangeView:
    """What is the same for all series of one exchange: read at ``now``, when somebody first looks for it."""

    environment: str
    market: str
    now: datetime
    series: Sequence[Series]  # those that may be looked at

    @cached_property
    def _rules(self) -> Mapping[str, Rules]:
        return known_rules(self.environment, self.market, {series.symbol for series in self.series})

    @cached_property
    def _candles(self) -> Mapping[Series, Candles]:
        return known_candles(self.series, now=self.now)

    def rules(self, symbol: str, *, now: datetime) -> Rules:
        """The rules of one symbol. Raises UnknownSymbol or ExchangeError."""
        return self._rules.get(symbol) or rules_for(self.environment, self.market, symbol, now=now)

    def candles(self, series: Series, *, now: datetime) -> Candles:
        """The closed candles of one series. Raises StaleData or ExchangeError."""
        known = self._candles.get(series)
        if known is not None and known.close_at(series.duration) == series.last_close_at(now):
            return known
        return closed_candles(series, now=now)

    @cached_property
    def prices(self) -> Mapping[str, Price]:
        """The last price of each symbol. Raises ExchangeError."""
        return last_prices(self.environment, self.market, now=self.now)

    @cached_property
    def clock_trouble(self) -> str:
        """Why our notion of time may not be trusted with an entry; empty when it may."""
        return clock_trouble(self.environment, self.market, now=self.now)


def look_at_series(series: Series, *, now: datetime, exchange: ExchangeView | None = None) -> SeriesView:
    """The price, the rules and the newest closed candles. Raises UnknownSymbol or ExchangeError without the first two.

    Candles that can't be had keep bots from entering, not from leaving at a stop. May talk to the exchange, so it is
    never called while a row is locked. ``exchange``: what another series of it has been looked at with just now.
    """
    exchange = exchange or ExchangeView(*series.exchange, now, [series])
    rules, prices = exchange.rules(series.symbol, now=now), exchange.prices
    if series.symbol not in prices:
        raise ExchangeUnavailable(f"the exchange has no price of {series.symbol}")
    candles: Candles | Exception
    try:
        candles = exchange.candles(series, now=now)
    except (StaleData, ExchangeError) as error:
        candles = error
    price = prices[series.symbol]
    return SeriesView(series, candles, price.value, rules, series.last_close_at(now), price.at, exchange.clock_trouble)

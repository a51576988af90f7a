"""Looking before deciding: the market for a whole series, and where bots stand, read in bulk."""

import json
import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property, partial
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import F, Q, QuerySet

from bots.decide import MarketView, Standing
from bots.limits import Day, Record, day_start, known_zone, record_of
from bots.models import BotConfig
from bots.protection import Resting
from bots.services.trouble import StrategyFailed, decision_about, readable
from bots.strategies import STRATEGIES, Reading, Signal
from bots.strategies.guard import BadReading, guarded_reading
from bots.types import Reason
from market.candles import StaleData, closed_candles, require_unbroken
from market.clock import clock_trouble
from market.exchange.errors import ExchangeError, ExchangeUnavailable
from market.models import Switch
from market.prices import last_prices
from market.ready import Asked, Ready, ask, one_round_trip
from market.rules import Rules
from market.switches import SwitchState
from market.symbols import rules_for
from market.types import Candles, Market, OrderType, Price, Series, Side, moment_of
from trades.lifecycle import IN_DOUBT, LIVE
from trades.models import Order, Position, Trade

logger = logging.getLogger(__name__)
# Positions opened and P&L booked; on futures funding is part of it. For every run of a bot, so it is spelt out.
DAYS_SQL = """
    SELECT position_id, sum(opened)::integer, sum(earned)
      FROM (SELECT position_id, (purpose = 'entry')::integer AS opened, realized_pnl AS earned
              FROM trades_trade WHERE position_id = ANY(%(positions)s) AND created_at >= %(start)s
             UNION ALL
            SELECT position_id, 0, amount
              FROM trades_funding WHERE position_id = ANY(%(positions)s) AND paid_at >= %(start)s) AS booked
     GROUP BY position_id
"""


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
    _unbroken: int = 0  # so many of the newest candles were looked through

    def for_bot(self, bot: BotConfig) -> MarketView:
        """The market as one bot sees it; without a signal, but with the reason, when its strategy can't be read."""
        return self.read(bot.strategy, bot.parameters)

    def read(self, strategy: str, given: Mapping[str, Any], *, refusal: Exception | None = None) -> MarketView:
        """The market as all bots see it that have this strategy and give it these parameters.

        ``refusal``: why the strategy is not to be asked, now or later, unless it was already.
        """
        known = STRATEGIES.get(strategy)
        try:
            parameters = known.complete(given) if known else given
            key = reading_key(strategy, parameters)
        except (TypeError, ValueError) as error:  # no JSON object
            return self._without(StrategyFailed(f"{strategy}: its parameters can't be read: {error}"))
        if key not in self._views:
            self._views[key] = self._without(refusal) if refusal else self._view(strategy, parameters)
        return self._views[key]

    def _view(self, strategy: str, parameters: Mapping[str, Any]) -> MarketView:
        try:
            reading = self._read(strategy, parameters)
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

    def _read(self, strategy_name: str, parameters: Mapping[str, Any]) -> Reading:
        strategy = STRATEGIES.get(strategy_name)
        if strategy is None:
            raise StrategyFailed(f"strategy {strategy_name!r} is unknown")
        try:
            if faults := strategy.faults(parameters):
                raise StrategyFailed(" ".join(faults))
            if isinstance(self.candles, Exception):
                raise self.candles
            self._require_unbroken(self.candles, strategy.candles_needed(parameters))
            return guarded_reading(strategy, self.candles, parameters)
        except (StrategyFailed, StaleData, ExchangeError, SoftTimeLimitExceeded):
            raise
        except BadReading as error:
            logger.error("%s on %s", error, self.series)
            raise StrategyFailed(str(error)) from error
        except Exception as error:  # a strategy is foreign code: whatever it raises stops its own bots only
            logger.exception("strategy %s failed on %s", strategy_name, self.series)
            raise StrategyFailed(f"{strategy_name}: {type(error).__name__}: {error}") from error

    def _require_unbroken(self, candles: Candles, needed: int) -> None:
        if needed > self._unbroken:
            require_unbroken(candles, needed=needed, interval=self.series.duration)
            self._unbroken = needed

    @property
    def texts(self) -> dict[str, str]:
        """Strategy and parameters → the sentence about the last candle, for all that could be read."""
        return {key: view.text for key, view in self._views.items() if not view.trouble}


def finite(indicators: Mapping[str, float]) -> dict[str, float]:
    """Those that have a value: JSON knows no other numbers."""
    return {name: float(value) for name, value in indicators.items() if math.isfinite(value)}


def reading_key(strategy: str, parameters: Mapping[str, Any]) -> str:
    """One name for a strategy with its complete parameters."""
    return f"{strategy} {json.dumps(parameters, sort_keys=True)}"


BOT = Ready(lambda bot_id: BotConfig.objects.with_state().filter(pk=bot_id), int)


def bot_now(bot_id: int) -> BotConfig:
    """A bot with state, position, terms and account, as of now. Raises DoesNotExist."""
    return BOT.get(bot_id)


@dataclass
class ExchangeView:
    """What is the same for all series of one exchange: read at ``now``, when somebody first looks for it."""

    environment: str
    market: str
    now: datetime

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
    exchange = exchange or ExchangeView(series.environment, series.market, now)
    rules, prices = rules_for(series.environment, series.market, series.symbol, now=now), exchange.prices
    if series.symbol not in prices:
        raise ExchangeUnavailable(f"the exchange has no price of {series.symbol}")
    candles: Candles | Exception
    try:
        candles = closed_candles(series, now=now)
    except (StaleData, ExchangeError) as error:
        candles = error
    price = prices[series.symbol]
    return SeriesView(series, candles, price.value, rules, series.last_close_at(now), price.at, exchange.clock_trouble)


def standings(
    bots: Iterable[BotConfig], *, now: datetime, with_day: bool = True, with_switches: bool = True
) -> dict[int, Standing]:
    """Where each of the bots stands, by bot id. The bots come with state, position and account.

    ``with_day``: what it has done today, too, which only entries depend on. Without ``with_switches`` only the
    account's own switch counts.
    """
    bots = list(bots)
    accounts = {bot.account_id: bot.account for bot in bots}
    holds = {number: account.own_hold for number, account in accounts.items()}
    with one_round_trip():
        asked_orders = _ask_orders([bot.position_id for bot in bots])
        asked_days = _ask_days(_zones(bots), now=now) if with_day else []
        asked_holds = Switch.objects.ask_holds(accounts.values()) if with_switches else None
    orders_of = _by_position(asked_orders())
    days = {position_id: day for asked in asked_days for position_id, day in asked().items()}
    holds |= asked_holds() if asked_holds else {}
    return {
        bot.pk: Standing(
            quantity=bot.position.quantity,
            entry_price=bot.position.entry_price,
            realized_pnl=bot.position.realized_pnl,
            best_price=bot.state.best_price_so_far,
            opened_at=bot.position.opened_at,
            closed_at=bot.position.closed_at,
            order_in_doubt=any(order.status in IN_DOUBT for order in orders_of[bot.position_id]),
            day=days.get(bot.position_id, Day()),
            account_state=holds[bot.account_id].state,
            hold="" if holds[bot.account_id].state == SwitchState.ACTIVE else str(holds[bot.account_id]),
            account_cooling=bot.account.is_cooling(now),
            key_error=bot.account.key_trouble,
            is_reconciled=bot.account.is_reconciled,
            lockout=Reason(bot.state.lockout),
            lockout_text=bot.state.lockout_text,
            resting=tuple(resting_of(order) for order in orders_of[bot.position_id] if _is_resting(order)),
            steps_taken=frozenset(order.leg for order in orders_of[bot.position_id] if _is_taken(order, bot)),
            exiting=sum(
                (
                    order.quantity - order.filled_quantity
                    for order in orders_of[bot.position_id]
                    if _is_live_exit(order)
                ),
                Decimal(0),
            ),
            **_terms_of(bot, now=now),
        )
        for bot in bots
    }


def _terms_of(bot: BotConfig, *, now: datetime) -> dict[str, Any]:
    """What the exchange has said of a futures bot's leverage, margin type and liquidation."""
    if bot.market != Market.FUTURES:
        return {}
    known = bot.position.known_terms
    if known is None:
        return {"liquidation_asked": False}
    asked = known.liquidation_round == bot.position.round
    return {
        "terms_agreed": known.are(bot.account, leverage=bot.leverage, is_isolated=bot.is_isolated),
        "terms_trouble": known.trouble(bot.account, now),
        "liquidation_asked": asked,
        "liquidation_price": known.liquidation_price if asked else None,
    }


def _by_position(orders: Iterable[Order]) -> dict[int, list[Order]]:
    found: dict[int, list[Order]] = defaultdict(list)
    for order in orders:
        found[order.position_id].append(order)
    return found


def _ask_orders(positions: list[int]) -> Callable[[], Iterable[Order]]:
    """Live orders of positions, and the targets that were reached in their present rounds."""
    if len(positions) == 1:
        return ORDERS_OF_ONE.ask(*positions)
    return partial(_orders_of, positions)


def _orders_of(positions: list[int]) -> QuerySet[Order]:
    reached = Q(
        purpose=Order.Purpose.PROTECTION, type=OrderType.TARGET, filled_quantity__gt=0, round=F("position__round")
    )
    return Order.objects.filter(Q(status__in=LIVE) | reached, position__in=positions)


ORDERS_OF_ONE = Ready(lambda position_id: _orders_of([position_id]), int)


def _is_resting(order: Order) -> bool:
    return order.purpose == Order.Purpose.PROTECTION and order.status in LIVE


def _is_live_exit(order: Order) -> bool:
    return order.purpose == Order.Purpose.EXIT and order.status in LIVE


def resting_of(order: Order) -> Resting:
    """A live protection as the plan sees it."""
    return Resting(
        order_id=order.pk,
        leg=order.leg,
        is_stop=order.type == OrderType.STOP,
        quantity=order.quantity - order.filled_quantity,
        price=order.price or Decimal(0),
        side=Side(order.side),
        in_doubt=order.status != Order.Status.OPEN,
        canceling=order.cancel_requested_at is not None,
    )


def _is_taken(order: Order, bot: BotConfig) -> bool:
    return bool(order.type == OrderType.TARGET and order.filled_quantity and order.round == bot.position.round)


def record_since_start(bot: BotConfig) -> Record | None:
    """How the bot has fared since a person last started it; None when none of its limits asks for that."""
    if not bot.setup.limits.are_lasting:
        return None
    trades = Trade.objects.filter(position=bot.position_id)
    if bot.state.enabled_at:
        trades = trades.filter(created_at__gte=bot.state.enabled_at)
    return record_of(_closings(bot.position, trades), capital=bot.initial_capital)


def _closings(position: Position, trades: QuerySet[Trade]) -> list[tuple[bool, Decimal]]:
    """The newest trades of a position, oldest first: whether each closed it, and its P&L.

    Told from what is held now, backwards: what was held when the first of them was booked is not written anywhere.
    """
    held, found = abs(position.quantity), []
    fields = ("purpose", "realized_pnl", "quantity_filled", "commission", "commission_asset")
    for purpose, pnl, quantity, commission, asset in trades.order_by("-created_at", "-pk").values_list(*fields):
        is_entry = purpose == Order.Purpose.ENTRY
        found.append((not is_entry and held < position.smallest_quantity, pnl))
        held += -quantity if is_entry else quantity
        held += commission if asset == position.base_asset else 0
    return found[::-1]


def days_of(bots: Iterable[BotConfig], *, now: datetime) -> dict[int, Day]:
    """What each position has done since its bot's day began, for those that traded or paid funding."""
    return days_in_zones(_zones(bots), now=now)


def days_in_zones(zones: Iterable[tuple[int, str]], *, now: datetime) -> dict[int, Day]:
    """The same for ids of positions with the time zones of their bots."""
    return {position_id: day for asked in _ask_days(zones, now=now) for position_id, day in asked().items()}


def _zones(bots: Iterable[BotConfig]) -> Iterator[tuple[int, str]]:
    return ((bot.position_id, bot.time_zone) for bot in bots)


def _ask_days(zones: Iterable[tuple[int, str]], *, now: datetime) -> list[Asked[dict[int, Day]]]:
    """A query for each time zone."""
    by_zone: dict[str, list[int]] = defaultdict(list)
    for position_id, time_zone in zones:
        by_zone[known_zone(time_zone)].append(position_id)
    return [
        ask(DAYS_SQL, {"positions": positions, "start": day_start(now, zone)}, _read_days)
        for zone, positions in by_zone.items()
    ]


def _read_days(rows: list[Any]) -> dict[int, Day]:
    return {position_id: Day(opened, pnl) for position_id, opened, pnl in rows}

# S8
"""The backtest against the bots that trade: the tick, the run, the order protocol, the engine, the books."""

from decimal import Decimal

import pytest

from bots import services
from bots.backtest import Trial, run_trial
from bots.models import BotConfig
from bots.recipe import Recipe
from bots.tests.backtest.past_exchange import SYMBOL, PastExchange, recorded_brackets, symbol_entry
from bots.tests.factories import BotFactory
from bots.tests.recorded import recorded
from bots.tests.test_tick import run_tick
from market.exchange.types import MarginBracket
from market.models import SymbolRules
from market.rules import rules_of
from market.types import OrderType, Side, moment_of
from trades.models import Order, Position, Trade
from trades.services.records import record_report

pytestmark = pytest.mark.django_db(transaction=True)
HISTORY, MINUTES = 999, 300
FEES = {"spot": Decimal("0.1"), "futures": Decimal("0.05")}


@pytest.fixture
def live(monkeypatch):
    """`live(candles, market, **fields)`: the bot after it has traded the candles that follow the history."""

    def trade(candles, market, **fields):
        exchange = PastExchange(market, candles, 60_000)
        monkeypatch.setattr("market.exchange._gateway", lambda *args, **kwargs: exchange)
        exchange.at_close(HISTORY - 1)
        bot = BotFactory(account__market=market, **fields)
        bot.refresh_from_db()  # amounts as the database keeps them
        SymbolRules.objects.filter(symbol=SYMBOL).update(entry=symbol_entry(market))
        for index in range(HISTORY, len(candles) - 1):
            exchange.during(index, side=_side(bot))
            for order in Order.objects.live().select_related("position__account"):
                report = exchange.find_order(order.symbol, order.client_order_id, OrderType(order.type))
                record_report(order, report, now=moment_of(exchange.now_ms))
            exchange.at_close(index)
            now = moment_of(exchange.now_ms)
            for due in run_tick(now):
                for bot_id in due:
                    services.run_bot(bot_id, now=now)
        return BotConfig.objects.with_state().get(pk=bot.pk)

    return trade


def _side(bot):
    quantity = Position.objects.get(pk=bot.position_id).quantity
    return Side.BUY if quantity > 0 else Side.SELL if quantity < 0 else None


def traded(bot):
    """Minute, side, quantity and price of each trade, and what it earned."""
    rows = Trade.objects.filter(position=bot.position_id).order_by("created_at", "pk")
    return [
        (_minute(row.created_at), row.side, row.quantity_filled, row.price, row.commission_quote, row.realized_pnl)
        for row in rows
    ]


def in_the_backtest(outcome):
    return [
        (_minute(fill.at), fill.side.value, fill.quantity, fill.price, fill.fee_quote, fill.realized_pnl)
        for fill in outcome.fills
    ]


def _minute(moment):
    return moment.replace(second=0, microsecond=0)


def trial_of(bot, market):
    return Trial(
        series=bot.series,
        recipe=Recipe(bot.strategy, bot.parameters),
        setup=bot.setup,
        rules=rules_of(symbol_entry(market)),
        time_zone=bot.time_zone,
        fee_percent=FEES[market],
        brackets=tuple(
            MarginBracket(Decimal(str(row["maintMarginRatio"])), Decimal(str(row["cum"])))
            for row in recorded_brackets()
        ),
    )


QUICK = {"ema_fast": 5, "ema_slow": 13}
ALWAYS = QUICK | {"entry": "state"}
STEPS = [[0.1, 50], [0.3, 50]]  # more pairs could not rest on spot
MORE_STEPS = [[0.1, 50], [0.2, 30], [0.4, 20]]
GRID = {"lower": 95_000, "upper": 97_500, "levels": 11, "memory_candles": 60}
# Market, what the bot is, and what must have happened to it.
CASES = {
    "stop and target": (
        "spot",
        {"strategy": "ema_rsi", "parameters": QUICK, "stop_loss_percent": "0.15", "take_profit_percent": "0.3"},
        {"entry", "stop_loss", "take_profit", "signal"},
    ),
    "trailing, break-even, steps and limits": (
        "spot",
        {"strategy": "ema_rsi", "parameters": ALWAYS, "trailing_stop_percent": "0.2", "break_even_percent": "0.12"}
        | {"take_profit_steps": STEPS, "max_daily_trades": 25, "cooldown_minutes": 7, "time_zone": "Asia/Tokyo"},
        {"entry", "trailing_stop", "break_even", "take_profit", "signal"},
    ),
    "futures, both ways": (
        "futures",
        {"strategy": "ema_rsi", "parameters": QUICK, "leverage": 5, "stop_loss_percent": "0.15"}
        | {"take_profit_percent": "0.15", "max_daily_loss_perc": "1.5"},
        {"entry", "stop_loss", "take_profit", "signal"},
    ),
    "futures, steps and a trailing stop": (
        "futures",
        {"strategy": "ema_rsi", "parameters": ALWAYS, "leverage": 10, "margin_type": "cross", "sizing_value": 100}
        | {"take_profit_steps": MORE_STEPS, "trailing_stop_percent": "0.25", "cooldown_minutes": 3},
        {"entry", "trailing_stop", "take_profit", "signal"},
    ),
    "dca, which adds": (
        "spot",
        {"strategy": "dca", "parameters": {"every_hours": 1, "dip_percent": 0.2, "dip_candles": 30}}
        | {"sizing_value": 20, "take_profit_percent": "0.3", "stop_loss_percent": 1},
        {"entry", "addition", "take_profit"},
    ),
    "grid, which adds and reduces": (
        "spot",
        {"strategy": "grid", "parameters": GRID, "sizing_mode": "quote", "sizing_value": 150, "stop_loss_percent": 1},
        {"entry", "addition", "reduction"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_live_bot_and_a_backtest_trade_the_same(live, name):
    market, fields, kinds = CASES[name]
    candles = recorded(market, SYMBOL, count=HISTORY + MINUTES, skip=1000)

    bot = live(candles, market, **fields)
    outcome = run_trial(trial_of(bot, market), candles, begin_ms=int(candles.open_time_ms[HISTORY]))

    assert kinds <= {fill.kind for fill in outcome.fills}
    # Legs that are sold at one price have no order.
    assert sorted(in_the_backtest(outcome)) == sorted(traded(bot))
    assert bot.position.quantity == (outcome.open_position.quantity if outcome.open_position else bot.position.quantity)

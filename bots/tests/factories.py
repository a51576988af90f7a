"""The smallest valid rows of this app; a test spells out only what it is about."""

from datetime import UTC, datetime
from decimal import Decimal

import factory

from bots.models import Backtest, BacktestPart, BotConfig, BotState
from bots.services.backtests.subjects import as_json
from bots.situation import Wish
from market.tests.factories import NOON, ExchangeAccountFactory, SymbolRulesFactory, UserFactory
from market.types import Market
from trades.tests.factories import PositionFactory


class BotFactory(factory.django.DjangoModelFactory):
    """A running bot on BTCUSDT, flat, with its state; on spot the symbol's rules exist."""

    class Meta:
        model = BotConfig
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"bot {n}")
    account = factory.SubFactory(ExchangeAccountFactory)
    owner = factory.LazyAttribute(lambda bot: bot.account.owner)
    symbol = "BTCUSDT"
    interval = "1m"
    position = factory.LazyAttribute(lambda bot: PositionFactory(account=bot.account, symbol=bot.symbol))
    desired_state = Wish.RUN.value
    initial_capital = Decimal(1000)
    sizing_mode = "percent"
    sizing_value = Decimal(50)

    @factory.post_generation
    def rules(bot, create: bool, extracted: object, **kwargs: object) -> None:  # noqa: N805
        if create and bot.market == Market.SPOT:
            SymbolRulesFactory(symbol=bot.symbol)

    @factory.post_generation
    def state(bot, create: bool, extracted: object, **kwargs: object) -> None:  # noqa: N805
        if create:
            BotState.objects.create(bot=bot, **kwargs)


CAPITAL = {"initial_capital": Decimal(1000), "sizing_value": Decimal(50)}


class BacktestFactory(factory.django.DjangoModelFactory):
    """One that waits, of January 2026."""

    class Meta:
        model = Backtest

    owner = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"backtest {n}")
    environment, market, symbol, interval, strategy = "paper", "spot", "BTCUSDT", "1h", "ema_rsi"
    chosen = factory.LazyAttribute(
        lambda made: as_json(BotConfig(strategy=made.strategy, interval=made.interval, **CAPITAL))
    )
    begin_at, end_at = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    asked_at = seen_at = NOON


class DoneBacktestFactory(BacktestFactory):
    """One that has ended well; ``parts__exit_kind`` is why the position was left that it traded."""

    class Meta:
        skip_postgeneration_save = True

    status, progress_percent, attempts, started_at, ended_at = "done", 100, 1, NOON, NOON
    closed, net_profit, return_percent, max_drawdown_percent, fees = 1, 8.5, 0.85, 1.5, 1.5
    figures = factory.LazyAttribute(lambda made: {"closed": made.closed, "net_profit": made.net_profit, "sharpe": None})
    reasons = factory.LazyFunction(lambda: {"no signal": 700})

    @factory.post_generation
    def parts(backtest, create: bool, extracted: object, **kwargs: object) -> None:  # noqa: N805
        exit_kind = kwargs.get("exit_kind", "signal")
        first, last = "2026-01-02T10:00:00Z", "2026-01-03T10:00:00Z"
        rows = {
            "equity": [[1767348000000, 1000.0], [1767434400000, 1008.5]],
            "days": [["2026-01-02", 1000.0, 0.0, 0.0, 0], ["2026-01-03", 1008.5, 8.5, 0.85, 1]],
            "rounds": [["BUY", first, last, "50000", "51000", "0.01", "8.5", "1.5", "0", exit_kind]],
            "fills": [
                [first, "entry", "entry", "BUY", "50000", "0.01", "0.75", "-0.75"],
                [last, "exit", exit_kind, "SELL", "51000", "0.01", "0.75", "9.25"],
            ],
        }
        for kind, of_kind in rows.items():
            BacktestPart.objects.create(backtest=backtest, kind=kind, number=0, rows=of_kind)

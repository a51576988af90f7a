"""Backtests: what was asked for, how far each is, and what came of it."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from bots.models.bots import BotConfig, strategy_choices
from market.fields import choices_of
from market.types import INTERVALS, Environment, Market, Series

UNFINISHED = ("queued", "running")
MOST_ATTEMPTS = 3
MOST_PERCENT, MOST_FUNDING = Decimal(5), Decimal(1)
FIGURES = (
    *("closed", "net_profit", "return_percent", "max_drawdown_percent", "win_rate_percent", "profit_factor"),
    *("sharpe", "fees"),
)


def cost_field(default: str, help_text: str, *, least: Decimal = Decimal(0), most: Decimal = MOST_PERCENT) -> Any:
    bounds = [MinValueValidator(least), MaxValueValidator(most)]
    default_cost = Decimal(default)
    return models.DecimalField(
        max_digits=6, decimal_places=4, default=default_cost, validators=bounds, help_text=help_text
    )


def figure_field(help_text: str) -> Any:
    """Nothing is booked from it. Null: there is too little to tell."""
    return models.FloatField(null=True, editable=False, help_text=help_text)


class BacktestQuerySet(models.QuerySet["Backtest"]):
    def owned_by(self, user: AbstractBaseUser) -> "BacktestQuerySet":
        return self.filter(owner=user)

    def unfinished(self) -> "BacktestQuerySet":
        return self.filter(status__in=UNFINISHED)

    def light(self) -> "BacktestQuerySet":
        """For lists: without what fills a page of its own."""
        return self.select_related("owner").defer("chosen", "figures", "reasons")


class Backtest(models.Model):
    """One trial of one configuration over one period. What is tested is a copy: it outlives the bot that it is of.

    Written down before its task is sent; a task that comes twice finds it claimed. Whoever works on it holds it by
    ``attempts``: who is not the newest to have claimed it writes nothing.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"  # waits for a worker
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"  # ``error`` says why
        CANCELED = "canceled"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="backtests")
    name = models.CharField(max_length=60, help_text="What it is called in lists; without one, what it is about.")
    bot = models.ForeignKey(
        BotConfig, on_delete=models.SET_NULL, null=True, blank=True, related_name="backtests", help_text="Copied from."
    )
    environment = models.CharField(max_length=10, choices=choices_of(Environment), help_text="Whose prices.")
    market = models.CharField(max_length=10, choices=choices_of(Market))
    symbol = models.CharField(max_length=30, help_text="As the exchange writes it, for example BTCUSDT.")
    interval = models.CharField(max_length=3, choices=[(name, name) for name in INTERVALS], editable=False)
    strategy = models.CharField(max_length=30, choices=strategy_choices, editable=False)
    chosen = models.JSONField(editable=False, help_text="Everything that an owner chooses of a bot, as it was.")
    begin_at = models.DateTimeField("begin", help_text="UTC. The strategy reads what came before, too.")
    end_at = models.DateTimeField("end", help_text="UTC, not after now.")
    fee_percent = cost_field("0.1", "Of the worth of each fill.")
    slippage_percent = cost_field("0.05", "By which each fill at the market is worse than the price.")
    funding_percent = cost_field(
        "0",
        "Futures: what a long position pays every eight hours; below 0 it receives.",
        least=-MOST_FUNDING,
        most=MOST_FUNDING,
    )

    status = models.CharField(max_length=8, choices=Status, default=Status.QUEUED, editable=False)
    progress_percent = models.PositiveSmallIntegerField(default=0, editable=False)
    error = models.CharField(max_length=500, blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    asked_at = models.DateTimeField(editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    seen_at = models.DateTimeField(editable=False, help_text="When it was last sent, or worked on.")

    closed = models.PositiveIntegerField(null=True, editable=False, help_text="Positions that were closed.")
    net_profit = figure_field("In quote asset, after fees, with what is still open at the last price.")
    return_percent = figure_field("Of the initial capital.")
    max_drawdown_percent = figure_field("Of the highest equity so far.")
    win_rate_percent = figure_field("Of the positions that were closed.")
    profit_factor = figure_field("Gross profit by gross loss.")
    sharpe = figure_field("A year's, from daily returns.")
    fees = figure_field("In quote asset.")
    figures = models.JSONField(default=dict, editable=False, help_text="All figures by their names.")
    reasons = models.JSONField(default=dict, editable=False, help_text="How many candles' entries each held back.")

    objects = BacktestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="backtest_begins_before_it_ends", condition=Q(begin_at__lt=F("end_at"))),
            models.CheckConstraint(
                name="backtest_costs_in_bounds",
                condition=Q(
                    fee_percent__gte=0,
                    fee_percent__lte=MOST_PERCENT,
                    slippage_percent__gte=0,
                    slippage_percent__lte=MOST_PERCENT,
                    funding_percent__gte=-MOST_FUNDING,
                    funding_percent__lte=MOST_FUNDING,
                ),
            ),
            models.CheckConstraint(name="backtest_progress_in_bounds", condition=Q(progress_percent__lte=100)),
            models.CheckConstraint(name="backtest_attempts_in_bounds", condition=Q(attempts__lte=MOST_ATTEMPTS)),
            models.CheckConstraint(
                name="backtest_ended_has_moment",
                condition=Q(status__in=UNFINISHED, ended_at__isnull=True)
                | (~Q(status__in=UNFINISHED) & Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="backtest_done_has_figures",
                condition=Q(status="done", closed__isnull=False, net_profit__isnull=False)
                | (~Q(status="done") & Q(closed__isnull=True, net_profit__isnull=True)),
            ),
            models.CheckConstraint(
                name="backtest_failed_says_why",
                condition=(Q(status="failed") & ~Q(error="")) | (~Q(status="failed") & Q(error="")),
            ),
        ]
        indexes = [
            models.Index(name="backtest_newest", fields=["-asked_at", "-id"]),
            models.Index(name="backtest_newest_of_owner", fields=["owner", "-asked_at", "-id"]),
            models.Index(name="backtest_unfinished", fields=["seen_at"], condition=Q(status__in=UNFINISHED)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_unfinished(self) -> bool:
        return self.status in UNFINISHED

    @property
    def series(self) -> Series:
        return Series(self.environment, self.market, self.symbol, self.interval)


class BacktestPart(models.Model):
    """A part of what came of a backtest: a thousand rows at most, so that a long one is read bit by bit."""

    class Kind(models.TextChoices):
        EQUITY = "equity"  # for a chart: [milliseconds, equity]
        DAYS = "days"  # of the bot's time zone: [date, equity at its end]
        ROUNDS = "rounds"  # positions from entry to exit
        FILLS = "fills"

    backtest = models.ForeignKey(Backtest, on_delete=models.CASCADE, related_name="parts", db_index=False)
    kind = models.CharField(max_length=6, choices=Kind)
    number = models.PositiveIntegerField()
    rows = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="backtest_part_once", fields=["backtest", "kind", "number"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"

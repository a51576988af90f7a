"""What the user wants of a bot."""

from dataclasses import astuple
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Exists, Func, OuterRef, Q, Value
from django.db.models.functions import Cast, Concat

from bots import validation
from bots.exits import ExitSettings, Step
from bots.limits import Limits
from bots.situation import Setup, Wish, terms_of
from bots.sizing import LABELS, Mode, Sizing
from bots.strategies import STRATEGIES
from bots.types import Status
from market.fields import AmountField, choices_of, time_zones
from market.history import History
from market.models import ExchangeAccount
from market.types import INTERVALS, Market, Series
from trades.liquidation import Terms
from trades.models import Position


class MarginType(models.TextChoices):
    """What stands for a futures position: margin of its own, or all that the account has on futures."""

    ISOLATED = "isolated", "isolated: the position's own margin"
    CROSS = "cross", "cross: all of the account's money on futures"


def strategy_choices() -> list[tuple[str, str]]:
    """Asked when a form is made, so that a new strategy needs no migration."""
    return [(strategy.name, strategy.label) for strategy in STRATEGIES.values()]


def percent_field(help_text: str, **kwargs: Any) -> Any:
    return models.DecimalField(max_digits=7, decimal_places=3, null=True, blank=True, help_text=help_text, **kwargs)


SERIES_FIELDS = ("account__environment", "market", "symbol", "interval")  # of a bot, in the order of `Series`


class BotQuerySet(models.QuerySet["BotConfig"]):
    def owned_by(self, user: AbstractBaseUser) -> "BotQuerySet":
        return self.filter(owner=user)

    def of_series(self, series: Series) -> "BotQuerySet":
        return self.filter(**dict(zip(SERIES_FIELDS, astuple(series), strict=True)))

    def with_state(self) -> "BotQuerySet":
        return self.select_related("state", "position__terms", "account")

    def active(self) -> "BotQuerySet":
        """Bots that a tick looks at: those that should run, hold something, or do not say yet that they are stopped.

        Without joins: most should run, and of those neither position nor state is looked up.
        """
        holds = Position.objects.open().filter(pk=OuterRef("position"))
        speaks = BotConfig.objects.filter(pk=OuterRef("pk")).exclude(state__status=Status.STOPPED)
        return self.filter(Q(desired_state=Wish.RUN) | Exists(holds) | Exists(speaks))


class BotConfig(models.Model):
    """What the user wants. Account and symbol are fixed once it exists; everything else counts from the next run on."""

    class DesiredState(models.TextChoices):
        RUNNING = Wish.RUN.value, "running"
        STOPPED = Wish.STOP.value, "stopped, position kept"
        FLATTENED = Wish.FLATTEN.value, "stopped, position closed"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="bots")
    name = models.CharField(max_length=60)
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="bots")
    market = models.CharField(
        max_length=10, choices=choices_of(Market), default=Market.SPOT, editable=False, help_text="Its account's."
    )
    symbol = models.CharField(max_length=30, help_text="As the exchange writes it, for example BTCUSDT.")
    position = models.OneToOneField(Position, on_delete=models.PROTECT, related_name="bot", editable=False)
    desired_state = models.CharField(max_length=10, choices=DesiredState, default=DesiredState.STOPPED, editable=False)
    entries_paused = models.BooleanField(
        default=False, editable=False, help_text="It enters nothing and adds nothing; exits and protections go on."
    )
    strategy = models.CharField(max_length=30, choices=strategy_choices, default="ema_rsi")
    parameters = models.JSONField(
        default=dict, blank=True, help_text="The strategy's parameters as JSON; what is left out has its default."
    )
    interval = models.CharField(
        max_length=3, choices=[(name, name) for name in INTERVALS], default="5m", help_text="The candles it trades on."
    )
    leverage = models.PositiveSmallIntegerField(
        default=1, help_text="1 on spot; on futures up to the platform's cap. Counts from the next entry on."
    )
    margin_type = models.CharField(
        max_length=8,
        choices=MarginType,
        default=MarginType.ISOLATED,
        help_text="Futures: what a liquidation can cost. Counts from the next entry on.",
    )
    initial_capital = AmountField(
        help_text="What the bot may use at most, in quote asset (USDT).",
        validators=[MinValueValidator(Decimal("0.01"))],
    )
    sizing_mode = models.CharField(
        max_length=8, choices=[(mode.value, LABELS[mode]) for mode in Mode], default=Mode.PERCENT
    )
    sizing_value = AmountField(
        help_text="In the unit of the mode; never more than the bot's capital, on futures times the leverage, is used."
    )
    stop_loss_percent = percent_field("Below the price of the fill; of a short position above it.")
    take_profit_percent = percent_field("Above the price of the fill; of a short position below it.")
    trailing_stop_percent = percent_field("From the best price since the entry; it only ever moves in your favour.")
    break_even_percent = percent_field("From this gain on, the stop is no worse than the price of the fill.")
    take_profit_steps = models.JSONField(
        default=list,
        blank=True,
        help_text="Instead of one take profit: gain and share of the position, in percent: [[1, 50], [2, 50]].",
    )
    exits_when_stopped = models.BooleanField(
        default=True, help_text="Stop loss, take profit and trailing stop also work while the bot is stopped."
    )
    max_daily_trades = models.PositiveIntegerField(null=True, blank=True, help_text="Positions opened per day.")
    max_daily_loss_perc = percent_field("Of the initial capital, from booked trades; entries pause until the next day.")
    daily_target_perc = percent_field("Of the initial capital, from booked trades; entries pause until the next day.")
    max_drawdown_percent = percent_field(
        "Of the highest equity since it was started, from booked trades; then it pauses until a person starts it again."
    )
    max_consecutive_losses = models.PositiveIntegerField(
        null=True, blank=True, help_text="Positions closed with a loss; then it pauses until a person starts it again."
    )
    cooldown_minutes = models.PositiveIntegerField(
        default=0, help_text="No entry so long after the position was closed."
    )
    time_zone = models.CharField(
        max_length=40, default="UTC", help_text="Whose midnight starts the bot's day, for example Europe/Berlin."
    )
    recipe = models.GeneratedField(
        expression=Func(
            Concat("strategy", Value(" "), Cast("parameters", models.TextField()), output_field=models.TextField()),
            Value(0),
            function="hashtextextended",
            output_field=models.BigIntegerField(),
        ),
        output_field=models.BigIntegerField(),
        db_persist=True,
        help_text="Equal for bots with the same strategy and parameters: a tick reads them once for all.",
    )
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    # What it is validated against; who validates many has asked for all of them at once.
    surroundings: validation.Surroundings = validation.Surroundings()
    objects = BotQuerySet.as_manager()
    history = History(owner=lambda bot: bot.owner_id, unnoted=["recipe", "revision", "created_at"])

    class Meta:
        verbose_name = "bot"
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="bot_name_unique_per_owner"),
            # The exchange nets what an account holds of a symbol: two bots would trade against each other.
            models.UniqueConstraint(
                name="bot_one_per_futures_symbol", fields=["account", "symbol"], condition=Q(market=Market.FUTURES)
            ),
            models.CheckConstraint(name="bot_leverage_in_bounds", condition=Q(leverage__gte=1, leverage__lte=125)),
            models.CheckConstraint(name="bot_amounts_positive", condition=Q(initial_capital__gt=0, sizing_value__gt=0)),
        ]
        indexes = [
            models.Index(name="bot_running", fields=["id"], condition=Q(desired_state="running")),
            models.Index(name="bot_of_series", fields=["symbol", "interval", "id"]),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new bot takes over its account's market, which never changes; the database holds them together."""
        if self._state.adding:
            self.market = self.account.market
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Refuse what can't work, naming field, value and bound (features S3, S4, S6)."""
        errors = validation.faults(self)
        if self.time_zone not in time_zones():
            errors["time_zone"] = [f"{self.time_zone!r} is no time zone; Europe/Berlin is one."]
        if errors:
            raise ValidationError(errors)

    @property
    def is_active(self) -> bool:
        return self.desired_state == Wish.RUN

    @property
    def is_isolated(self) -> bool:
        return self.margin_type == MarginType.ISOLATED

    @property
    def series(self) -> Series:
        return Series(self.account.environment, self.account.market, self.symbol, self.interval)

    @property
    def exits(self) -> ExitSettings:
        return ExitSettings(
            self.stop_loss_percent,
            self.take_profit_percent,
            self.trailing_stop_percent,
            self.break_even_percent,
            tuple(Step(Decimal(str(gain)), Decimal(str(share))) for gain, share in self.take_profit_steps),
        )

    @property
    def setup(self) -> Setup:
        """The configuration as the rules read it."""
        return Setup(
            wish=Wish(self.desired_state),
            exits=self.exits,
            sizing=Sizing(Mode(self.sizing_mode), self.sizing_value),
            limits=Limits(
                self.max_daily_trades,
                self.max_daily_loss_perc,
                self.daily_target_perc,
                self.max_drawdown_percent,
                self.max_consecutive_losses,
            ),
            initial_capital=self.initial_capital,
            cooldown_minutes=self.cooldown_minutes,
            exits_when_stopped=self.exits_when_stopped,
            futures=self.market == Market.FUTURES,
            leverage=self.leverage,
            is_isolated=self.is_isolated,
            min_liquidation_percent=Decimal(settings.MIN_LIQUIDATION_DISTANCE_PERCENT),
            adds=self.adds,
            entries_paused=self.entries_paused,
        )

    @property
    def adds(self) -> bool:
        """Whether it buys more of what it holds. Not on futures, where that would move the liquidation."""
        strategy = STRATEGIES.get(self.strategy)
        return bool(strategy and strategy.adds) and self.market == Market.SPOT

    @property
    def listens(self) -> bool:
        """Whether its signals come from outside."""
        strategy = STRATEGIES.get(self.strategy)
        return bool(strategy and strategy.listens)

    @property
    def terms(self) -> Terms | None:
        """Of futures: on which terms an entry is meant now."""
        return terms_of(self.setup, realized_pnl=self.position.realized_pnl)

"""What the user wants of a bot, where the bot stands, and why it did, or did not, trade."""

import secrets
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Func, Q, Value
from django.db.models.functions import Cast, Concat

from bots import validation
from bots.decide import Setup, Wish
from bots.exits import ExitSettings, Step
from bots.external import Action
from bots.limits import Limits
from bots.sizing import LABELS, Mode, Sizing
from bots.strategies import STRATEGIES
from bots.types import LASTING, Reason, Status
from market.fields import AmountField, SecretField, choices_of
from market.models import ExchangeAccount
from market.types import INTERVALS, Market, Series
from market.writing import QuickModel
from trades.liquidation import Terms
from trades.models import Position, is_open


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
        """Bots that a tick looks at: those that should run, hold something, or do not say yet that they are stopped."""
        return self.filter(Q(desired_state=Wish.RUN) | is_open("position__") | ~Q(state__status=Status.STOPPED))


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
    cooldown_minutes = models.PositiveIntegerField(default=0, help_text="Pause after an exit.")
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

    objects = BotQuerySet.as_manager()

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
        if self.time_zone not in available_timezones():
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
    def complete_parameters(self) -> dict[str, Any]:
        return STRATEGIES[self.strategy].complete(self.parameters)

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
        if self.market != Market.FUTURES:
            return None
        capital = max(self.initial_capital + self.position.realized_pnl, Decimal(0))
        return Terms(self.leverage, self.is_isolated, backing=capital, stop_percent=self.exits.stop_percent)


class BotState(QuickModel):
    """Where the bot stands; the row that is locked while it runs. What it holds and earns is read from its position."""

    bot = models.OneToOneField(BotConfig, on_delete=models.CASCADE, primary_key=True, related_name="state")
    status = models.CharField(
        max_length=8, choices=[(item.value, item.value) for item in Status], default=Status.STOPPED
    )
    reason = models.CharField(max_length=40, blank=True, choices=[(item.value, item.value) for item in Reason])
    message = models.CharField(max_length=400, blank=True, help_text="When status or reason last changed.")
    changed_at = models.DateTimeField(null=True)
    best_price = AmountField(null=True, help_text="The best price since the entry; the trailing stop hangs on it.")
    best_round = models.PositiveIntegerField(default=0, help_text="The position's round that best_price belongs to.")
    enabled_at = models.DateTimeField(
        null=True, help_text="When a person last started it: lasting limits count from it."
    )
    lockout = models.CharField(
        max_length=40,
        blank=True,
        choices=[(item.value, item.value) for item in sorted(LASTING)],
        help_text="The lasting limit that it has reached; starting the bot again clears it.",
    )
    lockout_text = models.CharField(max_length=400, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="bot_state_error_has_reason", condition=~Q(status__in=("error", "paused"), reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} ({self.reason})" if self.reason else self.status

    @property
    def position(self) -> Position:
        return self.bot.position

    @property
    def in_position(self) -> bool:
        return self.position.is_open

    @property
    def entry_price(self) -> Decimal:
        return self.position.entry_price

    @property
    def best_price_so_far(self) -> Decimal:
        """The best price of this round; the entry price before a tick has seen a better one."""
        position = self.position
        if self.best_price is None or self.best_round != position.round:
            return position.entry_price
        return self.best_price

    @property
    def current_position_size_coins(self) -> Decimal:
        return self.position.quantity

    @property
    def last_error_message(self) -> str:
        return self.message if self.status == Status.ERROR else ""


class SeriesReading(models.Model):
    """What a tick saw last of one series: the same for all bots on it, so it is written once for all of them."""

    environment = models.CharField(max_length=10)
    market = models.CharField(max_length=10)
    symbol = models.CharField(max_length=30)
    interval = models.CharField(max_length=3)
    evaluated_at = models.DateTimeField()
    candle_close_at = models.DateTimeField(null=True)
    price = AmountField(null=True)
    texts = models.JSONField(default=dict, help_text="Strategy and parameters → the sentence about the last candle.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "market", "symbol", "interval"], name="series_reading_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} {self.interval} ({self.environment} {self.market})"


class Decision(QuickModel):
    """One change of mind, or one action, of a bot; the same thought a second time is not written again.

    In PostgreSQL the table is divided into weeks, which `services.retention` makes and drops.
    """

    # Without a constraint: to look for its bot costs more than to write a decision, and locks the bot's row for it.
    bot = models.ForeignKey(
        BotConfig, on_delete=models.CASCADE, related_name="decisions", db_constraint=False, db_index=False
    )
    status = models.CharField(max_length=8)
    reason = models.CharField(max_length=40, blank=True)
    text = models.CharField(max_length=400)
    order_id = models.BigIntegerField(null=True, help_text="The order that it led to.")
    strategy = models.CharField(max_length=30, blank=True, help_text="The bot's, with these parameters and revision.")
    parameters = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=0)
    indicators = models.JSONField(default=dict, help_text="The strategy's values at the candle.")
    denial_code = models.CharField(max_length=30, blank=True)
    denial_limit = models.CharField(max_length=60, blank=True, help_text="What is allowed.")
    denial_value = models.CharField(max_length=60, blank=True, help_text="What was found.")
    candle_close_at = models.DateTimeField(null=True)
    price = AmountField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(name="decision_timeline", fields=["bot", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M:%S} {self.text}"


class Tick(models.Model):
    """One minute slot of the fleet. The unique slot is the claim: a second beat finds it taken."""

    slot = models.DateTimeField(unique=True)
    started_at = models.DateTimeField()
    bots = models.PositiveIntegerField(default=0)
    parts = models.PositiveIntegerField(default=0)
    parts_done = models.PositiveIntegerField(default=0)
    acting = models.PositiveIntegerField(default=0, help_text="Bots that had something to do.")
    due = ArrayField(models.BigIntegerField(), default=list, help_text="Which: each of them got a task of its own.")
    resumed_at = models.DateTimeField(null=True, help_text="When what was missing of it was last sent again.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(name="tick_newest", fields=["-started_at"])]

    def __str__(self) -> str:
        return f"{self.slot:%Y-%m-%d %H:%M}"

    @staticmethod
    def slot_of(now: datetime) -> datetime:
        return now.replace(second=0, microsecond=0)

    @property
    def duration(self) -> timedelta | None:
        return self.finished_at - self.started_at if self.finished_at else None


def new_public_id() -> str:
    """A name that nobody can guess."""
    return secrets.token_urlsafe(16)


class Webhook(models.Model):
    """The address and the secret by which a bot is told signals from outside."""

    bot = models.OneToOneField(BotConfig, on_delete=models.CASCADE, primary_key=True, related_name="webhook")
    public_id = models.CharField(max_length=22, unique=True, default=new_public_id)
    secret = SecretField()
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"webhook of bot {self.bot_id}"


class ExternalSignal(models.Model):
    """One signal from outside, written down before anybody acts on it: who has it twice, acts on it once."""

    class Outcome(models.TextChoices):
        WAITING = "", "waiting"
        ORDERED = "ordered", "an entry was ordered"
        LEFT = "left", "the position was left"
        NOTHING_TO_LEAVE = "nothing to leave"
        HELD_ALREADY = "held already"
        EXPIRED = "expired"
        SUPERSEDED = "superseded", "superseded by a newer one"
        STOPPED = "stopped", "the bot was stopped"
        OTHER_STRATEGY = "other strategy", "the bot got another strategy"

    bot = models.ForeignKey(BotConfig, on_delete=models.CASCADE, related_name="external_signals")
    sender_id = models.CharField(max_length=100, help_text="The sender's name of it: sent again it is the same signal.")
    action = models.CharField(max_length=11, choices=choices_of(Action))
    sent_at = models.DateTimeField(help_text="By the sender's clock, if that is not ahead; entries expire from then.")
    received_at = models.DateTimeField()
    order_id = models.BigIntegerField(null=True, help_text="The last order that it led to.")
    outcome = models.CharField(max_length=16, blank=True, choices=Outcome)
    handled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bot", "sender_id"], name="external_signal_once"),
            models.CheckConstraint(
                name="external_signal_handled_has_outcome",
                condition=Q(handled_at__isnull=True, outcome="") | Q(handled_at__isnull=False) & ~Q(outcome=""),
            ),
        ]
        indexes = [
            models.Index(name="external_signal_waiting", fields=["bot"], condition=Q(handled_at__isnull=True)),
            models.Index(name="external_signal_recent", fields=["bot", "sent_at"]),
            models.Index(name="external_signal_old", fields=["received_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.action} by POST at {self.received_at.astimezone(UTC):%H:%M:%S} UTC ({self.sender_id})"

    @property
    def act(self) -> Action:
        return Action(self.action)

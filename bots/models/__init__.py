"""What users want of their bots, where they stand, what they were told, why they traded or not, and backtests."""

from bots.models.backtests import Backtest, BacktestPart, BacktestQuerySet
from bots.models.bots import SERIES_FIELDS, BotConfig, BotQuerySet, MarginType, strategy_choices
from bots.models.signals import ExternalSignal, Webhook, new_public_id
from bots.models.states import BotState
from bots.models.ticks import Decision, SeriesReading, Tick
from bots.models.views import SavedView, view_of

__all__ = [
    "SERIES_FIELDS",
    "Backtest",
    "BacktestPart",
    "BacktestQuerySet",
    "BotConfig",
    "BotQuerySet",
    "BotState",
    "Decision",
    "ExternalSignal",
    "MarginType",
    "SavedView",
    "SeriesReading",
    "Tick",
    "Webhook",
    "new_public_id",
    "strategy_choices",
    "view_of",
]

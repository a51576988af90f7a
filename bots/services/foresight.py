"""What a bot sees right now, and what it would do: asked by people, and nothing is written down or sent."""

from dataclasses import dataclass, replace
from datetime import datetime

from bots.decide import decide
from bots.decision import Decision
from bots.models import BotConfig
from bots.recipe import Recipe
from bots.services.look import finite, look_at_series
from bots.services.standings import record_since_start, standings
from bots.services.trouble import decision_about
from bots.situation import MarketView
from bots.strategies.guard import guarded_reading
from market.candles import kept_candles
from market.exchange.errors import ExchangeError
from market.symbols import UnknownSymbol


@dataclass(frozen=True)
class Sight:
    """The strategy's values over the candles that are kept; ``trouble``: why there are none, or that they are old."""

    text: str = ""
    indicators: dict[str, float] | None = None
    candle_close_at: datetime | None = None
    trouble: str = ""


def sight_of(bot: BotConfig, *, now: datetime) -> Sight:
    """Read the strategy over the shared copy of the candles, whatever its age. Nobody else is asked."""
    if bot.listens:
        return Sight(trouble=f"{bot.strategy} reads no candles: its signals come from outside.")
    candles, recipe = kept_candles(bot.series), Recipe(bot.strategy, bot.parameters)
    if candles is None or not len(candles):
        return Sight(trouble="No candles are known yet.")
    if recipe.known is None or recipe.faults:
        return Sight(trouble=recipe.faults)
    try:
        reading = guarded_reading(recipe.known, candles, recipe.parameters)
    except Exception as error:  # a strategy is foreign code
        return Sight(trouble=f"{bot.strategy}: {type(error).__name__}: {error}")
    closed_at = candles.close_at(bot.series.duration)
    is_old = now - closed_at >= 2 * bot.series.duration
    return Sight(
        reading.text,
        finite(reading.indicators),
        closed_at,
        f"The newest candle closed at {closed_at:%Y-%m-%d %H:%M} UTC." if is_old else "",
    )


def foresee(bot: BotConfig, *, now: datetime) -> tuple[Decision, MarketView | None]:
    """What a run of the bot would decide now, and the market that it would see, if that can be seen.

    May ask the exchange. Before an entry a run asks more: balances, limits of the account and user, the exchange's
    filters. What a listening bot has been told and not acted on yet is left to its run.
    """
    try:
        view = look_at_series(bot.series, now=now).for_bot(bot)
    except (UnknownSymbol, ExchangeError) as error:
        return decision_about(error), None
    standing = replace(standings([bot], now=now)[bot.pk], record=record_since_start(bot))
    return decide(bot.setup, view, standing, now=now), view

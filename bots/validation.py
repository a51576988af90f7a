"""What is wrong with a bot's configuration, by field. Needs the database only for what is around it."""

from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings

from bots.sizing import Mode
from bots.strategies import STRATEGIES
from market.models import SymbolRules
from market.rounding import plain
from market.rules import Rules
from market.types import Market

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from bots.models import BotConfig

Faults = dict[str, list[str]]
HUNDRED = Decimal(100)
MOST_STEPS = 5
# Exclusive lower and inclusive upper bounds, in percent.
PERCENT_BOUNDS = {
    "stop_loss_percent": HUNDRED,
    "take_profit_percent": Decimal(1000),
    "trailing_stop_percent": HUNDRED,
    "break_even_percent": Decimal(1000),
    "max_daily_loss_perc": HUNDRED,
    "daily_target_perc": Decimal(1000),
    "max_drawdown_percent": HUNDRED,
}


class Surroundings:
    """What is around a bot, as the database says when it is asked for this one."""

    def has_namesake(self, bot: "BotConfig") -> bool:
        """Whether its owner has another bot of its name."""
        return bot.owner.bots.filter(name=bot.name).exclude(pk=bot.pk).exists()

    def neighbour(self, bot: "BotConfig") -> str | None:
        """The name of another bot on its account and symbol."""
        other = bot.account.bots.filter(symbol=bot.symbol).exclude(pk=bot.pk).first()
        return other.name if other else None

    def rules(self, bot: "BotConfig") -> Rules | None:
        """What is known of its symbol."""
        row = _known_symbols(bot).filter(symbol=bot.symbol).first()
        return row.rules if row else None


def _known_symbols(bot: "BotConfig") -> "QuerySet[SymbolRules]":
    return SymbolRules.objects.filter(environment=bot.account.environment, market=bot.account.market)


def faults(bot: "BotConfig") -> Faults:
    """Field name → sentences that name field, value and bound; empty for a bot that can trade."""
    found: Faults = {}
    strategy = STRATEGIES.get(bot.strategy)
    if strategy is None:
        found["strategy"] = [f"strategy: {bot.strategy!r} is unknown; there is {', '.join(STRATEGIES)}."]
    elif not isinstance(bot.parameters, dict):
        found["parameters"] = ['parameters: a JSON object is needed, for example {"ema_fast": 9}.']
    elif wrong := strategy.faults(bot.parameters):
        found["parameters"] = wrong
    found |= _percent_faults(bot) | _step_faults(bot) | _leverage_faults(bot) | _sizing_faults(bot) | _owner_faults(bot)
    found |= _name_faults(bot) | _neighbour_faults(bot)
    if not found.keys() & {"sizing_value", "initial_capital"}:
        found |= _symbol_faults(bot)
    return found


def _percent_faults(bot: "BotConfig") -> Faults:
    found: Faults = {}
    for name, maximum in PERCENT_BOUNDS.items():
        value = getattr(bot, name)
        if value is not None and not 0 < value <= maximum:
            found[name] = [f"{name}: {plain(value)} must be above 0 and at most {plain(maximum)}."]
    if bot.max_consecutive_losses == 0:
        found["max_consecutive_losses"] = ["max_consecutive_losses: 0 must be at least 1; empty switches it off."]
    return found


def _step_faults(bot: "BotConfig") -> Faults:
    """The steps of the take profit: pairs of numbers, gains that rise, shares of 100 % in all."""
    name, steps = "take_profit_steps", bot.take_profit_steps
    if not steps:
        return {}
    try:
        pairs = [(Decimal(str(gain)), Decimal(str(share))) for gain, share in steps]
    except (TypeError, ValueError, ArithmeticError):
        return {name: [f"{name}: a list of pairs of numbers is needed, for example [[1, 50], [2, 50]]."]}
    gains, shares = [gain for gain, _ in pairs], [share for _, share in pairs]
    if bot.take_profit_percent is not None:
        return {name: [f"{name}: give these or take_profit_percent, not both."]}
    if len(pairs) > MOST_STEPS:
        return {name: [f"{name}: {len(pairs)} steps, at most {MOST_STEPS}."]}
    if not all(value.is_finite() and value > 0 for value in gains + shares) or sum(shares) != HUNDRED:
        return {name: [f"{name}: gains and shares must be above 0 and the shares 100 percent in all."]}
    if gains != sorted(set(gains)) or gains[-1] > 1000:
        return {name: [f"{name}: gains must rise from step to step, up to 1000 percent."]}
    return {}


def _leverage_faults(bot: "BotConfig") -> Faults:
    if bot.leverage is None:
        return {}
    on_spot = bool(bot.account_id) and bot.account.market == Market.SPOT
    cap = 1 if on_spot else settings.MAX_LEVERAGE
    if not 1 <= bot.leverage <= cap:
        bounds = "must be 1 on spot" if on_spot else f"must be at least 1 and at most {cap} on this platform"
        return {"leverage": [f"leverage: {bot.leverage} {bounds}."]}
    if on_spot and not bot.is_isolated:
        return {"margin_type": [f"margin_type: {bot.margin_type} is of futures; on spot there is no margin."]}
    return _liquidation_faults(bot)


def _liquidation_faults(bot: "BotConfig") -> Faults:
    """Stops that no isolated position could live to see, whatever the symbol. Entries are judged more closely."""
    stops = [stop for stop in (bot.stop_loss_percent, bot.trailing_stop_percent) if stop is not None]
    stop, away = min(stops, default=None), HUNDRED / bot.leverage
    if bot.leverage == 1 or not bot.is_isolated or stop is None or stop < away:
        return {}
    name = "stop_loss_percent" if stop == bot.stop_loss_percent else "trailing_stop_percent"
    return {
        name: [
            f"{name}: {plain(stop)} is farther away than the liquidation at leverage {bot.leverage}, which is at most"
            f" {away:.2f} percent away."
        ]
    }


def _sizing_faults(bot: "BotConfig") -> Faults:
    value, capital = bot.sizing_value, bot.initial_capital
    if value is None or capital is None:
        return {}  # a required field's own message says it
    if value <= 0:
        return {"sizing_value": [f"sizing_value: {plain(value)} must be above 0."]}
    if capital <= 0:
        return {"initial_capital": [f"initial_capital: {plain(capital)} must be above 0."]}
    if bot.sizing_mode in (Mode.PERCENT, Mode.RISK) and value > HUNDRED:
        return {"sizing_value": [f"sizing_value: {plain(value)} percent must be at most 100."]}
    if bot.sizing_mode == Mode.QUOTE and value > capital:
        return {"sizing_value": [f"sizing_value: {plain(value)} is above the initial capital {plain(capital)}."]}
    if bot.sizing_mode == Mode.RISK and not bot.stop_loss_percent:
        return {"stop_loss_percent": ["stop_loss_percent: risk per trade needs a stop loss to measure the risk by."]}
    return {}


def _owner_faults(bot: "BotConfig") -> Faults:
    if bot.account_id and bot.owner_id and bot.account.owner_id != bot.owner_id:
        return {"account": ["account: it belongs to another user than the bot."]}
    return {}


def _name_faults(bot: "BotConfig") -> Faults:
    if not bot.owner_id or not bot.surroundings.has_namesake(bot):
        return {}
    return {"name": [f"name: {bot.owner} has a bot named {bot.name!r} already."]}


def _neighbour_faults(bot: "BotConfig") -> Faults:
    """On futures the exchange nets what an account holds of a symbol: two bots there would trade against each other."""
    if not bot.account_id or bot.account.market != Market.FUTURES:
        return {}
    other = bot.surroundings.neighbour(bot)
    if other is None:
        return {}
    return {
        "symbol": [
            f"symbol: the bot {other!r} trades {bot.symbol} on this account already, and on futures there is one"
            " bot for each account and symbol; use another account."
        ]
    }


def _symbol_faults(bot: "BotConfig") -> Faults:
    """Unknown symbols, and sizes that the exchange's filters would never take."""
    if not bot.account_id or not bot.symbol:
        return {}
    rules = bot.surroundings.rules(bot)
    if rules is None:
        some = ", ".join(_known_symbols(bot).order_by("symbol").values_list("symbol", flat=True)[:5])
        hint = f"known are {some} …" if some else "no symbols are known yet: run manage.py warm_cache"
        where = f"{bot.account.environment} {bot.account.market}"
        return {"symbol": [f"symbol: {bot.symbol!r} is unknown on {where}; {hint}"]}
    return _size_faults(bot, rules)


def _size_faults(bot: "BotConfig", rules: Rules) -> Faults:
    """Too small for the filters whatever the price: the notional of quote modes, the lot of a base quantity."""
    if bot.sizing_value is None or bot.initial_capital is None:
        return {}
    if bot.sizing_mode == Mode.BASE:
        if rules.tradable(bot.sizing_value):
            return {}
        least = plain(max(rules.min_quantity, rules.lot_size))
        value = f"{plain(bot.sizing_value)} {rules.base_asset}"
        return {"sizing_value": [f"sizing_value: {value} is below the minimum {least} of {bot.symbol}."]}
    notional = {
        Mode.QUOTE: bot.sizing_value * bot.leverage,
        Mode.PERCENT: bot.initial_capital * bot.sizing_value / HUNDRED * bot.leverage,
        Mode.RISK: bot.initial_capital * bot.sizing_value / (bot.stop_loss_percent or HUNDRED),
    }[Mode(bot.sizing_mode)]
    notional = min(notional, bot.initial_capital * bot.leverage)
    if notional >= rules.min_notional:
        return {}
    return {
        "sizing_value": [
            f"sizing_value: an entry would be worth {notional:.2f} {rules.quote_asset}, below the minimum of"
            f" {plain(rules.min_notional)} {rules.quote_asset} on {bot.symbol}."
        ]
    }

"""Putting together what bots are sifted with: their columns, and the market, readings and accounts as arrays."""

from collections.abc import Sequence
from datetime import datetime
from time import monotonic

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from bots.decision import Decision
from bots.models import BotConfig
from bots.parts import Part
from bots.recipe import Recipe
from bots.screening import ACCOUNT, PART, READING, REASONS, SWITCHES, Rows, Sieve
from bots.services.fleet import read_bots, read_days, read_resting
from bots.services.look import SeriesView
from bots.services.trouble import StrategyFailed, decision_about
from bots.situation import MarketView
from bots.strategies.guard import MOST_SECONDS
from market.columns import NEVER, microseconds
from market.exchange import require_key
from market.models import ExchangeAccount, Switch
from market.rules import Rules
from market.switches import Hold
from market.types import OrderType, Side

Looked = Sequence[tuple[Part, "SeriesView | Exception"]]
INFINITE = float("inf")


class Fleet:
    """The bots of some parts, and everything that is the same for many of them."""

    def __init__(self, looked: Looked, *, now: datetime) -> None:
        self.looked = looked
        self.now = now
        bots = read_bots([part for part, _ in looked])
        accounts = ExchangeAccount.objects.in_bulk(np.unique(bots["account_id"]).tolist())
        # What was deleted, or edited, since the bots were read: those are the next tick's.
        is_whole = np.isin(bots["account_id"], list(accounts)) & _has_recipe(bots)
        self.bots = bots[is_whole]
        ids, self.account_of = np.unique(self.bots["account_id"], return_inverse=True)
        self.accounts = [accounts[number] for number in ids.tolist()]
        self.holds = Switch.objects.holds(self.accounts)
        self.unreachable = {account.pk: trouble for account in self.accounts if (trouble := _key_trouble(account))}
        self.unreadable = [decision_about(view) if isinstance(view, Exception) else None for _, view in looked]
        self.readings, self.adding, self.reading_of = _readings(self.bots, looked)

    def sieve(self) -> Sieve:
        """Everything as arrays, a row for each bot."""
        parts = np.array([self._part(number) for number in range(len(self.looked))], PART)
        readings = np.array(list(map(reading_row, self.readings, self.adding)), READING)
        accounts = np.array([self._account(account) for account in self.accounts], ACCOUNT)
        return Sieve(
            bots=self.bots,
            resting=read_resting(self.bots),
            days=read_days(self.bots, now=self.now),
            parts=parts[self.bots["part"]],
            readings=readings[self.reading_of],
            accounts=accounts[self.account_of],
            now=microseconds(self.now),
            least_liquidation_percent=float(settings.MIN_LIQUIDATION_DISTANCE_PERCENT),
        )

    def view(self, index: int) -> SeriesView:
        """The market of one bot, which must be readable."""
        view = self.looked[self.bots["part"][index]][1]
        assert isinstance(view, SeriesView), "an unreadable series has nothing to look at"
        return view

    def _part(self, number: int) -> Rows:
        view, trouble = self.looked[number][1], self.unreadable[number]
        if isinstance(view, Exception):
            assert trouble is not None
            return part_row(None, price=1.0, candle_close_at=self.now, unreadable=REASONS.index(trouble.reason))
        return part_row(view.rules, price=float(view.price), candle_close_at=view.candle_close_at)

    def _account(self, account: ExchangeAccount) -> Rows:
        trouble = self.unreachable.get(account.pk)
        return account_row(account, self.holds[account.pk], trouble, now=self.now)


def part_row(rules: Rules | None, *, price: float, candle_close_at: datetime, unreadable: int = 0) -> Rows:
    """A row of `screening.PART`; without rules, of a series that can't be read."""
    row = np.zeros((), PART)
    row["price"], row["candle_close_at"], row["unreadable"] = price, microseconds(candle_close_at), unreadable
    for name in ("tick", "step"):
        row[name] = 1.0  # is divided by
    if rules is None:
        return row
    lot = rules.market_lot
    row["tick"], row["step"] = float(rules.tick_size) or 1.0, float(lot.step) or 1.0
    row["origin"], row["minimum"], row["min_notional"] = lot.origin, lot.minimum, rules.min_notional
    row["maximum"] = INFINITE if lot.maximum is None else lot.maximum
    row["max_notional"] = INFINITE if rules.max_notional is None else rules.max_notional
    row["futures"], row["is_simple"] = rules.is_futures, _is_simple(rules)
    return row


def _is_simple(rules: Rules) -> bool:
    """Whether a whole number of steps within the bounds passes all filters of a sale at the market but the notional."""
    steps = (rules.lot.step, rules.extra_market_lot.step)
    fit = all(not step or rules.market_lot.step % step == 0 for step in steps)
    takes = OrderType.MARKET in rules.order_types and (rules.max_orders is None or rules.max_orders > 0)
    return bool(fit and takes and rules.tick_size and rules.market_lot.step and rules.max_position is None)


def account_row(account: ExchangeAccount, hold: Hold, trouble: Decision | None, *, now: datetime) -> Rows:
    """A row of `screening.ACCOUNT`."""
    row = np.zeros((), ACCOUNT)
    row["hold"], row["unreachable"] = SWITCHES.index(hold.state), REASONS.index(trouble.reason) if trouble else 0
    row["cooling"], row["key_error"] = account.is_cooling(now), bool(account.key_trouble)
    row["reconciled"] = account.is_reconciled
    return row


def _key_trouble(account: ExchangeAccount) -> Decision | None:
    """A missing or unreadable key shows before there is a signal, once for each account."""
    try:
        require_key(account)
    except Exception as error:
        return decision_about(error)
    return None


def _readings(bots: Rows, looked: Looked) -> tuple[list[MarketView | None], list[bool], NDArray[np.int64]]:
    """What each strategy, with its parameters, says of each series; whether it adds; and which of them is whose."""
    both = np.stack([bots["part"].astype(np.int64), bots["recipe"]])
    pairs, index = np.unique(both, axis=1, return_inverse=True)
    asked = [(looked[part][1], known_recipes[recipe]) for part, recipe in pairs.T.tolist()]
    adding = [bool(recipe.known and recipe.known.adds) for _, recipe in asked]
    slow: set[str] = set()
    return [_read(*one, slow) for one in asked], adding, index.reshape(-1)


def _read(view: "SeriesView | Exception", recipe: Recipe, slow: set[str]) -> MarketView | None:
    """``slow``: the strategies that took all the time that one has. Others wait for them once, not for each setting."""
    if isinstance(view, Exception):
        return None
    if recipe.strategy in slow:
        refusal = StrategyFailed(f"{recipe.strategy}: it was too slow with other parameters")
        return view.read(recipe, refusal=refusal)
    begun = monotonic()
    reading = view.read(recipe)
    if monotonic() - begun >= MOST_SECONDS:
        slow.add(recipe.strategy)
    return reading


known_recipes: dict[int, Recipe] = {}


def _has_recipe(bots: Rows) -> NDArray[np.bool_]:
    """Which bots' strategies and parameters are known by what the database makes of them; it is asked for new ones.

    The same number always stands for the same, so it is asked for once in a process.
    """
    recipes, first = np.unique(bots["recipe"], return_index=True)
    missing = [index for recipe, index in zip(recipes.tolist(), first, strict=True) if recipe not in known_recipes]
    having = BotConfig.objects.filter(pk__in=bots["bot"][missing].tolist())
    for recipe, strategy, parameters in having.values_list("recipe", "strategy", "parameters"):
        known_recipes[recipe] = Recipe(strategy, parameters)
    return ~np.isin(bots["recipe"], [recipe for recipe in recipes.tolist() if recipe not in known_recipes])


def reading_row(view: MarketView | None, adds: bool) -> Rows:
    """A row of `screening.READING`."""
    row = np.zeros((), READING)
    if view is None:
        return row
    row["enters_long"], row["enters_short"] = view.signal.enters(Side.BUY), view.signal.enters(Side.SELL)
    row["reduces_long"] = view.signal.reduces(Side.BUY)
    for name, left in (("left_long_at", view.left_long_at), ("left_short_at", view.left_short_at)):
        row[name] = NEVER if left is None else microseconds(left)
    row["trouble"], row["adds"] = REASONS.index(view.trouble), adds
    return row

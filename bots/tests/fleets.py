"""Fleets in the database in which everything occurs, and the nearly equal too: bots, positions, orders, accounts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from bots.exits import ExitSettings, target_price, tightest_stop
from bots.models import BotConfig, BotState, MarginType
from bots.parts import Part
from bots.services.look import SeriesView
from bots.situation import MarketView, Wish
from bots.strategies import Signal
from bots.types import LASTING, STATUS_OF, Reason
from market.models import ExchangeAccount
from market.rounding import round_down
from market.rules import Rules, rules_of
from market.tests.factories import ExchangeAccountFactory, entry, futures_entry
from market.types import Market, OrderType, Side
from trades.models import Order, Position, TermsInForce, Trade

PRICE = Decimal("50012.34")
KNOWN_AT, SOON = timedelta(minutes=30), timedelta(seconds=1)  # clocks may differ
RULES = {Market.SPOT: rules_of(entry(status="TRADING")), Market.FUTURES: rules_of(futures_entry())}
# What strategies say; the one that is blind has no candles, and `adding` may enter again while it holds something.
SIGNALS = {
    "quiet": Signal.NOTHING,
    "buying": Signal.ENTER_LONG,
    "shorting": Signal.ENTER_SHORT,
    "selling": Signal.EXIT_LONG,
    "blind": Signal.NOTHING,
    "adding": Signal.ENTER_LONG,
    "reducing": Signal.REDUCE_LONG,
}
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Kiritimati")


class Dealer:
    """Deals out a fleet by its dice."""

    def __init__(self, seed: int, now: datetime) -> None:
        self.dice, self.now = Random(seed), now
        self.accounts = [self._account(market) for market in Market for _ in range(12)]

    def bots(self, count: int) -> list[BotConfig]:
        """A fleet of so many bots."""
        return [self._bot(number) for number in range(count)]

    def looked(self, bots: Sequence[BotConfig]) -> list[tuple[Part, SeriesView | Exception]]:
        """Their series as a tick has looked at them, each a part."""
        ids = [bot.pk for bot in bots]
        series = sorted({bot.series for bot in bots})
        return [(Part(item, min(ids), max(ids), 0), self._view(item)) for item in series]

    def _view(self, series: object) -> SeriesView:
        close = series.last_close_at(self.now)  # type: ignore[attr-defined]
        rules = RULES[series.market]  # type: ignore[attr-defined]
        view = SeriesView(series, ValueError("unused"), PRICE, rules, close, self.now, "")  # type: ignore[arg-type]
        for name, signal in SIGNALS.items():
            left = self.now - KNOWN_AT if self.dice.random() < 0.3 else None
            trouble = Reason.STALE_DATA if name == "blind" else Reason.NONE
            view._views[f"{name} {{}}"] = MarketView(signal, close, f"{name} so", PRICE, rules, left, left, trouble)
        return view

    def _account(self, market: Market) -> ExchangeAccount:
        dice = self.dice
        return ExchangeAccountFactory(
            market=market,
            api_key=dice.choice(["key"] * 11 + [""]),
            state=dice.choice(["active"] * 10 + ["reducing", "halted"]),
            cooldown_until=dice.choice([None] * 11 + [self.now + timedelta(minutes=1)]),
            key_error=dice.choice([""] * 11 + ["the key was refused"]),
            reconciled_at=dice.choice([self.now] * 11 + [None]),
        )

    def _bot(self, number: int) -> BotConfig:
        dice = self.dice
        account = dice.choice(self.accounts)
        position = self._position(account, number)
        settings = ExitSettings(
            *(dice.choice([None, None, Decimal(dice.randint(1, 900)) / 100, Decimal(2)]) for _ in range(4)),
        )
        bot = BotConfig.objects.create(
            owner=account.owner,
            account=account,
            name=f"bot {number}",
            symbol=position.symbol,
            position=position,
            desired_state=dice.choice([Wish.RUN] * 4 + [Wish.STOP, Wish.FLATTEN]),
            strategy=dice.choice([*SIGNALS]),
            interval=dice.choice(["1m", "5m"]),
            leverage=3 if account.market == Market.FUTURES else 1,
            margin_type=dice.choice(MarginType.values),
            initial_capital=1000,
            sizing_mode="percent",
            sizing_value=50,
            stop_loss_percent=settings.stop_loss_percent,
            take_profit_percent=settings.take_profit_percent,
            trailing_stop_percent=settings.trailing_stop_percent,
            break_even_percent=settings.break_even_percent,
            take_profit_steps=dice.choice([[]] * 5 + [[[1, 50], [2, 50]]]),
            exits_when_stopped=dice.random() < 0.7,
            entries_paused=dice.random() < 0.15,
            max_daily_trades=dice.choice([None, None, 0, 1, 2]),
            max_daily_loss_perc=dice.choice([None, None, 1]),
            daily_target_perc=dice.choice([None, None, 2]),
            cooldown_minutes=dice.choice([0, 0, 5, 90]),
            time_zone=dice.choice(ZONES),
        )
        self._state(bot)
        if account.market == Market.FUTURES:
            self._terms(bot)
        self._orders(bot, settings, RULES[account.market])
        return bot

    def _position(self, account: ExchangeAccount, number: int) -> Position:
        dice, rules = self.dice, RULES[Market(account.market)]
        step = rules.market_lot.step
        whole = step * dice.choice([1, 2, dice.randint(1, 400)])
        quantity = dice.choice([Decimal(0)] * 3 + [whole, whole + Decimal("1e-8") * dice.randint(0, 900), step / 3])
        if dice.random() < (0.5 if rules.is_futures else 0.05):
            quantity = -quantity
        # The present price is exactly at a level of some of them.
        near = PRICE / dice.choice([Decimal("0.98"), Decimal("1.02"), Decimal(1), Decimal("0.97"), Decimal("1.1")])
        opened, closed = (
            self._one_of(*map(timedelta, (0, 1, 2))),
            self._one_of(None, *map(timedelta, (0, 0, 1, 2)), -SOON),
        )
        return Position.objects.create(
            account=account,
            symbol=f"B{number}USDT" if rules.is_futures else "BTCUSDT",
            base_asset="BTC",
            quote_asset="USDT",
            smallest_quantity=rules.smallest_quantity,
            quantity=quantity,
            entry_price=round(near, dice.choice([2, 8])) if quantity else 0,
            round=2,
            opened_at=opened,
            closed_at=closed,
        )

    def _state(self, bot: BotConfig) -> None:
        dice = self.dice
        reason = dice.choice([Reason.NONE, Reason.NO_SIGNAL, Reason.KILL_SWITCH, Reason.STALE_DATA])
        BotState.objects.create(
            bot=bot,
            status=dice.choice([STATUS_OF[reason]] * 3 + ["stopped"]) if not reason else STATUS_OF[reason],
            reason=reason,
            changed_at=self._one_of(None, timedelta(hours=1)),
            best_price=dice.choice([None, PRICE, PRICE * Decimal("1.03"), PRICE * Decimal("0.97")]),
            best_round=dice.choice([1, 2, 2]),
            lockout=dice.choice([""] * 9 + [*LASTING]) if dice.random() < 0.3 else "",
        )

    def _terms(self, bot: BotConfig) -> None:
        dice, entry_price = self.dice, bot.position.entry_price
        if dice.random() < 0.1:
            return
        TermsInForce.objects.create(
            position=bot.position,
            leverage=dice.choice([3, 3, 3, 5]),
            is_isolated=dice.choice([bot.is_isolated] * 3 + [not bot.is_isolated]),
            key_mark=dice.choice([bot.account.key_mark] * 4 + ["another"]),
            asked_at=self._one_of(timedelta(minutes=1), timedelta(hours=1)),
            problem=dice.choice([""] * 4 + ["no leverage"]),
            liquidation_price=dice.choice([None, round(entry_price * Decimal("0.7"), 2), PRICE, entry_price]),
            liquidation_round=dice.choice([1, 2, 2, 2]),
        )

    def _orders(self, bot: BotConfig, settings: ExitSettings, rules: Rules) -> None:
        """What rests for it, mostly what should; and what it has traded today."""
        dice, position = self.dice, bot.position
        if dice.random() < 0.3:
            self._trade(bot)
        if not position.quantity or dice.random() < 0.2:
            if dice.random() < 0.2:
                self._order(bot, OrderType.MARKET, purpose="entry", status="submitted", price=None)
            return
        side = Side.BUY if position.quantity > 0 else Side.SELL
        best = bot.state.best_price_so_far
        levels = {
            OrderType.STOP: tightest_stop(settings, side=side, entry_price=position.entry_price, best_price=best),
            OrderType.TARGET: settings.take_profit_percent
            and target_price(position.entry_price, side, settings.take_profit_percent),
        }
        if dice.random() < 0.15:  # reached and canceled, now or in another round
            target = {"purpose": "protection", "status": "canceled", "price": PRICE, "filled_quantity": Decimal("1e-5")}
            self._order(bot, OrderType.TARGET, side=side.opposite, round=dice.choice([1, 2]), **target)
        if dice.random() < 0.05:
            self._order(bot, OrderType.MARKET, purpose="exit", status="unknown", side=side.opposite, price=None)
        for kind, level in levels.items():
            if level and dice.random() < 0.95:
                off = self._odd(0, 1, -1, 300) * rules.tick_size
                price = round_down(level, rules.tick_size) + off
                self._order(bot, kind, purpose="protection", status="open", price=price, side=side.opposite)

    def _order(self, bot: BotConfig, kind: OrderType, *, side: Side = Side.BUY, **fields: object) -> None:
        rules = RULES[Market(bot.market)]
        whole = rules.tradable(bot.position.quantity) or rules.market_lot.step
        step = rules.market_lot.step
        quantity = self._odd(whole, whole + step, max(whole - step, step))
        usual = {
            "filled_quantity": self._odd(0, quantity / 2) if fields["purpose"] == "protection" else 0,
            "leg": self._odd(0, 1),
            "round": self._odd(2, 1),
            "cancel_requested_at": self._odd(None, self.now),
        }
        Order.objects.create(
            position=bot.position,
            client_order_id=f"tb-{bot.pk}-{kind}-{fields['status']}",
            signal_key=f"{kind} {fields['status']}",
            side=side,
            type=kind,
            quantity=quantity,
            reference_price=PRICE,
            reason="fleet",
            created_at=self.now,
            signed_at=self.now,
            proof_deadline=self.now,
            **usual | fields,
        )

    def _trade(self, bot: BotConfig) -> None:
        dice = self.dice
        order = Order.objects.create(
            position=bot.position,
            client_order_id=f"tb-{bot.pk}-done",
            signal_key="done",
            purpose="exit",
            side="SELL",
            quantity=1,
            filled_quantity=1,
            status="filled",
            exchange_order_id=bot.pk,
            reference_price=PRICE,
            reason="fleet",
            created_at=self.now,
            signed_at=self.now,
            proof_deadline=self.now,
        )
        Trade.objects.create(
            order=order,
            position=bot.position,
            environment="paper",
            market=bot.market,
            symbol=bot.symbol,
            binance_order_id=bot.pk,
            purpose=dice.choice(["entry", "exit"]),
            side="SELL",
            price=PRICE,
            quantity_filled=1,
            quote_quantity=PRICE,
            commission=0,
            commission_asset="USDT",
            commission_quote=0,
            realized_pnl=dice.choice([-30, -10, 0, 5, 20, 30]),
            created_at=self._one_of(timedelta(minutes=5), timedelta(hours=11)),
        )
        at = order.trade.created_at
        Position.objects.filter(pk=bot.position_id).update(closed_at=at)
        bot.position.closed_at = at

    def _odd(self, usual: Any, *others: Any) -> Any:
        """Mostly the first."""
        return self.dice.choice(others) if self.dice.random() < 0.07 else usual

    def _one_of(self, *ages: timedelta | None) -> datetime | None:
        age = self.dice.choice(ages)
        return None if age is None else self.now - age

"""The daily equity of bots: capital that comes, changes and goes is no return, and nothing is told of later days."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from bots.models import BotConfig, SeriesReading
from bots.services.standings import OF_CLOSINGS, closings
from bots.tests.factories import BotFactory
from market.history import change
from market.tests.factories import ExchangeAccountFactory
from ops.figures import Part, Period, Scope, performance_of, story
from ops.figures import told as said
from ops.figures.booked import booked as sums_by_day
from trades.models import Funding, Position, Trade
from trades.performance import Outcomes
from trades.tests.factories import OrderFactory, PositionFactory, TradeFactory

pytestmark = pytest.mark.django_db
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NOW = FIRST + 10 * DAY + timedelta(hours=12)
PERIOD = Period(FIRST, FIRST + 10 * DAY)
OF_ALL = Part(Scope(None), "paper")


def made(day: float, capital: int = 1000, **settings: object) -> BotConfig:
    """A bot that was made on that day."""
    bot = BotFactory(initial_capital=Decimal(capital), **settings)
    at = FIRST + day * DAY
    BotConfig.objects.filter(pk=bot.pk).update(created_at=at)
    BotConfig.history.filter(id=bot.pk).update(history_date=at)
    return bot


def booked(position: Position, day: float, pnl: object, *, purpose: str = "exit", fee: int = 0) -> None:
    at = FIRST + day * DAY
    side = "BUY" if purpose == "entry" else "SELL"
    order = OrderFactory(position=position, purpose="exit", side=side)
    told = {"purpose": purpose, "side": side, "created_at": at, "commission_quote": fee}
    TradeFactory(order=order, realized_pnl=Decimal(str(pnl)), **told)
    position.refresh_from_db()
    Position.objects.filter(pk=position.pk).update(realized_pnl=position.realized_pnl + Decimal(str(pnl)))


def told(period: Period = PERIOD, part: Part = OF_ALL) -> tuple[float, list[date], list[float], list[float]]:
    """Start, dates, equity and what was put in."""
    found = story(part, period, now=NOW).equity(now=NOW)
    return found.start, list(found.dates), list(found.equity), [] if found.put_in is None else list(found.put_in)


def test_equity_begins_with_the_capital_and_what_was_earned_before():
    bot = made(-5)
    booked(bot.position, -3, 50)
    booked(bot.position, 1.5, -20)
    booked(bot.position, 4.25, 70)
    booked(bot.position, 10.2, 500)  # after the period

    start, dates, equity, put_in = told()

    assert start == 1050
    assert dates == PERIOD.days
    assert equity == [1050, 1030, 1030, 1030, *[1100] * 6]
    assert put_in == [0] * 10


def test_what_is_put_in_is_no_return():
    made(-1)
    late = made(3.5, 500)
    booked(late.position, 4.5, 150)

    start, _, equity, put_in = told()

    assert (start, equity[2:5], put_in[2:5]) == (1000, [1000, 1500, 1650], [0, 500, 0])
    found = performance_of(story(OF_ALL, PERIOD, now=NOW), now=NOW)
    assert found.figures["return_percent"] == pytest.approx(10)


def test_capital_that_was_changed_counts_from_that_day_on():
    bot = made(-2, 1000)
    change(bot, initial_capital=Decimal(400))
    BotConfig.history.filter(id=bot.pk, history_type="~").update(history_date=FIRST + 6.5 * DAY)
    booked(bot.position, 7.5, 40)

    start, _, equity, put_in = told()

    assert (start, equity[5:8], put_in[5:8]) == (1000, [1000, 400, 440], [0, -600, 0])


def test_a_bot_that_is_gone_takes_with_it_what_it_has_earned():
    made(-2, 1000)
    bot = made(-2, 100)
    booked(bot.position, 2.5, 7)
    BotConfig.objects.get(pk=bot.pk).delete()
    BotConfig.history.filter(id=bot.pk, history_type="-").update(history_date=FIRST + 4.5 * DAY)

    start, _, equity, put_in = told()

    assert (start, equity[2:6], put_in[4:6]) == (1100, [1107, 1107, 1107, 1000], [0, -107])


def test_the_capital_of_a_bot_that_is_gone_is_known_when_all_else_of_its_history_was_dropped():
    made(-2, 1000)
    bot = made(-500, 100)
    booked(bot.position, -400, 3)
    booked(bot.position, 2.5, 7)
    BotConfig.objects.get(pk=bot.pk).delete()
    BotConfig.history.filter(id=bot.pk, history_type="-").update(history_date=FIRST + 4.5 * DAY)
    BotConfig.history.filter(id=bot.pk).exclude(history_type="-").delete()

    start, _, equity, put_in = told()

    assert (start, equity[1:6], put_in[4:6]) == (1103, [1103, 1110, 1110, 1110, 1000], [0, -110])


def test_a_series_ends_when_the_last_bot_is_gone():
    bot = made(1, 100)
    booked(bot.position, 2.5, "0.1")
    BotConfig.objects.get(pk=bot.pk).delete()
    BotConfig.history.filter(id=bot.pk, history_type="-").update(history_date=FIRST + 4.5 * DAY)

    start, dates, equity, _ = told()

    assert (start, dates, equity) == (0, PERIOD.days[1:5], [100, 100.1, 100.1, 100.1])


def test_positions_without_capital_have_results_and_no_return():
    bot = made(-2)
    hand = PositionFactory(account=bot.account, symbol="ETHUSDT", by_hand=True)
    booked(bot.position, 1.5, 10)
    booked(hand, 1.5, 5)

    found = story(OF_ALL, PERIOD, now=NOW)

    assert (found.sums.pnl, found.apart) == (15, 1)
    assert told()[2][1] == 1010


@pytest.mark.parametrize("growth", [10.0**22, -(10.0**22), float("inf"), float("nan")])
def test_a_number_that_nobody_can_mean_is_insufficient_data(growth):
    """A year's growth of few days with next to no capital."""
    assert said({"cagr_percent": growth, "sharpe": 1.5}) == {
        "cagr_percent": None,
        "sharpe": Decimal("1.5"),
        "insufficient_data": ["cagr_percent"],
    }


def test_funding_is_earned_too():
    bot = made(-2)
    Funding.objects.create(
        position=bot.position, account=bot.account, transaction_id=1, amount=-3, paid_at=FIRST + 2.5 * DAY
    )
    Position.objects.filter(pk=bot.position_id).update(realized_pnl=-3, funding=-3)

    found = story(OF_ALL, PERIOD, now=NOW)

    assert (found.sums.funding, found.sums.earned) == (-3, -3)
    assert told()[2][1:3] == [1000, 997]


def test_capital_was_there_when_the_first_trade_was_booked():
    bot = made(5)
    booked(bot.position, 3.5, 10)

    assert told()[1:3] == (PERIOD.days[3:], [1010] * 7)
    booked(bot.position, -3.5, 10)
    assert (told()[0], told()[2][0]) == (1010, 1010)


def test_figures_are_of_the_period_alone_and_what_is_open_is_known_of_now_only():
    bot = made(-2)
    for day, pnl in ((0.5, 5), (1.5, -2), (2.5, -3), (3.5, 4), (10.1, 100)):
        booked(bot.position, day, -0.5, purpose="entry", fee=1)
        booked(bot.position, day + 0.1, pnl + 0.5)

    found = performance_of(story(OF_ALL, PERIOD, now=NOW), now=NOW)

    assert (found.realized_pnl, found.unrealized_pnl) == (4, None)
    ends = found.outcomes
    assert (ends.closed, ends.won, ends.lost, ends.longest_losing_streak, ends.best) == (4, 2, 2, 2, 5)
    assert (ends.gross_profit, ends.gross_loss) == (9, -5)
    assert found.exposure_percent == pytest.approx(100 * 4 * 0.1 / 10)
    assert found.risk.days == 10
    until_today = Period(FIRST, FIRST + 11 * DAY)
    assert performance_of(story(OF_ALL, until_today, now=NOW), now=NOW).unrealized_pnl == 0


def test_what_is_held_counts_as_exposure_until_now():
    bot = made(-2)
    booked(bot.position, -1.5, 0, purpose="entry")
    Position.objects.filter(pk=bot.position_id).update(quantity=Decimal("0.01"), opened_at=FIRST - 1.5 * DAY)
    assert performance_of(story(OF_ALL, PERIOD, now=NOW), now=NOW).exposure_percent == pytest.approx(100)

    Position.objects.filter(pk=bot.position_id).update(quantity=0)
    booked(bot.position, 2.5, 10)
    assert performance_of(story(OF_ALL, PERIOD, now=NOW), now=NOW).exposure_percent == pytest.approx(25)


def test_what_was_held_before_the_period_and_is_bought_again_in_it_counts_from_its_beginning():
    bot = made(-2)
    for day, purpose in ((-1.5, "entry"), (2.5, "entry"), (5, "exit"), (7, "entry"), (8, "exit")):
        booked(bot.position, day, 0, purpose=purpose)
    Trade.objects.filter(created_at=FIRST + 5 * DAY).update(quantity_filled=Decimal("0.02"))

    assert performance_of(story(OF_ALL, PERIOD, now=NOW), now=NOW).exposure_percent == pytest.approx(60)


def test_a_part_without_positions_has_nothing():
    nobody = Part(Scope(ExchangeAccountFactory().owner_id), "paper")

    found = performance_of(story(nobody, PERIOD, now=NOW), now=NOW)

    assert (found.realized_pnl, found.outcomes.closed, found.risk.days, found.exposure_percent) == (0, 0, 0, None)


def test_parts_are_told_apart():
    one, other = made(-2, strategy="macd"), made(-2, 10, symbol="ETHUSDT")
    booked(one.position, 1.5, 10)
    booked(other.position, 1.5, 5)

    def earned(scope: Scope) -> Decimal:
        return story(Part(scope, "paper"), PERIOD, now=NOW).sums.earned

    assert earned(Scope(None)) == 15
    assert earned(Scope(None, strategy="macd")) == 10
    assert earned(Scope(None, symbol="ETHUSDT")) == 5
    assert earned(Scope(one.owner_id, bot=one.pk)) == 10
    assert earned(Scope(other.owner_id, bot=one.pk)) == 0


@pytest.mark.parametrize("is_of_all", [True, False], ids=["of everybody", "of one"])
def test_play_money_and_real_money_are_never_added_up(is_of_all):
    """Not in the sums of everybody either, where rows are found by their own environment and not by positions."""
    play = made(-2)
    account = ExchangeAccountFactory(owner=play.owner, environment="testnet", market=play.account.market)
    real = made(-2, 100, account=account)
    for bot, pnl in ((play, 10), (real, -3)):
        booked(bot.position, 1.5, 0, purpose="entry")
        booked(bot.position, 1.75, pnl)
        booked(bot.position, 1.9, 0, purpose="entry")  # what is held now
        Trade.objects.filter(created_at=FIRST + 1.9 * DAY).update(quantity_filled=1)
        paid = {"account": bot.account, "transaction_id": bot.pk, "paid_at": FIRST + 2.5 * DAY}
        Funding.objects.create(position=bot.position, amount=Decimal(pnl) / 10, **paid)
        Position.objects.filter(pk=bot.position_id).update(
            quantity=1, entry_price=100, realized_pnl=Decimal(pnl) * 11 / 10
        )
        reading = {"environment": bot.account.environment, "market": bot.market, "symbol": bot.symbol, "interval": "1m"}
        SeriesReading.objects.create(**reading, evaluated_at=NOW, price=100 + pnl)
    Trade.objects.filter(position=real.position_id).update(environment="testnet")
    scope, until_today = Scope(None if is_of_all else play.owner_id), Period(FIRST, FIRST + 11 * DAY)

    def figures_of(environment: str) -> tuple[object, ...]:
        part = Part(scope, environment)
        found = story(part, until_today, now=NOW)
        all_of_it = performance_of(found, now=NOW)
        days = booked_days(part.scope, environment)
        return found.flows.start, found.sums.earned, all_of_it.unrealized_pnl, all_of_it.outcomes.gross_loss, days

    def booked_days(scope: Scope, environment: str) -> Decimal:
        days = sums_by_day(Part(scope, environment), since=until_today.begin, until=until_today.end).days.values()
        return sum((day.earned for day in days), Decimal(0))

    assert figures_of("paper") == (1000, 11, 10, 0, 11)
    assert figures_of("testnet") == (100, Decimal("-3.3"), -3, -3, Decimal("-3.3"))


def test_a_fee_that_was_paid_in_coins_is_held_no_more():
    bot = made(-2)
    booked(bot.position, 1, 0, purpose="entry")
    booked(bot.position, 2, -4)
    booked(bot.position, 3, 5)
    booked(bot.position, 4, 0, purpose="entry")
    booked(bot.position, 5, 0)
    for day, quantity in ((1, "1"), (2, "0.5"), (3, "0.5"), (4, "1"), (5, "0.4")):
        Trade.objects.filter(created_at=FIRST + day * DAY).update(quantity_filled=Decimal(quantity))
    paid = {"commission": Decimal("0.6"), "commission_asset": bot.position.base_asset}
    Trade.objects.filter(created_at=FIRST + 4 * DAY).update(**paid)

    ends = performance_of(story(OF_ALL, PERIOD, now=NOW), now=NOW).outcomes

    assert (ends.closed, ends.won, ends.lost) == (2, 1, 0)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_told_in_bulk_is_what_one_finds_trade_by_trade(seed):
    dice = random.Random(seed)
    bots = [made(-1, capital, symbol=symbol) for capital, symbol in ((1000, "BTCUSDT"), (50, "ETHUSDT"))]
    for bot in bots:
        held, day = 0, 0.0
        while (day := day + dice.random() / 2) < 10.4:
            purpose = "entry" if not held or dice.random() < 0.3 else "exit"
            quantity = 1 if purpose == "entry" else dice.randint(1, held)
            held += quantity if purpose == "entry" else -quantity
            booked(bot.position, day, dice.randint(-9, 9), purpose=purpose)
            Trade.objects.filter(pk=Trade.objects.latest("pk").pk).update(quantity_filled=quantity)
        Position.objects.filter(pk=bot.position_id).update(quantity=held, opened_at=FIRST)

    whole = Period(FIRST, FIRST + 11 * DAY)
    found = performance_of(story(OF_ALL, whole, now=NOW), now=NOW)

    assert found.outcomes == Outcomes.of(_one_by_one(bots))
    _, dates, equity, _ = told(whole)
    assert equity == [
        1050 + sum(float(trade.realized_pnl) for trade in Trade.objects.all() if trade.created_at.date() <= day)
        for day in dates
    ]


def _one_by_one(bots: list[BotConfig]) -> list[Decimal]:
    """What each round brought, by the rule that stops a bot after losses in a row, in the order of closing."""
    ended = []
    for bot in bots:
        position, pnl = Position.objects.get(pk=bot.position_id), Decimal(0)
        trades = Trade.objects.filter(position=position).order_by("-created_at", "-pk")
        moments = list(trades.values_list("created_at", flat=True))[::-1]
        for at, (closes, amount) in zip(moments, closings(position, trades.values_list(*OF_CLOSINGS)), strict=True):
            pnl += amount
            if closes:
                ended.append((at, pnl))
                pnl = Decimal(0)
    return [pnl for _, pnl in sorted(ended)]

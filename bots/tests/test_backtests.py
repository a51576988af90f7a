"""Backtests of users: asked for with what is wrong with them, run on the exchange's candles, kept, and held by one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import repeat

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from bots.models import Backtest, BacktestPart
from bots.services import backtests
from bots.services.backtests import holding, running
from bots.services.backtests.asking import NotYourBacktest
from bots.services.backtests.history import HistoryMissing, Span, candles_of
from bots.services.owners import NotYourBot
from bots.strategies import STRATEGIES
from bots.tests.factories import BacktestFactory, BotFactory
from market.exchange.errors import BudgetSpent, ExchangeUnavailable
from market.tests.factories import SymbolRulesFactory, UserFactory
from market.types import Series

pytestmark = pytest.mark.django_db
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
WHOLE = {
    "environment": "paper",
    "market": "spot",
    "symbol": "BTCUSDT",
    "strategy": "ema_rsi",
    "interval": "1m",
    "initial_capital": Decimal(1000),
    "sizing_value": Decimal(50),
}


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def period(now):
    """The day before yesterday until yesterday."""
    return {"begin_at": now - 2 * DAY, "end_at": now - DAY}


@pytest.fixture
def bot():
    return BotFactory(stop_loss_percent=Decimal(2), parameters={"ema_fast": 5, "ema_slow": 12})


def ask(bot, now, **values):
    return backtests.ask_for_backtest(bot.owner, values, bot=bot, by=bot.owner, now=now)


def faults_of(bot, now, **values):
    with pytest.raises(ValidationError) as refused:
        ask(bot, now, **values)
    return refused.value.message_dict


# --- asking


def test_a_backtest_copies_the_bot_and_goes_on_without_it(bot, period, now):
    asked = ask(bot, now, **period)

    bot.delete()

    asked = Backtest.objects.get()
    subject = backtests.subject_of(asked)
    assert (asked.bot, asked.name, asked.status, asked.interval) == (None, bot.name, "queued", "1m")
    assert (subject.exits.stop_loss_percent, subject.parameters) == (2, {"ema_fast": 5, "ema_slow": 12})
    assert (subject.setup.initial_capital, subject.setup.futures) == (1000, False)


def test_what_is_given_beside_the_bot_is_tested_instead(bot, period, now):
    asked = ask(bot, now, **period, interval="5m", stop_loss_percent=Decimal(3), name="wider", symbol="BTCUSDT")

    assert (asked.interval, asked.name, asked.chosen["stop_loss_percent"]) == ("5m", "wider", "3")
    assert asked.chosen["sizing_value"] == "50"


def test_a_backtest_needs_no_bot(period, now):
    SymbolRulesFactory()
    user = UserFactory()

    asked = backtests.ask_for_backtest(user, WHOLE | period, by=user, now=now)

    assert (asked.name, asked.owner, asked.bot) == ("ema_rsi BTCUSDT 1m", user, None)


@pytest.mark.parametrize(
    ("field", "values", "words"),
    [
        ("end_at", {"end_at": lambda now: now + MINUTE}, "is after now"),
        ("begin_at", {"begin_at": lambda now: now - DAY}, "must be before end_at"),
        ("begin_at", {"begin_at": lambda now: datetime(2009, 1, 1, tzinfo=UTC)}, "is before 2010-01-01"),
        ("begin_at", {"begin_at": lambda now: now - 500 * DAY}, "at most 600,000 are tested"),
        ("end_at", {"end_at": lambda now: now - 2 * DAY + timedelta(seconds=30)}, "no whole candle of 1m"),
        ("fee_percent", {"fee_percent": lambda now: Decimal("5.1")}, "less than or equal to 5"),
        ("slippage_percent", {"slippage_percent": lambda now: Decimal("-0.1")}, "greater than or equal to 0"),
        ("stop_loss_percent", {"stop_loss_percent": lambda now: Decimal(101)}, "101 must be above 0 and at most 100"),
        ("leverage", {"leverage": lambda now: 2}, "2 must be 1 on spot"),
        ("parameters", {"parameters": lambda now: {"ema_fast": 0}}, "ema_fast: 0 is below the minimum"),
        ("strategy", {"strategy": lambda now: "nonsense"}, "nonsense"),
        ("strategy", {"strategy": lambda now: "webhook_signal", "parameters": lambda now: {}}, "from outside"),
        ("symbol", {"symbol": lambda now: "NOSUCH"}, "'NOSUCH' is unknown on paper spot"),
        ("environment", {"environment": lambda now: "live"}, "'live' is not there on this platform; paper is"),
        ("market", {"market": lambda now: "margin"}, "'margin' is not a valid choice"),
        ("interval", {"interval": lambda now: "2m"}, "'2m' is not a valid choice"),
        ("time_zone", {"time_zone": lambda now: "Mars"}, "'Mars' is no time zone"),
        ("sizing_value", {"sizing_value": lambda now: Decimal(0)}, "0 must be above 0"),
        ("initial_capital", {"initial_capital": lambda now: None}, "cannot be null"),
    ],
)
def test_what_is_wrong_is_said_with_field_value_and_bound(bot, period, now, field, values, words):
    told = faults_of(bot, now, **period | {name: value(now) for name, value in values.items()})

    assert words in " ".join(told[field])
    assert not Backtest.objects.exists()


def test_three_wait_at_most_and_a_hundred_are_kept(bot, period, now, monkeypatch):
    first, *_ = [ask(bot, now, **period) for _ in range(3)]

    with pytest.raises(backtests.TooManyBacktests, match="wait or run, the most that may"):
        ask(bot, now, **period)
    backtests.cancel_backtest(first, by=bot.owner, now=now)
    monkeypatch.setattr("bots.services.backtests.asking.MOST_KEPT", 3)
    with pytest.raises(backtests.TooManyBacktests, match="are kept, the most that may"):
        ask(bot, now, **period)
    backtests.delete_backtest(first, by=bot.owner)

    assert ask(bot, now, **period).status == "queued"
    assert ask(BotFactory(), now, **period).status == "queued"  # of somebody else


def test_what_is_anothers_is_not_tested_canceled_or_deleted(bot, period, now):
    other, asked = UserFactory(), ask(bot, now, **period)

    with pytest.raises(NotYourBot):
        backtests.ask_for_backtest(bot.owner, period, bot=bot, by=other, now=now)
    with pytest.raises(NotYourBacktest):
        backtests.ask_for_backtest(bot.owner, WHOLE | period, by=other, now=now)
    for act in (backtests.ask_again, backtests.cancel_backtest):
        with pytest.raises(NotYourBacktest):
            act(asked, by=other, now=now)
    with pytest.raises(NotYourBacktest):
        backtests.delete_backtest(asked, by=other)
    assert Backtest.objects.get().status == "queued"


def test_the_same_is_asked_for_again_in_a_row_of_its_own(bot, period, now):
    asked = ask(bot, now, **period, fee_percent=Decimal("0.05"))

    again = backtests.ask_again(asked, by=bot.owner, now=now)

    same = ("name", "chosen", "begin_at", "end_at", "fee_percent", "symbol", "bot_id")
    assert again.pk != asked.pk
    assert [getattr(again, name) for name in same] == [
        getattr(Backtest.objects.get(pk=asked.pk), name) for name in same
    ]


# --- running, on the candles of a real paper exchange


def test_a_backtest_is_run_on_the_candles_of_the_exchange(paper, bot, period, now):
    asked = ask(bot, now, **period)

    assert backtests.run_backtest(asked.pk, clock=timezone.now) == "done"

    done = Backtest.objects.get()
    days = list(backtests.days_of(done))
    rounds = list(backtests.rows_of(done, BacktestPart.Kind.ROUNDS))
    equity = backtests.equity_of(done)
    assert (done.status, done.progress_percent, done.error, done.attempts) == ("done", 100, "", 1)
    assert done.started_at <= done.ended_at
    assert done.figures["candles"] in (1439, 1440)
    assert done.closed == len(rounds) == sum(day[4] for day in days) > 0
    assert done.net_profit == pytest.approx(days[-1][1] - 1000)
    assert done.net_profit == pytest.approx(sum(day[2] for day in days))
    assert done.return_percent == pytest.approx(done.net_profit / 10)
    assert equity[-1][1] == days[-1][1]
    assert len(days) in (2, 3)
    assert done.sharpe is None  # of two days


def test_the_same_backtest_comes_to_the_same(paper, bot, period, now):
    asked = ask(bot, now, **period)
    again = backtests.ask_again(asked, by=bot.owner, now=now)

    for one in (asked, again):
        backtests.run_backtest(one.pk, clock=timezone.now)

    first, second = Backtest.objects.order_by("pk")
    assert first.figures == second.figures
    for kind in BacktestPart.Kind:
        assert list(backtests.rows_of(first, kind)) == list(backtests.rows_of(second, kind))


def test_history_that_the_exchange_does_not_have_is_named(paper, bot, now):
    asked = ask(
        bot, now, begin_at=datetime(2012, 1, 1, tzinfo=UTC), end_at=datetime(2012, 3, 1, tzinfo=UTC), interval="1d"
    )

    backtests.run_backtest(asked.pk, clock=timezone.now)

    done = Backtest.objects.get()
    assert done.status == "failed"
    assert "paper:spot:BTCUSDT:1d" in done.error
    assert "the exchange has no candles before" in done.error or "the exchange's candles begin at" in done.error


def test_an_exchange_that_is_away_is_tried_three_times(bot, period, now, monkeypatch):
    def away(*args, **kwargs):
        raise ExchangeUnavailable("it is away")

    monkeypatch.setattr(running, "candles_of", away)
    asked, seen = ask(bot, now, **period), []

    for _ in range(3):
        backtests.run_backtest(asked.pk, clock=timezone.now)
        seen.append(Backtest.objects.get().status)

    assert seen == ["queued", "queued", "failed"]
    assert "it is away; tried 3 times" in Backtest.objects.get().error


def test_a_bug_ends_it_and_is_raised(bot, period, now, monkeypatch):
    asked = ask(bot, now, **period)
    monkeypatch.setattr(running, "candles_of", lambda *args, **kwargs: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        backtests.run_backtest(asked.pk, clock=timezone.now)

    assert Backtest.objects.get().error == "internal error: ZeroDivisionError"


def test_a_strategy_that_is_gone_is_said(bot, period, now, monkeypatch):
    asked = ask(bot, now, **period)
    monkeypatch.delitem(STRATEGIES, "ema_rsi")

    backtests.run_backtest(asked.pk, clock=timezone.now)

    assert Backtest.objects.get().error == "strategy 'ema_rsi' is unknown"


# --- one worker at a time


def test_one_worker_alone_runs_it(bot, period, now):
    asked = ask(bot, now, **period)

    first, second = (holding.claim(asked.pk, clock=timezone.now) for _ in range(2))

    assert first is not None
    assert second is None
    assert backtests.run_backtest(asked.pk, clock=timezone.now) == "skipped"


def ticking(now):
    """A clock of which each look is a minute later."""
    moments = iter(now + minute * MINUTE for minute in range(1, 1_000))
    return lambda: next(moments)


@pytest.mark.parametrize("ends", ["canceled", "deleted", "taken over"])
def test_a_worker_notices_that_nobody_wants_the_rest(bot, period, now, ends):
    asked = ask(bot, now, **period)
    hold = holding.claim(asked.pk, clock=ticking(now))
    hold.beat(0.25)
    assert Backtest.objects.get().progress_percent == 25

    if ends == "canceled":
        backtests.cancel_backtest(asked, by=bot.owner, now=now)
    elif ends == "deleted":
        backtests.delete_backtest(asked, by=bot.owner)
    else:
        assert backtests.lost_backtests(now=now + DAY) == [asked.pk]
        holding.claim(asked.pk, clock=ticking(now))

    with pytest.raises(holding.Stopped):
        hold.beat(0.5)
    with pytest.raises(holding.Stopped):
        hold.finish(
            [BacktestPart(backtest_id=hold.backtest.pk, kind="days", number=0, rows=[])], closed=0, net_profit=0
        )
    assert not BacktestPart.objects.exists()


def test_what_has_ended_is_not_canceled(bot, period, now):
    asked = ask(bot, now, **period)
    backtests.cancel_backtest(asked, by=bot.owner, now=now)

    with pytest.raises(backtests.HasEnded):
        backtests.cancel_backtest(asked, by=bot.owner, now=now)


def test_a_backtest_that_lost_its_worker_is_found_again_and_gives_up_after_three(bot, period, now):
    asked, clock = ask(bot, now, **period), now

    for attempt in range(1, 4):
        assert holding.claim(asked.pk, clock=repeat(clock).__next__).backtest.attempts == attempt
        assert backtests.lost_backtests(now=clock + timedelta(seconds=59)) == []
        clock += timedelta(seconds=60)
        assert backtests.lost_backtests(now=clock) == ([asked.pk] if attempt < 3 else [])

    lost = Backtest.objects.get()
    assert (lost.status, lost.attempts) == ("failed", 3)
    assert "its worker was lost 3 times" in lost.error


def test_a_backtest_whose_task_never_came_is_sent_again_once_a_minute(bot, period, now):
    asked = ask(bot, now, **period)

    assert backtests.lost_backtests(now=now + timedelta(seconds=59)) == []
    assert backtests.lost_backtests(now=now + timedelta(seconds=60)) == [asked.pk]
    assert backtests.lost_backtests(now=now + timedelta(seconds=61)) == []


# --- candles


def candles_with(monkeypatch, paged):
    class Gateway:
        candles = staticmethod(paged)

    monkeypatch.setattr("bots.services.backtests.history.public_gateway", lambda *exchange: Gateway)


def rows_of(*minutes):
    return np.array([[minute * 60_000, 1.0, 1.0, 1.0, 1.0, 1.0] for minute in minutes])


def span_of(first, begin, end):
    return Span(Series("paper", "spot", "BTCUSDT", "1m"), first * 60_000, begin * 60_000, end * 60_000)


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ([], "the exchange has no candles before 1970-01-01 00:20 UTC"),
        (
            range(8, 20),
            "begin at 1970-01-01 00:08 UTC; with 5 candles of warm-up they are needed from 1970-01-01 00:05",
        ),
        ([*range(5, 10), *range(13, 20)], "lacks 3 candles: from 1970-01-01 00:10 UTC to before 1970-01-01 00:13 UTC"),
        ([*range(5, 18)], "lacks 2 candles: from 1970-01-01 00:18 UTC to before 1970-01-01 00:20 UTC"),
        ([*range(5, 9), *range(10, 14), *range(15, 20)], "lacks 2 candles: from .* and at 1 more places"),
    ],
)
def test_nothing_is_made_up_for_candles_that_are_missing(monkeypatch, there, words):
    def paged(symbol, interval, *, limit, until):
        opened = [minute for minute in there if minute * MINUTE < until - datetime(1970, 1, 1, tzinfo=UTC)]
        return rows_of(*opened[-4:]).reshape(-1, 6)

    candles_with(monkeypatch, paged)

    with pytest.raises(HistoryMissing, match=words):
        candles_of(span_of(5, 10, 20), beat=lambda share: None)


def test_candles_come_page_by_page_and_the_minute_that_is_spent_is_waited_for(monkeypatch):
    slept, shares, asked = [], [], []

    def paged(symbol, interval, *, limit, until):
        asked.append(until)
        if len(asked) == 2:
            raise BudgetSpent("the rest is for others", retry_after=timedelta(seconds=3))
        opened = [minute for minute in range(100) if minute * MINUTE < until - datetime(1970, 1, 1, tzinfo=UTC)]
        return rows_of(*opened[-4:])

    candles_with(monkeypatch, paged)

    candles = candles_of(span_of(5, 10, 20), beat=shares.append, sleep=slept.append)

    assert [ms // 60_000 for ms in candles.open_time_ms.tolist()] == list(range(5, 20))
    assert (len(slept), len(asked)) == (3, 5)
    assert shares == sorted(shares)


# --- keeping


def test_old_backtests_go_with_all_that_came_of_them(now, settings):
    old = BacktestFactory(status="canceled", ended_at=now - timedelta(days=settings.BACKTESTS_KEPT_DAYS, seconds=1))
    young = BacktestFactory(status="canceled", ended_at=now - DAY)
    waiting = BacktestFactory(asked_at=now - 999 * DAY)
    BacktestPart.objects.create(backtest=old, kind="days", number=0, rows=[])

    assert backtests.drop_old_backtests(now=now) == 1

    assert set(Backtest.objects.all()) == {young, waiting}


@pytest.mark.parametrize(
    "wrong",
    [
        {"end_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"fee_percent": Decimal(6)},
        {"progress_percent": 101},
        {"attempts": 4},
        {"status": "done", "ended_at": datetime(2026, 3, 1, tzinfo=UTC)},
        {"status": "failed", "ended_at": datetime(2026, 3, 1, tzinfo=UTC)},
        {"status": "canceled"},
        {"error": "why"},
        {"closed": 1},
    ],
)
def test_the_database_keeps_the_promises(wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        BacktestFactory(begin_at=datetime(2026, 1, 1, tzinfo=UTC), **wrong)


def test_months_are_made_of_days():
    days = [
        ["2026-01-30", 110.0, 10.0, 10.0, 2],
        ["2026-01-31", 99.0, -11.0, -10.0, 1],
        ["2026-02-01", 99.0, 0.0, 0.0, 0],
    ]

    told = list(backtests.months_of(days))

    assert told == [["2026-01", 99.0, -1.0, -1.0, 3], ["2026-02", 99.0, 0.0, 0.0, 0]]

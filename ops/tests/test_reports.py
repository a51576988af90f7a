"""Reports are written down, made once by a worker, and say what the books say; snapshots of days are written once."""

import json
import signal
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from celery import current_app
from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, connection, transaction

from bots.models import BotConfig, SeriesReading
from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory, UserFactory
from ops import dead_letters, reports, tasks
from ops.dead_letters import Failure
from ops.models import PerformanceSnapshot, Report
from ops.reports import Wanted
from ops.reports.asking import MOST_WAITING
from ops.roles import create_groups
from ops.schedules import SCHEDULES
from trades.models import Position
from trades.tests.factories import OrderFactory, TradeFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 11, 0, 20, tzinfo=UTC)  # a Wednesday
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LAST_WEEK = (date(2026, 3, 1), date(2026, 3, 7))


def person(role: str) -> User:
    """Somebody of a role."""
    create_groups()
    user = UserFactory(username=f"the-{role}")
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def trader():
    return person("trader")


@pytest.fixture
def bot(trader):
    return made(BotFactory(account=ExchangeAccountFactory(owner=trader), name="=trend"))


def made(bot, ago=30):
    at = NOW - ago * DAY
    BotConfig.objects.filter(pk=bot.pk).update(created_at=at)
    BotConfig.history.filter(id=bot.pk).update(history_date=at)
    return bot


def go_round(bot, at, pnl, fee="0.5"):
    """An entry and an exit that come to ``pnl``."""
    order = {"position": bot.position, "purpose": "exit"}
    TradeFactory(order=OrderFactory(**order), purpose="entry", realized_pnl=0, created_at=at, symbol=bot.symbol)
    later = at + timedelta(minutes=30)
    told = {"side": "SELL", "commission_quote": Decimal(fee), "symbol": bot.symbol}
    TradeFactory(order=OrderFactory(**order), purpose="exit", realized_pnl=Decimal(pnl), created_at=later, **told)
    position = Position.objects.get(pk=bot.position_id)
    Position.objects.filter(pk=position.pk).update(realized_pnl=position.realized_pnl + Decimal(pnl))


def ready(user, **wanted):
    report = reports.ask_for_report(user, Wanted(**{"kind": Report.Kind.WEEKLY} | wanted), now=NOW)
    assert reports.make_report(report.pk, now=NOW)
    report.refresh_from_db()
    return report


@pytest.mark.parametrize(
    ("kind", "days"),
    [
        ("daily", (date(2026, 3, 10), date(2026, 3, 10))),
        ("weekly", LAST_WEEK),
        ("monthly", (date(2026, 2, 1), date(2026, 2, 28))),
        ("yearly", (date(2025, 1, 1), date(2025, 12, 31))),
    ],
)
def test_without_days_it_is_of_the_last_whole_period(kind, days):
    assert reports.last_period(Report.Kind(kind), now=NOW) == days
    sunday = datetime(2026, 3, 8, 0, 10, tzinfo=UTC)
    assert reports.last_period(Report.Kind.WEEKLY, now=sunday) == LAST_WEEK


def test_a_report_says_what_the_books_say(trader, bot):
    other = made(BotFactory(account=bot.account, symbol="ETHUSDT", initial_capital=500))
    for number, pnl in enumerate((10, -4, 6, -2, 5)):
        go_round(bot, NOW - (10 - number) * DAY, pnl)
    go_round(other, NOW - 7 * DAY + timedelta(hours=2), -3)
    go_round(other, NOW - 2 * DAY, 100)  # after the week

    report = ready(trader)

    assert (report.status, report.finished_at, str(report.first_day)) == ("ready", NOW, "2026-03-01")
    (paper,) = report.environments
    figures = paper["figures"]
    assert (figures["realized_pnl"], figures["closed"], figures["profit_factor"]) == ("12", 6, "2.33333333")
    assert (figures["longest_losing_streak"], figures["return_percent"]) == (2, "0.8")
    assert {"total_pnl", "sharpe", "var_99_percent"} <= set(figures["insufficient_data"])
    assert (paper["sums"]["trades"], paper["sums"]["fees"]) == (12, "3")
    assert [day["date"] for day in paper["days"]] == [f"2026-03-0{number}" for number in range(1, 8)]
    assert (paper["days"][0]["pnl"], paper["days"][0]["equity"]) == ("10", "1510.00000000")
    assert [row["symbol"] for row in paper["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    assert ([row["bot"] for row in paper["best"]], [row["bot"] for row in paper["worst"]]) == ([bot.pk], [other.pk])


def test_a_report_is_about_one_thing(trader, bot):
    other = made(BotFactory(account=bot.account, symbol="ETHUSDT", strategy="macd"))
    go_round(bot, NOW - 6 * DAY, 10)
    go_round(other, NOW - 6 * DAY, 5)

    def earned(**wanted):
        return ready(trader, **wanted).environments[0]["sums"]["pnl"]

    assert earned() == "15"
    assert earned(bot=bot) == "10"
    assert earned(symbol="ETHUSDT") == "5"
    assert earned(strategy="macd") == "5"
    with pytest.raises(IntegrityError, match="report_names_what_it_is_about"), transaction.atomic():
        Report.objects.filter(symbol="ETHUSDT").update(symbol="")


def test_nobody_has_a_report_of_what_is_others(trader, bot):
    stranger, operator = UserFactory(username="bob"), person("operator")
    go_round(bot, NOW - 6 * DAY, 10)

    with pytest.raises(reports.NotYours):
        ready(stranger, bot=bot)
    with pytest.raises(reports.NotYours):
        ready(stranger, of_everybody=True)
    assert ready(stranger).environments == []
    assert ready(operator, of_everybody=True).environments[0]["sums"]["pnl"] == "10"


def test_who_sees_only_the_own_rows_by_now_gets_no_report_of_everybody(trader, bot):
    operator = person("operator")
    go_round(bot, NOW - 6 * DAY, 10)
    report = reports.ask_for_report(operator, Wanted(Report.Kind.WEEKLY, of_everybody=True), now=NOW)
    operator.groups.clear()

    with pytest.raises(Exception, match="sees only their own rows"):
        reports.make_report(report.pk, now=NOW)

    report.refresh_from_db()
    assert (report.status, report.figures) == ("failed", {})
    assert report.error == "NoLongerTheirs: the-operator sees only their own rows by now"


def test_a_report_is_made_once(trader, bot):
    go_round(bot, NOW - 6 * DAY, 10)
    report = ready(trader)
    go_round(bot, NOW - 6 * DAY, 5)

    assert not reports.make_report(report.pk, now=NOW + DAY)
    assert not reports.make_report(report.pk + 1, now=NOW)
    report.refresh_from_db()
    assert (report.environments[0]["sums"]["pnl"], report.finished_at) == ("10", NOW)


def test_only_so_many_are_kept(trader, bot, monkeypatch):
    monkeypatch.setattr("ops.reports.asking.MOST_KEPT", 2)
    go_round(bot, NOW - 6 * DAY, 10)
    reports.schedule_reports(Report.Kind.WEEKLY, now=NOW)
    kept = [ready(trader) for _ in range(2)]

    with pytest.raises(reports.TooManyReports, match="2 reports of the-trader are kept"):
        ready(trader)
    kept[0].delete()
    assert ready(trader).status == "ready"


@pytest.mark.django_db(transaction=True)
def test_a_report_that_takes_too_long_has_failed_and_is_not_tried_for_ever(monkeypatch):
    """The limit comes as an exception amid a statement, after which its session answers nothing any more."""
    report = reports.ask_for_report(person("trader"), Wanted(Report.Kind.DAILY), now=NOW)

    def take_long(*args, **kwargs):
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(30)")

    def give_up(*args):
        raise SoftTimeLimitExceeded

    monkeypatch.setattr("ops.reports.making.figures_of", take_long)
    before = signal.signal(signal.SIGALRM, give_up)
    try:
        with pytest.raises(SoftTimeLimitExceeded):
            reports.make_report(report.pk, now=NOW)
    finally:
        signal.signal(signal.SIGALRM, before)

    report.refresh_from_db()
    assert (report.status, report.error) == ("failed", "it took too long: ask for fewer days")


def test_only_so_many_wait(trader):
    for _ in range(MOST_WAITING):
        reports.ask_for_report(trader, Wanted(Report.Kind.DAILY), now=NOW)

    with pytest.raises(reports.TooManyReports):
        reports.ask_for_report(trader, Wanted(Report.Kind.DAILY), now=NOW)


def test_once_a_week_everybody_who_traded_gets_one(trader, bot):
    UserFactory(username="idle")
    locked_out = UserFactory(username="locked-out", is_active=False)
    for one in (bot, made(BotFactory(account=ExchangeAccountFactory(owner=locked_out)))):
        go_round(one, NOW - 6 * DAY, 10)

    first = reports.schedule_reports(Report.Kind.WEEKLY, now=NOW)

    assert [(row.owner, row.first_day, row.by_schedule) for row in first] == [(trader, LAST_WEEK[0], True)]
    assert reports.schedule_reports(Report.Kind.WEEKLY, now=NOW + timedelta(hours=1)) == []
    assert list(reports.waiting_reports(now=NOW + timedelta(minutes=2), most=50)) == first
    assert list(reports.waiting_reports(now=NOW, most=50)) == []


def test_a_report_waits_longer_than_the_backtests_before_it_take(trader, broker, settings):
    tasks.send_report(reports.ask_for_report(trader, Wanted(Report.Kind.DAILY), now=NOW))

    with current_app.connection_for_read() as connection:
        message = json.loads(connection.default_channel.client.lindex("analytics", 0))
    lives = datetime.fromisoformat(message["headers"]["expires"]) - datetime.now(UTC)
    assert lives > timedelta(seconds=2 * settings.BACKTEST_SECONDS)
    sweep = {schedule.name: schedule.queue for schedule in SCHEDULES}["resume-reports"]
    assert sweep != settings.CELERY_TASK_ROUTES["bots.tasks.run_backtest"]["queue"]


def test_lost_reports_are_sent_again_but_no_more_than_the_queue_holds(trader, broker, monkeypatch):
    monkeypatch.setattr("ops.tasks.reports.MOST_REPORTS_QUEUED", 3)
    for _ in range(2):
        reports.ask_for_report(trader, Wanted(Report.Kind.DAILY), now=NOW)

    sent = [tasks.resume_reports() for _ in range(3)]

    assert (sent, broker("analytics")) == ([2, 1, 0], 3)


def test_a_report_that_kills_its_process_has_failed_once_its_task_is_a_dead_letter(trader, broker):
    report = reports.ask_for_report(trader, Wanted(Report.Kind.DAILY), now=NOW)
    told = {"task": tasks.generate_trading_report.name, "task_id": "1", "queue": "analytics", "worker": "w"}
    died = Failure(**told, error="WorkerLostError: killed", args=[report.pk])

    assert dead_letters.keep(replace(died, is_delivered_again=True), now=NOW)
    assert tasks.resume_reports() == 1
    assert dead_letters.keep(died, now=NOW)
    assert tasks.resume_reports() == 0

    report.refresh_from_db()
    assert (report.status, report.error) == ("failed", "its process died again and again: ask for fewer days")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@sum", "\t=1", "'=1"])
def test_no_name_is_a_formula_in_what_is_downloaded(trader, bot, name):
    BotConfig.objects.filter(pk=bot.pk).update(name=name)
    go_round(bot, NOW - 6 * DAY, "-10.5")

    heading, _, leave = reports.trade_rows(ready(trader))

    told = dict(zip(heading, leave, strict=True))
    assert (told["bot"], told["realized_pnl"]) == (f"'{name}", "-10.5")


@pytest.mark.parametrize(
    ("name", "away"),
    [
        ("generate-daily-analytics", 22 * HOUR),
        ("generate-daily-report", 22 * HOUR),
        ("generate-weekly-report", 5 * DAY),
    ],
)
def test_a_worker_that_was_away_still_makes_what_its_day_or_week_asks_for(name, away):
    (schedule,) = (schedule for schedule in SCHEDULES if schedule.name == name)

    assert schedule.expire_seconds > away.total_seconds()


def test_downloads_have_all_days_and_all_trades_and_no_formula(trader, bot):
    go_round(bot, NOW - 6 * DAY, "10.5")
    go_round(bot, NOW - DAY, 3)
    report = ready(trader)

    days, trades = list(reports.daily_rows(report)), list(reports.trade_rows(report))

    assert (len(days), days[0][:3], days[5][:4]) == (
        8,
        ("environment", "date", "pnl"),
        ("paper", "2026-03-05", "10.5", "0.5"),
    )
    assert len(trades) == 3
    entry, leave = (dict(zip(trades[0], row, strict=True)) for row in trades[1:])
    assert (entry["purpose"], leave["realized_pnl"], leave["bot"]) == ("entry", "10.5", "'=trend")


def test_a_message_says_it_in_words(trader, bot):
    go_round(bot, NOW - 6 * DAY, "1234.5")

    told = reports.message_of(ready(trader))

    assert told.subject == "Weekly report: all of the-trader's trading, 2026-03-01 to 2026-03-07"
    assert "Realised P&L: 1,234.50 USDT\n" in told.text
    assert "Sharpe: insufficient data\n" in told.text
    assert "Nothing was traded." in reports.message_of(ready(UserFactory(username="idle"))).text


def test_snapshots_are_written_once_for_each_day_and_missed_days_are_caught_up_with(bot):
    go_round(bot, NOW - 1.5 * DAY, 10)
    go_round(bot, NOW - 0.5 * DAY, -4)
    go_round(bot, NOW - timedelta(minutes=15), 100)  # today
    Position.objects.filter(pk=bot.position_id).update(quantity=2, entry_price=100)
    reading = {"environment": "paper", "market": "spot", "symbol": "BTCUSDT", "interval": "1m"}
    SeriesReading.objects.create(**reading, evaluated_at=NOW, price=105)
    before = PerformanceSnapshot.objects.create(
        position=bot.position, day=date(2026, 3, 8), equity=1, realized_pnl=0, fees=0, trades=0
    )

    assert reports.take_snapshots(now=NOW) == 2
    assert reports.take_snapshots(now=NOW) == 0

    rows = PerformanceSnapshot.objects.exclude(pk=before.pk).order_by("day")
    told = [(str(row.day), row.equity, row.realized_pnl, row.unrealized_pnl, row.fees, row.trades) for row in rows]
    half = Decimal("0.5")
    assert told == [("2026-03-09", 1010, 10, None, half, 2), ("2026-03-10", 1006, -4, 10, half, 2)]


def test_a_bot_has_no_snapshot_of_a_day_before_it_was_made(bot):
    BotConfig.objects.filter(pk=bot.pk).update(created_at=NOW)

    assert reports.take_snapshots(now=NOW) == 0


def test_what_is_too_old_goes(trader, bot, settings):
    settings.ANALYTICS_KEPT_DAYS = 90
    for ago in (89, 91):
        day = {"position": bot.position, "day": (NOW - ago * DAY).date()}
        PerformanceSnapshot.objects.create(**day, equity=1, realized_pnl=0, fees=0, trades=0)
        reports.ask_for_report(trader, Wanted(Report.Kind.DAILY), now=NOW - ago * DAY)

    assert reports.drop_old_analytics(now=NOW) == {"snapshots": 1, "reports": 1}
    assert PerformanceSnapshot.objects.get().day == (NOW - 89 * DAY).date()
    assert Report.objects.get().created_at == NOW - 89 * DAY


def test_the_tasks_are_those_that_the_schedules_name(trader, bot):
    names = {schedule.name: schedule.task for schedule in SCHEDULES}

    assert names["generate-daily-analytics"] == tasks.calculate_portfolio_performance.name
    assert names["generate-weekly-report"] == tasks.generate_trading_report.name
    assert tasks.calculate_portfolio_performance() == 1
    assert tasks.calculate_risk_metrics(trader.pk)["paper"]["closed"] == 0
    assert tasks.calculate_risk_metrics(trader.pk + 1) == {}
    report = reports.ask_for_report(trader, Wanted(Report.Kind.DAILY), now=NOW)
    assert tasks.generate_trading_report(report.pk) == 1
    assert tasks.cleanup_old_analytics() == {"snapshots": 0, "reports": 1}

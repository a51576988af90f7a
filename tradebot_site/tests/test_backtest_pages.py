"""Backtests in the admin: asked for on a bot's page, looked at, asked for again, canceled."""

import json
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from bots.models import Backtest
from bots.tasks import run_backtest
from bots.tests.factories import BacktestFactory, BotFactory, DoneBacktestFactory
from tradebot_site.tests.people import client_of, person

pytestmark = pytest.mark.django_db
LIST = "/admin/bots/backtest/"


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    sent = []
    monkeypatch.setattr(run_backtest, "apply_async", lambda args, **options: sent.append(args[0]))
    return sent


@pytest.fixture
def trader():
    return person("trader")


@pytest.fixture
def client(trader):
    return client_of(trader)


def form_of(bot):
    return reverse("admin:bots_botconfig_backtest", args=[bot.pk])


def page_of(backtest):
    return reverse("admin:bots_backtest_change", args=[backtest.pk])


def typed(**changes):
    today = timezone.now().date()
    told = {"begin_at": today - timedelta(days=9), "end_at": today, "fee_percent": "0.1", "slippage_percent": "0.05"}
    return told | changes


def test_a_backtest_is_asked_for_on_the_page_of_a_bot(client, trader, sent):
    bot = BotFactory(account__owner=trader, name="alpha")
    page = client.get(reverse("admin:bots_botconfig_change", args=[bot.pk])).content.decode()

    form = client.get(form_of(bot)).content.decode()
    answer = client.post(form_of(bot), typed(fee_percent="0.075"))

    asked = Backtest.objects.get()
    assert form_of(bot) in page
    assert 'type="date"' in form
    assert "funding" not in form
    assert (answer.status_code, answer["Location"]) == (302, page_of(asked))
    assert (asked.owner, asked.bot, asked.name, str(asked.fee_percent)) == (trader, bot, "alpha", "0.0750")
    assert asked.begin_at.hour == 0
    assert asked.end_at <= timezone.now()
    assert sent == [asked.pk]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"begin_at": "2100-01-01"}, "must be before end_at"),
        ({"end_at": "2100-01-01"}, "is after now"),
        ({"begin_at": "2001-01-01"}, "is before 2010-01-01"),
        ({"begin_at": "2020-01-01"}, "at most 600,000 are tested"),
        ({"begin_at": "soon"}, "Enter a valid date"),
        ({"fee_percent": "6"}, "less than or equal to 5"),
    ],
)
def test_what_is_wrong_is_said_in_the_form(client, trader, sent, changes, words):
    bot = BotFactory(account__owner=trader)

    page = client.post(form_of(bot), typed(**changes)).content.decode()

    assert words in page
    assert not sent


def test_a_bot_that_can_trade_no_more_is_said_above_the_form(client, trader, sent):
    bot = BotFactory(account__owner=trader, symbol="ETHUSDT", strategy="webhook_signal")

    assert "takes its signals from outside" in client.post(form_of(bot), typed()).content.decode()
    assert not sent


def test_a_bot_of_somebody_else_is_not_tested(client, sent):
    bot = BotFactory()

    assert client.get(form_of(bot)).status_code == client.post(form_of(bot), typed()).status_code == 404
    assert not sent


def test_the_page_shows_figures_equity_and_files(client, trader):
    done = DoneBacktestFactory(owner=trader)

    page = client.get(page_of(done)).content.decode()

    drawn = json.loads(re.search(r'id="backtest-equity-data"[^>]*>(.*?)</script>', page)[1])
    assert drawn["equity"] == [[1767348000, 1000.0], [1767434400, 1008.5]]
    assert "8.50" in page
    assert "no signal" in page
    assert f'href="/api/v1/backtests/{done.pk}/trades.csv"' in page
    assert "data-reload-seconds" not in page


def test_the_page_of_one_that_waits_looks_again(client, trader):
    page = client.get(page_of(BacktestFactory(owner=trader, status="running", progress_percent=40))).content.decode()

    assert 'data-reload-seconds="3"' in page
    assert "40 %" in page
    assert "trades.csv" not in page


def test_why_it_failed_is_told(client, trader):
    failed = BacktestFactory(owner=trader, status="failed", error="<b>candles</b> are missing", ended_at=timezone.now())

    assert "&lt;b&gt;candles&lt;/b&gt; are missing" in client.get(page_of(failed)).content.decode()


def test_backtests_are_asked_for_again_and_canceled(client, trader, act, sent):
    client.post(form_of(BotFactory(account__owner=trader)), typed())
    first = Backtest.objects.get()

    act(client, LIST, "cancel", first)
    again = act(client, LIST, "cancel", first).content.decode()
    told = act(client, LIST, "run_again", first).content.decode()

    assert "has ended already" in again
    assert "Backtests asked for: 1." in told
    assert list(Backtest.objects.order_by("pk").values_list("status", flat=True)) == ["canceled", "queued"]
    assert sent == list(Backtest.objects.order_by("pk").values_list("pk", flat=True))


def test_there_is_room_for_three(client, trader, sent):
    bot = BotFactory(account__owner=trader)
    for _ in range(3):
        BacktestFactory(owner=trader)

    page = client.post(form_of(bot), typed()).content.decode()

    assert "wait or run, the most that may" in page
    assert not sent


def test_rows_of_others_are_not_seen(client, trader):
    other = DoneBacktestFactory(name="canary")

    assert "canary" not in client.get(LIST).content.decode()
    assert client.get(page_of(other)).status_code == 302
    assert "canary" in client_of(person("operator")).get(LIST).content.decode()

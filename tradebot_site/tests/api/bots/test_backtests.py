"""Backtests through the API: asked for, watched, canceled, and what came of them as JSON and as files."""

import csv
from datetime import timedelta
from io import StringIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots.models import Backtest, BacktestPart
from bots.services import backtests as services
from bots.services.backtests.results import ROUND_COLUMNS
from bots.tasks import run_backtest
from bots.tests.factories import BacktestFactory, BotFactory, DoneBacktestFactory
from market.tests.factories import SymbolRulesFactory
from tradebot_site.tests.api.bots.caller import Caller, caller

pytestmark = pytest.mark.django_db
PERIOD = {"begin_at": "2026-01-01T00:00:00Z", "end_at": "2026-02-01T00:00:00Z"}
WHOLE = {
    "environment": "paper",
    "market": "spot",
    "symbol": "btcusdt",
    "strategy": "ema_rsi",
    "interval": "5m",
    "initial_capital": "1000",
    "sizing_value": "50",
}


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    """The backtests that workers would hear of."""
    sent = []
    monkeypatch.setattr(run_backtest, "apply_async", lambda args, **options: sent.append((args, options)))
    return sent


def file_of(trader, backtest, name):
    answer = trader.client.get(f"/api/v1/backtests/{backtest.pk}/{name}.csv")
    assert answer.status_code == 200
    assert answer.streaming
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="backtest-{backtest.pk}-{name}.csv"'
    return list(csv.reader(StringIO(answer.getvalue().decode())))


def test_a_backtest_of_a_bot_is_written_down_and_sent(trader, bot, sent):
    status, told = trader.post("backtests", bot=bot.pk, **PERIOD, stop_loss_percent="3", fee_percent="0.075")

    assert (status, told["status"], told["progress_percent"], told["bot"]) == (202, "queued", 0, bot.pk)
    assert (told["name"], told["symbol"], told["fee_percent"], told["slippage_percent"]) == (
        *("the bot", "BTCUSDT", "0.075", "0.05"),
    )
    assert told["owner"] == trader.user.username
    assert sent == [((told["id"],), {"expires": 60.0})]
    assert trader.get(f"backtests/{told['id']}")[1]["settings"]["stop_loss_percent"] == "3"


def test_a_backtest_needs_no_bot(trader, sent):
    SymbolRulesFactory()

    status, told = trader.post("backtests", **WHOLE, **PERIOD, name="an idea")

    assert (status, told["name"], told["bot"], told["symbol"]) == (202, "an idea", None, "BTCUSDT")


def test_the_same_key_makes_one_backtest(trader, bot, sent):
    trader.headers["Idempotency-Key"] = "once"

    first, second = (trader.post("backtests", bot=bot.pk, **PERIOD) for _ in range(2))

    assert first == second
    assert Backtest.objects.count() == len(sent) == 1


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "environment", "needed without a bot"),
        ({"begin_at": "yesterday"}, "begin_at", "Given: 'yesterday'"),
        ({"begin_at": "0001-01-01T00:00:00+14:00"}, "begin_at", ""),
        ({"begin_at": "9999-12-31T23:59:59-14:00"}, "begin_at", ""),
        ({"begin_at": "2026-03-01T00:00:00Z"}, "begin_at", "2026-03-01 00:00 UTC must be before end_at, 2026-02-01"),
        ({"end_at": "2100-01-01T00:00:00Z"}, "end_at", "2100-01-01 00:00 UTC is after now"),
        ({"begin_at": "2020-01-01T00:00:00Z", "interval": "1m"}, "begin_at", "at most 600,000 are tested"),
        ({"fee_percent": "5.01"}, "fee_percent", "less than or equal to 5"),
        ({"fee_percent": "NaN"}, "fee_percent", "number"),
        ({"slippage_percent": "-1"}, "slippage_percent", "greater than or equal to 0"),
        ({"funding_percent": "-1.5"}, "funding_percent", "greater than or equal to -1"),
        ({"leverage": 3}, "leverage", "3 must be 1 on spot"),
        ({"market": "margin"}, "market", "margin"),
        ({"environment": "live"}, "environment", "'live' is not there on this platform"),
        ({"strategy": "webhook_signal", "parameters": {}}, "strategy", "outside"),
        ({"parameters": {"ema_fast": 0}}, "parameters", "0 is below the minimum"),
        ({"bot": 987654321}, "bot", "987654321"),
        ({"bot": True}, "bot", "Given: True"),
        ({"name": "n" * 61}, "name", "60"),
        ({"status": "done"}, "status", "is not known here"),
    ],
)
def test_bad_input_is_told_with_field_value_and_bound(trader, bot, body, field, words, sent):
    whole = {"bot": bot.pk, **PERIOD, **body} if body else PERIOD

    status, told = trader.post("backtests", whole)

    assert (status, told["code"]) == (400, "invalid")
    assert words in " ".join(told["fields"][field])
    assert not sent


def test_others_bots_and_backtests_do_not_exist(trader, stranger, sent):
    theirs = DoneBacktestFactory()

    assert trader.post("backtests", bot=stranger.pk, **PERIOD)[0] == 400
    assert trader.get("backtests")[1]["results"] == []
    for path in ("", "/trades.csv", "/fills.csv", "/daily.csv", "/monthly.csv"):
        assert trader.get(f"backtests/{theirs.pk}{path}")[0] == 404
    assert trader.post(f"backtests/{theirs.pk}/cancel")[0] == 404
    assert trader.delete(f"backtests/{theirs.pk}")[0] == 404


def test_an_operator_asks_in_the_name_of_the_owner(bot, sent):
    status, told = caller("operator").post("backtests", bot=bot.pk, **PERIOD)

    assert (status, told["owner"]) == (202, bot.owner.username)


def test_a_token_that_reads_asks_for_none(bot, sent):
    reader = Caller(bot.owner, "read")

    assert reader.post("backtests", bot=bot.pk, **PERIOD)[0] == 403
    assert reader.get("backtests")[0] == 200


def test_a_fourth_one_is_refused_until_one_is_canceled(trader, bot, sent):
    first, *_ = [trader.post("backtests", bot=bot.pk, **PERIOD)[1] for _ in range(3)]

    status, told = trader.post("backtests", bot=bot.pk, **PERIOD)
    canceled = trader.post(f"backtests/{first['id']}/cancel")
    again = trader.post(f"backtests/{first['id']}/cancel")

    assert (status, told["code"]) == (409, "too_many_backtests")
    assert (canceled[0], canceled[1]["status"]) == (200, "canceled")
    assert (again[0], again[1]["code"]) == (409, "has_ended")
    assert trader.post("backtests", bot=bot.pk, **PERIOD)[0] == 202


def test_one_that_waits_has_no_files_and_may_be_deleted(trader):
    waiting = BacktestFactory(owner=trader.user)

    status, told = trader.get(f"backtests/{waiting.pk}/trades.csv")

    assert (status, told["code"]) == (409, "not_done")
    assert trader.delete(f"backtests/{waiting.pk}")[0] == 204
    assert trader.get(f"backtests/{waiting.pk}")[0] == 404


def test_what_came_of_it_is_told_with_figures_reasons_and_equity(trader):
    done = DoneBacktestFactory(owner=trader.user)

    _, told = trader.get(f"backtests/{done.pk}")

    assert (told["net_profit"], told["figures"]["sharpe"], told["sharpe"]) == ("8.5", None, None)
    assert told["reasons"] == {"no signal": 700}
    assert told["equity"] == [[1767348000000, 1000.0], [1767434400000, 1008.5]]
    assert trader.get(f"backtests/{done.pk}", fields="id,status")[1] == {"id": done.pk, "status": "done"}


def test_a_figure_that_says_nothing_is_null_and_breaks_no_page(trader):
    done = DoneBacktestFactory(owner=trader.user, sharpe=1 / 3, figures={"cagr_percent": 7.5e109, "closed": 2})

    _, told = trader.get(f"backtests/{done.pk}")

    figures = told["figures"]
    assert (told["sharpe"], figures["cagr_percent"], figures["closed"]) == ("0.33333333", None, 2)


def test_files_say_what_was_traded_and_what_each_day_and_month_brought(trader):
    done = DoneBacktestFactory(owner=trader.user)

    traded, fills = file_of(trader, done, "trades"), file_of(trader, done, "fills")
    days, months = file_of(trader, done, "daily"), file_of(trader, done, "monthly")

    assert traded[0] == [*ROUND_COLUMNS]
    assert dict(zip(*traded, strict=True))["realized_pnl"] == "8.5"
    assert [row[-1] for row in fills] == ["realized_pnl", "-0.75", "9.25"]
    assert days[1:] == [["2026-01-02", "1000.0", "0.0", "0.0", "0"], ["2026-01-03", "1008.5", "8.5", "0.85", "1"]]
    assert months == [
        ["month", "equity", "pnl", "return_percent", "closed"],
        ["2026-01", "1008.5", "8.5", "0.85", "1"],
    ]


def test_no_file_holds_a_formula(trader):
    done = DoneBacktestFactory(owner=trader.user, parts__exit_kind="=HYPERLINK(1)")

    assert dict(zip(*file_of(trader, done, "trades"), strict=True))["exit_kind"] == "'=HYPERLINK(1)"


def test_a_long_file_is_read_part_by_part(trader):
    done = DoneBacktestFactory(owner=trader.user)
    row = BacktestPart.objects.get(backtest=done, kind="rounds").rows[0]
    parts = [BacktestPart(backtest=done, kind="rounds", number=number, rows=[row] * 1_000) for number in range(1, 51)]
    BacktestPart.objects.bulk_create(parts)
    answer = trader.client.get(f"/api/v1/backtests/{done.pk}/trades.csv")

    with CaptureQueriesContext(connection) as asked:
        next(answer.streaming_content)
        first = len(asked)
        count = sum(chunk.count(b"\n") for chunk in answer.streaming_content)

    assert first <= 3
    assert len(asked) == 1 + 51
    assert count > 49_800


def test_lists_are_filtered_and_ordered(trader, bot):
    old = BacktestFactory(owner=trader.user, asked_at=timezone.now() - timedelta(days=9), symbol="ETHUSDT", bot=bot)
    new = DoneBacktestFactory(owner=trader.user, asked_at=timezone.now(), name="the idea")

    def found(**query):
        return [row["id"] for row in trader.get("backtests", **query)[1]["results"]]

    assert found() == [new.pk, old.pk]
    assert found(ordering="asked_at") == [old.pk, new.pk]
    assert found(status="done") == found(search="IDEA") == found(symbol="BTCUSDT") == [new.pk]
    assert found(bot=bot.pk) == found(asked_at_to=(timezone.now() - timedelta(days=1)).isoformat()) == [old.pk]
    assert trader.get("backtests", status="lost")[0] == 400


def test_a_list_costs_the_same_however_long_it_is(trader):
    def cost():
        with CaptureQueriesContext(connection) as asked:
            assert trader.get("backtests")[0] == 200
        assert not [query for query in asked.captured_queries if '"chosen"' in query["sql"]]
        return len(asked)

    DoneBacktestFactory(owner=trader.user)
    cost()
    one = cost()
    for _ in range(20):
        DoneBacktestFactory(owner=trader.user)

    assert cost() == one


def test_the_number_of_statements_is_known(trader, bot, sent):
    done = DoneBacktestFactory(owner=trader.user)
    trader.get("backtests")
    counted = {}
    for name, ask in {
        "list": lambda: trader.get("backtests"),
        "one": lambda: trader.get(f"backtests/{done.pk}"),
        "ask": lambda: trader.post("backtests", bot=bot.pk, **PERIOD),
    }.items():
        with CaptureQueriesContext(connection) as asked:
            ask()
        counted[name] = len(asked)

    assert counted == {"list": 3, "one": 5, "ask": 10}


def test_from_the_request_to_the_file(paper, trader, bot):
    end = timezone.now()
    _, told = trader.post(
        "backtests", bot=bot.pk, begin_at=(end - timedelta(days=2)).isoformat(), end_at=end.isoformat()
    )

    services.run_backtest(told["id"], clock=timezone.now)

    _, done = trader.get(f"backtests/{told['id']}")
    backtest = Backtest.objects.get(pk=told["id"])
    assert (done["status"], done["progress_percent"]) == ("done", 100)
    assert len(file_of(trader, backtest, "trades")) == done["closed"] + 1
    assert len(file_of(trader, backtest, "fills")) == done["figures"]["fills"] + 1
    assert float(file_of(trader, backtest, "daily")[-1][1]) == pytest.approx(float(done["figures"]["final_equity"]))


def test_a_backtest_of_a_bot_that_is_gone_is_still_there(trader, bot, sent):
    _, told = trader.post("backtests", bot=bot.pk, **PERIOD)
    BotFactory(account=bot.account, symbol="ETHUSDT")

    bot.delete()

    assert trader.get(f"backtests/{told['id']}")[1]["bot"] is None

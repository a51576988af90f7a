"""Watching one bot: its state with indicators, what it earned, decided, would do; its chart; and its webhook."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots.models import Decision, SeriesReading, Webhook
from bots.services.performance import performance
from bots.strategies import STRATEGIES, Signal
from bots.tests.conftest import failing, saying
from bots.tests.factories import BotFactory
from bots.tests.webhooks import Sender
from market.candles import closed_candles
from market.exchange.errors import ExchangeUnavailable
from market.tests.factories import ExchangeAccountFactory
from tradebot_site.tests.api.bots.caller import Caller, caller
from trades.models import Funding, Position
from trades.tests.factories import OrderFactory, TradeFactory

pytestmark = pytest.mark.django_db
WATCHED = ("state", "performance", "decisions", "explain", "chart")


@pytest.fixture
def known(paper, bot):
    """The candles of the bot's series are in the shared copy."""
    return closed_candles(bot.series, now=timezone.now())


def booked(bot, *pnls, quantity="0.01"):
    """Positions that were opened and closed, one a minute, the last just now: what each brought."""
    now = timezone.now()
    for number, pnl in enumerate(pnls):
        for purpose, amount in (("entry", 0), ("exit", pnl)):
            order = OrderFactory(position=bot.position, status="filled", proof_deadline=now, purpose=purpose)
            TradeFactory(
                order=order,
                purpose=purpose,
                binance_order_id=10**9 + order.pk,
                quantity_filled=Decimal(quantity),
                commission=0,
                commission_quote=Decimal("0.5"),
                realized_pnl=Decimal(amount),
                created_at=now - timedelta(minutes=len(pnls) - number, seconds=30 * (purpose == "entry")),
            )
    Position.objects.filter(pk=bot.position_id).update(realized_pnl=sum(map(Decimal, pnls)), quantity=0)


def test_the_state_tells_what_the_strategy_reads_now(trader, bot, known):
    SeriesReading.objects.create(
        environment="paper", market="spot", symbol="BTCUSDT", interval="1m", evaluated_at=timezone.now(), price=50_000
    )

    status, told = trader.get(f"bots/{bot.pk}/state")

    assert (status, told["status"], told["price"], told["trouble"]) == (200, "stopped", "50000", "")
    assert told["indicators"].keys() == {"ema_fast", "ema_slow", "rsi"}
    assert "EMA fast" in told["reading"]
    assert told["candle_close_at"].endswith("Z")


def test_the_state_says_why_nothing_is_read(trader, account, bot, known, monkeypatch):
    unknown = BotFactory(account=account, symbol="ETHUSDT")
    listening = BotFactory(account=account, strategy="webhook_signal")
    monkeypatch.setitem(
        STRATEGIES,
        "broken",
        saying(Signal.NOTHING, "broken").__class__(
            "broken", "broken", (), candles_needed=lambda parameters: 5, read=failing
        ),
    )
    broken = BotFactory(account=account, strategy="broken")
    strange = BotFactory(account=account, strategy="gone")

    for asked, words in [
        (unknown, "No candles are known yet."),
        (listening, "its signals come from outside"),
        (broken, "broken: ZeroDivisionError"),
        (strange, "'gone' is unknown"),
    ]:
        status, told = trader.get(f"bots/{asked.pk}/state")
        assert (status, told["indicators"], told["reading"]) == (200, {}, ""), words
        assert words in told["trouble"]


def test_a_bot_tells_what_it_earned_and_how_often_it_won(trader, bot):
    booked(bot, "10", "-4", "6", "-3")

    status, told = trader.get(f"bots/{bot.pk}/performance")

    assert status == 200
    assert {name: told[name] for name in told if name not in ("since", "equity")} == {
        "lifetime_realized_pnl": "9",
        "lifetime_fees": "0",
        "lifetime_funding": "0",
        "unrealized_pnl": None,
        "current_equity": "1009",
        "is_whole": True,
        "realized_pnl": "9",
        "fees": "4",
        "funding": "0",
        "trades": 8,
        "positions_closed": 4,
        "wins": 2,
        "losses": 2,
        "win_rate_percent": "50",
        "average_win": "8",
        "average_loss": "-3.5",
        "profit_factor": "2.2857",
        "expectancy": "2.25",
        "longest_losing_streak": 1,
        "max_drawdown_percent": "0.396",
        "drawdown_percent": "0.2964",
    }
    assert [point["equity"] for point in told["equity"]][1::2] == ["1010", "1006", "1012", "1009"]


def test_a_bot_that_never_traded_has_no_rates(trader, bot):
    told = trader.get(f"bots/{bot.pk}/performance", days=1)[1]

    assert (told["trades"], told["equity"], told["max_drawdown_percent"]) == (0, [], "0")
    assert [told[name] for name in ("win_rate_percent", "average_win", "average_loss", "profit_factor")] == [None] * 4


def test_a_bot_that_had_lost_all_before_has_no_drawdown(trader, bot):
    Position.objects.filter(pk=bot.position_id).update(realized_pnl=-bot.initial_capital - 5)

    told = trader.get(f"bots/{bot.pk}/performance", days=1)[1]

    assert (told["current_equity"], told["max_drawdown_percent"], told["drawdown_percent"]) == ("-5", None, None)


def test_only_the_period_counts_and_of_very_many_trades_the_newest(trader, bot, monkeypatch):
    booked(bot, "10", "-4", "6")
    old = bot.position.trades.order_by("created_at").first()
    bot.position.trades.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=40))
    assert trader.get(f"bots/{bot.pk}/performance")[1]["trades"] == 5
    assert trader.get(f"bots/{bot.pk}/performance", days=60)[1]["trades"] == 6

    monkeypatch.setattr("bots.services.performance.MOST_TRADES", 2)
    told = trader.get(f"bots/{bot.pk}/performance")[1]
    assert (told["trades"], told["is_whole"], told["realized_pnl"]) == (2, False, "6")
    assert [point["equity"] for point in told["equity"]] == ["1006", "1012"]


def test_funding_is_part_of_what_was_earned(bot):
    booked(bot, "10")
    Funding.objects.create(
        position=bot.position, account=bot.account, transaction_id=1, amount=-3, paid_at=timezone.now()
    )
    Position.objects.update(realized_pnl=7)
    bot.refresh_from_db()

    found = performance(bot, since=timezone.now() - timedelta(days=1))

    assert (found.realized_pnl, found.funding, found.outcomes.gross_profit) == (7, -3, 10)
    assert [value for _, value in found.equity] == [1000, 1010, 1007]


@pytest.mark.parametrize("days", ["0", "367", "x", "", "1.5", "9" * 40])
def test_a_period_that_is_none_is_refused(trader, bot, days):
    status, told = trader.get(f"bots/{bot.pk}/performance", days=days)

    assert (status, list(told["fields"])) == (400, ["days"])


def test_a_bot_says_what_it_would_do_and_why_it_did_what_it_did(trader, account, paper, monkeypatch, known):
    monkeypatch.setitem(STRATEGIES, "buying", saying(Signal.ENTER_LONG, "buying"))
    bot = BotFactory(account=account, strategy="buying")
    before = (Decision.objects.count(), bot.position.orders.count())
    Decision.objects.create(
        bot=bot,
        status="waiting",
        reason="risk limit reached",
        text="no room",
        denial_code="MAX_POSITION",
        denial_limit="1",
        denial_value="2",
        created_at=timezone.now(),
        indicators={"rsi": 44.1},
    )
    bot.state.__class__.objects.filter(pk=bot.pk).update(status="waiting", reason="risk limit reached")

    status, told = trader.get(f"bots/{bot.pk}/explain")

    assert status == 200, told
    assert (told["would"]["status"], told["would"]["order"]["entry"], told["would"]["order"]["side"]) == (
        "running",
        True,
        "BUY",
    )
    assert (told["market"]["signal"], told["market"]["text"]) == ("enter_long", "buying says so")
    assert told["decision"]["denied"] == {"code": "MAX_POSITION", "limit": "1", "value": "2"}
    assert told["advice"]
    assert (Decision.objects.count() - 1, bot.position.orders.count()) == before  # nothing is done


def test_an_exchange_that_is_away_is_what_the_bot_would_say(trader, bot, monkeypatch):
    def away(*args, **kwargs):
        raise ExchangeUnavailable("no answer")

    monkeypatch.setattr("bots.services.foresight.look_at_series", away)

    status, told = trader.get(f"bots/{bot.pk}/explain")

    assert (status, told["decision"], told["market"]) == (200, None, None)
    assert (told["would"]["status"], told["would"]["order"]) == ("error", None)
    assert "no answer" in told["would"]["text"]


def test_the_chart_has_candles_lines_levels_and_fills(trader, bot, known):
    Position.objects.update(quantity="0.01", entry_price="50000")

    status, told = trader.get(f"bots/{bot.pk}/chart")

    assert (status, len(told["candles"]), told["note"]) == (200, 300, "")
    assert {line["name"] for line in told["lines"]} == {"ema fast", "ema slow", "rsi"}
    assert told["levels"] == [{"kind": "entry", "price": 50_000.0}]


def decided(bot, count, *, at=None, **fields):
    now = timezone.now()
    Decision.objects.bulk_create(
        Decision(
            **{"status": "waiting", "reason": "no signal"} | fields,
            bot=bot,
            text=f"thought {number}",
            created_at=at or now - timedelta(minutes=number),
        )
        for number in range(count)
    )


def texts(answer):
    status, told = answer
    assert status == 200, told
    return [decision["text"] for decision in told["results"]]


def cursor_of(address):
    from urllib.parse import parse_qs, urlsplit

    return parse_qs(urlsplit(address).query)["cursor"][0]


def test_decisions_come_page_by_page_also_those_of_one_moment(trader, bot, stranger):
    decided(bot, 5, at=timezone.now())
    decided(stranger, 3)

    seen, query = [], {"page_size": 2}
    while True:
        status, told = trader.get(f"bots/{bot.pk}/decisions", **query)
        assert status == 200, told
        seen += [decision["text"] for decision in told["results"]]
        if told["next"] is None:
            break
        query["cursor"] = cursor_of(told["next"])

    assert seen == [f"thought {number}" for number in (4, 3, 2, 1, 0)]
    assert texts(trader.get("decisions", bot=bot.pk)) == seen


def test_decisions_of_all_own_bots_are_found_by_what_they_say(trader, account, bot, stranger):
    other = BotFactory(account=account, name="other", symbol="ETHUSDT")
    decided(bot, 1, status="error", reason="price fetch")
    decided(other, 1)
    decided(stranger, 1, status="error", reason="price fetch")
    Decision.objects.filter(bot=bot).update(text="mine")
    Decision.objects.filter(bot=other).update(text="other", created_at=timezone.now() - timedelta(days=2))
    day_ago = (timezone.now() - timedelta(days=1)).isoformat()

    for query, found in [
        ({}, ["mine", "other"]),
        ({"status": "error"}, ["mine"]),
        ({"reason": "price fetch"}, ["mine"]),
        ({"reason": "no signal"}, ["other"]),
        ({"bot": other.pk}, ["other"]),
        ({"bot": stranger.pk}, []),
        ({"owner": stranger.owner.username}, []),
        ({"symbol": "ETHUSDT"}, ["other"]),
        ({"environment": "live"}, []),
        ({"created_at_from": day_ago}, ["mine"]),
        ({"created_at_to": day_ago}, ["other"]),
    ]:
        assert texts(trader.get("decisions", **query)) == found, query
    assert len(texts(caller("operator").get("decisions", reason="price fetch"))) == 2


@pytest.mark.parametrize(
    "query",
    [{"status": "x"}, {"reason": ""}, {"bot": "x"}, {"bot": 10**30}, {"created_at_from": "then"}, {"colour": "red"}],
)
def test_a_question_about_decisions_that_makes_no_sense_is_refused(trader, query):
    for path in ("decisions", "signals"):
        status, told = trader.get(path, **query)
        assert (status, list(told["fields"])) == (400, list(query)), path


def test_a_foreign_decision_and_signal_do_not_exist(trader, bot, stranger):
    decided(bot, 1)
    decided(stranger, 1)
    own, foreign = Decision.objects.get(bot=bot), Decision.objects.get(bot=stranger)

    assert trader.get(f"decisions/{own.pk}")[1]["bot"] == bot.pk
    assert trader.get(f"decisions/{foreign.pk}")[0] == 404
    assert trader.send("POST", "decisions", {})[0] == 405


def test_signals_from_outside_are_read(trader, account, stranger, broker):
    bot = BotFactory(account=account, strategy="webhook_signal")
    other = BotFactory(strategy="webhook_signal")
    Sender(bot).signed("exit", number="1")
    Sender(other).signed("exit", number="2")

    status, told = trader.get("signals")

    assert (status, [(row["sender_id"], row["action"], row["outcome"]) for row in told["results"]]) == (
        200,
        [("1", "exit", "waiting")],
    )
    assert trader.get("signals", sender_id="2")[1]["results"] == []
    assert len(trader.get("signals", bot=bot.pk, fields="id,outcome")[1]["results"][0]) == 2


def test_statements_do_not_grow_with_what_is_read(trader, bot):
    paths = [f"bots/{bot.pk}/decisions", "decisions", f"bots/{bot.pk}/performance", f"bots/{bot.pk}/state"]
    trader.get("bots")  # notes the token's use
    counts = []
    for count in (1, 40):
        decided(bot, count)
        booked(bot, *["1"] * count)
        counts.append([])
        for path in paths:
            with CaptureQueriesContext(connection) as queries:
                assert trader.get(path)[0] == 200
            counts[-1].append(len(queries))

    assert counts[0] == counts[1] == [4, 4, 6, 4]


def test_another_traders_bot_can_not_be_watched(trader, stranger):
    for what in (*WATCHED, "webhook"):
        assert trader.get(f"bots/{stranger.pk}/{what}")[0] == 404, what
    assert Caller(trader.user, "admin").post(f"bots/{stranger.pk}/webhook")[0] == 404


def test_nobody_asks_what_is_not_known(trader, bot):
    for what in WATCHED:
        status, told = trader.get(f"bots/{bot.pk}/{what}", colour="red")
        assert (status, list(told["fields"])) == (400, ["colour"]), what


def test_a_viewer_watches_and_changes_no_webhook(bot):
    viewer = caller("viewer", "admin")

    assert viewer.send("POST", f"bots/{bot.pk}/webhook")[0] == 403


def test_a_webhooks_secret_is_shown_once_to_its_owner(trader, bot):
    admin = Caller(trader.user, "admin")
    assert trader.get(f"bots/{bot.pk}/webhook")[0] == 404  # it has none yet
    assert trader.post(f"bots/{bot.pk}/webhook")[0] == 403  # the scope trade does not reach so far

    status, told = admin.post(f"bots/{bot.pk}/webhook")

    webhook = Webhook.objects.get()
    assert (status, told["secret"]) == (201, webhook.secret.reveal())
    assert told["url"] == f"http://testserver/hooks/v1/bots/{webhook.public_id}/signal"
    assert trader.get(f"bots/{bot.pk}/webhook") == (200, {name: told[name] for name in ("url", "changed_at")})


def test_a_webhooks_secret_is_kept_for_no_second_answer(trader, bot):
    admin = Caller(trader.user, "admin")
    admin.headers["Idempotency-Key"] = "renew-1"

    first, again = admin.post(f"bots/{bot.pk}/webhook"), admin.post(f"bots/{bot.pk}/webhook")

    assert (first[0], again[0], again[1]["code"]) == (201, 409, "answer_not_kept")


def test_an_operator_gets_nobodys_webhook(bot):
    operator = caller("operator", "admin")

    for method in ("GET", "POST"):
        status, told = operator.send(method, f"bots/{bot.pk}/webhook")
        assert (status, told["detail"]) == (403, "A bot's webhook is its owner's alone.")
    assert not Webhook.objects.exists()


def test_futures_are_watched_too(trader, paper):
    account = ExchangeAccountFactory(owner=trader.user, name="futures", market="futures")
    bot = BotFactory(account=account, leverage=5)

    for what in WATCHED:
        assert trader.get(f"bots/{bot.pk}/{what}")[0] == 200, what

"""How trading has gone, over HTTP: sums by day that agree with the dashboard's, and rounds."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_redis import get_redis_connection

from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory, UserFactory
from ops import figures
from tradebot_site.tests.people import client_of, person
from trades.models import Funding, Position
from trades.tests.factories import OrderFactory, TradeFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/performance"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def fresh(settings):
    """No figure of another test, and plain HTTP."""
    settings.SECURE_SSL_REDIRECT = False

    def forget():
        redis = get_redis_connection("default")
        for key in redis.scan_iter("figures:*"):
            redis.delete(key)

    forget()
    yield forget
    forget()


@pytest.fixture
def trader():
    return person("trader")


@pytest.fixture
def bot(trader):
    return BotFactory(account=ExchangeAccountFactory(owner=trader))


def book(bot, purpose, pnl, *, ago=timedelta(0), quantity="0.01", fee="0.1", **more):
    """A trade of a bot; the later the call, the later the trade on its day."""
    book.moment += timedelta(milliseconds=1)
    order = OrderFactory(position=bot.position, purpose="exit")
    at = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) + book.moment - ago
    side = "BUY" if purpose == "entry" else "SELL"
    told = {"purpose": purpose, "side": side, "quantity_filled": Decimal(quantity), "created_at": at}
    return TradeFactory(order=order, realized_pnl=Decimal(pnl), commission_quote=Decimal(fee), **told, **more)


book.moment = timedelta(0)


def go_round(bot, pnl, **more):
    """An entry that costs its fee, and an exit; both come to ``pnl``."""
    book(bot, "entry", "-0.1", **more)
    book(bot, "exit", Decimal(pnl) + Decimal("0.1"), **more)


def shown(user, query=""):
    answer = client_of(user).get(f"{URL}?{query}")
    assert answer.status_code == 200, answer.json()
    return answer.json()["environments"]


def test_days_are_summed_in_utc_and_agree_with_the_dashboard(trader, bot):
    go_round(bot, 5)
    go_round(bot, -2, ago=3 * DAY)
    go_round(bot, 7, ago=29 * DAY)
    go_round(bot, 100, ago=30 * DAY)
    Funding.objects.create(
        position=bot.position, account=bot.account, transaction_id=1, amount=-1, paid_at=timezone.now() - 3 * DAY
    )

    (paper,) = shown(trader)

    assert (paper["environment"], paper["quote_asset"]) == ("paper", "USDT")
    assert paper["today"] == {"pnl": "5", "fees": "0.2", "funding": "0", "trades": 2}
    assert paper["last_7_days"] == {"pnl": "3", "fees": "0.4", "funding": "-1", "trades": 4}
    assert paper["last_30_days"] == {"pnl": "10", "fees": "0.6", "funding": "-1", "trades": 6}
    assert len(paper["daily"]) == 30
    dashboard = figures.daily_pnl(trader.pk, "paper", now=timezone.now())
    assert [(day["date"], Decimal(day["pnl"]) + Decimal(day["funding"])) for day in paper["daily"]] == dashboard


def test_rounds_are_won_or_lost_as_a_whole(trader, bot):
    book(bot, "entry", "-0.1", quantity="2")
    book(bot, "exit", "3.1", quantity="1")  # a part: neither won nor lost by itself
    book(bot, "protection", "-4", quantity="1")
    for pnl in (4, 2, 3, -1, 0):
        go_round(bot, pnl)
    book(bot, "entry", "-0.1")  # still open
    Position.objects.filter(pk=bot.position_id).update(quantity=Decimal("0.01"))

    rounds = shown(trader)[0]["rounds"]

    assert rounds == {
        "closed": 6,
        "won": 3,
        "lost": 2,
        "win_rate_percent": "50",
        "average_win": "3",
        "average_loss": "-1",
        "profit_factor": "4.5",
        "expectancy": "1.16666667",
        "best": "4",
        "worst": "-1",
        "insufficient_data": [],
    }


def test_a_commission_in_coins_leaves_dust_and_closes_all_the_same(trader, bot):
    coins = {"commission": Decimal("0.00001"), "commission_asset": "BTC"}
    book(bot, "entry", "-0.1", quantity="0.01", **coins)
    book(bot, "exit", "1", quantity="0.00999")
    go_round(bot, 1)

    assert shown(trader)[0]["rounds"]["closed"] == 2


def test_what_too_little_is_known_of_is_no_number(trader, bot):
    go_round(bot, 1)

    one = shown(trader)[0]["rounds"]

    assert (one["closed"], one["won"], one["best"], one["average_win"]) == (1, 1, "1", "1")
    assert one["insufficient_data"] == ["win_rate_percent", "average_loss", "profit_factor", "expectancy"]
    assert [one[name] for name in one["insufficient_data"]] == [None] * 4


def test_who_has_never_lost_has_no_profit_factor_and_who_has_not_traded_nothing(trader, bot):
    before = shown(trader)[0]["rounds"]
    assert (before["closed"], len(before["insufficient_data"])) == (0, 7)

    other = BotFactory(account=bot.account, symbol="ETHUSDT")
    for _ in range(5):
        go_round(other, 2)

    rounds = shown(trader, "symbol=ETHUSDT")[0]["rounds"]
    assert (rounds["win_rate_percent"], rounds["insufficient_data"]) == ("100", ["average_loss", "profit_factor"])


def test_parts_are_chosen_and_environments_never_added_up(trader, bot):
    tested = ExchangeAccountFactory(owner=trader, environment="testnet", name="tested")
    far = BotFactory(account=tested, symbol="ETHUSDT")
    go_round(bot, 5)
    go_round(far, -3, environment="testnet")

    def earned(query):
        return {row["environment"]: row["today"]["pnl"] for row in shown(trader, query)}

    assert earned("") == {"testnet": "-3", "paper": "5"}
    assert list(earned("")) == ["testnet", "paper"]
    assert earned("environment=paper") == {"paper": "5"}
    assert earned(f"account={tested.pk}") == {"testnet": "-3"}
    assert earned(f"bot={bot.pk}") == {"paper": "5"}
    assert earned("symbol=ETHUSDT") == {"testnet": "-3"}
    assert earned(f"symbol=ETHUSDT&bot={bot.pk}") == {}


def test_others_trading_is_the_operators_to_see(trader, bot, fresh):
    theirs = BotFactory(account=ExchangeAccountFactory(owner=UserFactory(username="bob")), symbol="ETHUSDT")
    go_round(bot, 5)
    go_round(theirs, 7)
    operator = person("operator")

    def earned(user, query=""):
        return [row["today"]["pnl"] for row in shown(user, query)]

    assert earned(trader) == ["5"]
    for query in ("owner=bob", "owner=nobody", f"bot={theirs.pk}", f"account={theirs.account_id}", "symbol=ETHUSDT"):
        assert earned(trader, query) == [], query
    assert earned(trader, "owner=the-trader") == ["5"]
    assert earned(operator) == ["12"]
    assert earned(operator, "owner=bob") == ["7"]
    assert client_of(person("stranger")).get(URL).status_code == 403
    assert client_of(None).get(URL).status_code == 401


def test_all_time_is_what_the_positions_say(trader, bot):
    Position.objects.filter(pk=bot.position_id).update(realized_pnl=10, fees=2, funding=-1)

    assert shown(trader)[0]["all_time"] == {"pnl": "11", "fees": "2", "funding": "-1"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("account", value) for value in ("x", "0", "9" * 30)),
        *(("environment", "moon"), ("symbol", ""), ("symbol", "S" * 31), ("bot", "NaN"), ("days", "7")),
    ],
)
def test_an_odd_value_is_refused_by_its_name(trader, name, value):
    answer = client_of(trader).get(URL, {name: value})

    assert (answer.status_code, list(answer.json()["fields"])) == (400, [name])


def test_many_trades_take_as_many_statements_as_one(trader, bot, fresh):
    client = client_of(trader)

    def statements():
        fresh()
        with CaptureQueriesContext(connection) as queries:
            assert client.get(URL).status_code == 200
        return len(queries)

    go_round(bot, 1)
    one = statements()
    for number in range(5):
        go_round(bot, number)
        go_round(BotFactory(account=bot.account, symbol=f"C{number}USDT"), 1)

    assert statements() == one <= 17

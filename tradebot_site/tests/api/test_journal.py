"""The journal over HTTP: whose rows, filters and what they refuse, single fields, statements."""

import json
from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_redis import get_redis_connection

from bots.tests.factories import BotFactory
from market import planning
from market.prices import packed_prices
from market.tests.factories import NOON, ExchangeAccountFactory, UserFactory
from tradebot_site.tests.people import client_of, person
from trades.api import examples
from trades.models import Event
from trades.tests.factories import FillFactory, OrderFactory, PositionFactory, TradeFactory, TransferFactory

pytestmark = pytest.mark.django_db
LISTS = ("orders", "fills", "trades", "positions", "news", "transfers")
OF_POSITIONS = ("orders", "fills", "trades", "news")


@pytest.fixture(autouse=True)
def plain_http(settings):
    settings.SECURE_SSL_REDIRECT = False


def rows_of(owner, *, symbol="BTCUSDT", environment="paper", market="spot"):
    """A bot of somebody's with one row of each list, by list."""
    account = ExchangeAccountFactory(owner=owner, environment=environment, market=market)
    bot = BotFactory(account=account, symbol=symbol)
    order = OrderFactory(position=bot.position)
    return {
        "bot": bot,
        "orders": order,
        "fills": FillFactory(order=order),
        "trades": TradeFactory(order=order, environment=environment, market=market),
        "positions": bot.position,
        "news": Event.objects.create(
            kind="order_filled", position=bot.position, order=order, message="filled", created_at=NOON
        ),
        "transfers": TransferFactory(account=account, environment=environment, amount=1 + account.pk),
    }


@pytest.fixture
def trader():
    return person("trader")


@pytest.fixture
def mine(trader):
    return rows_of(trader)


@pytest.fixture
def theirs():
    return rows_of(UserFactory(username="somebody else"), symbol="ETHUSDT", market="futures")


def ids(client, name, query=""):
    answer = client.get(f"/api/v1/{name}?{query}")
    assert answer.status_code == 200, answer.json()
    return [row["id"] for row in answer.json()["results"]]


@pytest.mark.parametrize("few", [1000, 0])
@pytest.mark.parametrize("name", LISTS)
def test_a_trader_sees_his_own_rows_and_no_others_exist(trader, mine, theirs, monkeypatch, name, few):
    monkeypatch.setattr(planning, "FEW", few)
    client = client_of(trader)

    assert ids(client, name) == [mine[name].pk]
    assert client.get(f"/api/v1/{name}/{mine[name].pk}").json()["id"] == mine[name].pk
    foreign = client.get(f"/api/v1/{name}/{theirs[name].pk}")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")
    for query in (f"account={theirs['bot'].account_id}", "owner=somebody+else"):
        assert ids(client, name, query) == []


@pytest.mark.parametrize("name", LISTS)
def test_an_operator_sees_everybodys_and_a_stranger_nothing(mine, theirs, name):
    operator = client_of(person("operator"))

    assert ids(operator, name) == [theirs[name].pk, mine[name].pk]
    assert ids(operator, name, "owner=the-trader") == [mine[name].pk]
    assert client_of(person("stranger")).get(f"/api/v1/{name}").status_code == 403
    assert client_of(None).get(f"/api/v1/{name}").status_code == 401


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_writes_into_the_journal(admin, mine, name, method):
    for address in (f"/api/v1/{name}", f"/api/v1/{name}/{mine[name].pk}"):
        assert getattr(admin, method)(address, {}, content_type="application/json").status_code in (403, 405)


@pytest.mark.parametrize("few", [1000, 0])
@pytest.mark.parametrize("name", LISTS)
def test_rows_are_found_by_what_their_account_has(mine, theirs, monkeypatch, name, few):
    monkeypatch.setattr(planning, "FEW", few)
    client, own, other = client_of(person("operator")), [mine[name].pk], [theirs[name].pk]

    found = {
        query: ids(client, name, query)
        for query in (f"account={mine['bot'].account_id}", "environment=testnet", "market=futures", "market=spot")
    }

    assert found == {
        f"account={mine['bot'].account_id}": own,
        "environment=testnet": [],
        "market=futures": other,
        "market=spot": own,
    }


@pytest.mark.parametrize("few", [1000, 0])
@pytest.mark.parametrize("name", [*OF_POSITIONS, "positions"])
def test_rows_are_found_by_what_their_position_has(mine, theirs, monkeypatch, name, few):
    monkeypatch.setattr(planning, "FEW", few)
    client, own, other = client_of(person("operator")), [mine[name].pk], [theirs[name].pk]

    assert ids(client, name, "symbol=ETHUSDT") == other
    assert ids(client, name, "symbol=ETH") == []
    assert ids(client, name, f"bot={mine['bot'].pk}") == own
    assert ids(client, name, f"bot={mine['bot'].pk}&symbol=ETHUSDT") == []
    assert ids(client, name, "by_hand=false") == other + own
    assert ids(client, name, "by_hand=true") == []
    if name != "positions":
        assert ids(client, name, f"position={mine['bot'].position_id}") == own


def test_what_is_traded_by_hand_has_no_bot(trader, mine):
    order = OrderFactory(position=PositionFactory(account=mine["bot"].account, by_hand=True))
    client = client_of(trader)

    (row,) = client.get("/api/v1/orders?by_hand=true").json()["results"]

    assert (row["id"], row["bot"]) == (order.pk, None)
    assert ids(client, "orders", "by_hand=false") == [mine["orders"].pk]


def test_rows_are_found_by_what_they_are(trader, mine):
    position = mine["bot"].position
    sent = {"status": "rejected", "proof_deadline": NOON, "created_at": NOON + timedelta(hours=1)}
    late = OrderFactory(position=position, purpose="exit", side="SELL", **sent)
    FillFactory(order=late, executed_at=NOON + timedelta(hours=1))
    trade = TradeFactory(order=late, created_at=NOON + timedelta(hours=1))
    client = client_of(trader)

    for query in ("status=rejected", "purpose=exit", "side=SELL", f"client_order_id={late.client_order_id}"):
        assert ids(client, "orders", query) == [late.pk], query
    for query in ("purpose=exit", "side=SELL"):
        assert ids(client, "trades", query) == [trade.pk], query
    assert ids(client, "fills", f"order={late.pk}") == [late.fills.get().pk]
    assert ids(client, "fills", "side=BUY") == [mine["fills"].pk]
    assert ids(client, "news", "kind=order_filled") == [mine["news"].pk]
    assert ids(client, "news", "kind=bot_error") == []
    assert ids(client, "transfers", "status=intended&asset=USDT&to_futures=true") == [mine["transfers"].pk]
    assert ids(client, "transfers", "to_futures=false") == []


@pytest.mark.parametrize(
    ("name", "field"),
    [(name, "executed_at" if name == "fills" else "created_at") for name in LISTS if name != "positions"],
)
def test_a_range_of_time_has_its_beginning_and_not_its_end(trader, mine, name, field):
    client, own = client_of(trader), [mine[name].pk]
    noon, later = quote(NOON.isoformat()), quote((NOON + timedelta(seconds=1)).isoformat())

    assert ids(client, name, f"{field}_from={noon}") == own
    assert ids(client, name, f"{field}_from={later}") == []
    assert ids(client, name, f"{field}_to={noon}") == []
    assert ids(client, name, f"{field}_to={later}") == own


ODD = [
    *(("account", value) for value in ("x", "0", "-1", "1.5", "1e400", "NaN", str(2**63), "9" * 5000, " ")),
    *(("bot", value) for value in ("true", "½", "0x10")),
    *(("symbol", value) for value in ("", "S" * 31)),
    *(("by_hand", value) for value in ("maybe", "1", "")),
    *(("environment", value) for value in ("moon", "PAPER", "null")),
    *(("created_at_from", value) for value in ("yesterday", "2026-02-31", "2026-01-01T25:00Z", "99999-01-01", "1")),
    *(("side", value) for value in ("buy", "BUY\u0007")),
    *(("page_size", value) for value in ("0", "201", "x", "9" * 30)),
    *(("ordering", value) for value in ("pk", "--created_at", "created_at,pk")),
    *(("fields", value) for value in ("", "nothing", "id,secret")),
    *(("no_such_filter", value) for value in ("1",)),
]


@pytest.mark.parametrize(("name", "value"), ODD)
def test_an_odd_value_is_refused_by_name_and_value(trader, mine, name, value):
    answer = client_of(trader).get("/api/v1/orders", {name: value})

    body = answer.json()
    assert (answer.status_code, body["code"], list(body["fields"])) == (400, "invalid", [name]), body
    if name not in ("fields", "no_such_filter"):
        assert repr(value[:40])[:-1] in body["detail"], body


@pytest.mark.parametrize(
    "value",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "1900-01-01T00:00Z",
    ],
)
@pytest.mark.parametrize("name", ["created_at_from", "created_at_to"])
def test_the_edges_of_time_are_times(trader, mine, name, value):
    assert client_of(trader).get("/api/v1/orders", {name: value}).status_code == 200


@pytest.mark.parametrize("query", ["symbol=%00", "owner=a%00b", "cursor=%00"])
def test_nul_is_refused(trader, mine, query):
    assert client_of(trader).get(f"/api/v1/orders?{query}").status_code == 400


def test_a_row_is_asked_for_by_a_number_that_may_be_one(trader, mine):
    client = client_of(trader)

    for number in ("x", "-1", "0", "9" * 18, "9" * 19, "1.0"):
        assert client.get(f"/api/v1/orders/{number}").status_code == 404, number
    refused = client.get(f"/api/v1/orders/{mine['orders'].pk}?side=BUY")
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["side"])


@pytest.mark.parametrize("name", LISTS)
def test_single_fields_are_shown_if_asked_for(trader, mine, name):
    client = client_of(trader)

    assert client.get(f"/api/v1/{name}?fields=id").json()["results"] == [{"id": mine[name].pk}]
    assert set(client.get(f"/api/v1/{name}/{mine[name].pk}?fields=id,account").json()) == {"id", "account"}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_as_many_statements_for_many_rows_as_for_one(trader, mine, name):
    client = client_of(trader)
    client.get(f"/api/v1/{name}")

    def statements():
        with CaptureQueriesContext(connection) as queries:
            rows = ids(client, name)
        return len(rows), len(queries)

    one = statements()
    for number in range(6):
        more = rows_of(trader, symbol=f"C{number}USDT")
        FillFactory(order=more["orders"])
    many = statements()

    assert one[0] == 1
    assert many[0] >= 7
    assert one[1] == many[1] <= {"transfers": 5, "positions": 5, "news": 7}.get(name, 6)


def test_an_order_comes_with_its_fills_and_its_trade_in_one_handful_of_statements(trader, mine):
    client, order = client_of(trader), mine["orders"]
    address = f"/api/v1/orders/{order.pk}"

    with CaptureQueriesContext(connection) as first:
        client.get(address)
    for number in range(5):
        FillFactory(order=order, executed_at=NOON - timedelta(minutes=number + 1))
    with CaptureQueriesContext(connection) as second:
        shown = client.get(address).json()

    assert len(first) == len(second) <= 8
    moments = [fill["executed_at"] for fill in shown["fills"]]
    assert len(moments) == 6
    assert moments == sorted(moments)
    assert (shown["trade"]["id"], shown["trade"]["bot"]) == (mine["trades"].pk, mine["bot"].pk)
    assert (shown["symbol"], shown["environment"], shown["market"]) == ("BTCUSDT", "paper", "spot")


def test_an_order_without_fills_has_no_trade(trader, mine):
    order = OrderFactory(position=mine["bot"].position, purpose="exit")

    shown = client_of(trader).get(f"/api/v1/orders/{order.pk}").json()

    assert (shown["fills"], shown["trade"]) == ([], None)


def test_amounts_are_texts_and_times_are_utc(trader, mine):
    shown = client_of(trader).get(f"/api/v1/trades/{mine['trades'].pk}").json()

    assert (shown["price"], shown["quantity_filled"], shown["created_at"]) == ("50000", "0.01", "2026-11-21T12:00:30Z")


@pytest.fixture
def price():
    """`price(symbol, value)`: what some process has asked for just now."""
    redis = get_redis_connection("default")
    keys = ("prices:paper:spot", "prices:paper:spot:fed")
    redis.delete(*keys)

    def price(symbol, value, *, age=0, fed=False):
        at = timezone.now() - timedelta(seconds=age)
        redis.set(keys[fed], packed_prices({symbol: Decimal(value)}, at=at), ex=60)

    yield price
    redis.delete(*keys)


def hold(position, quantity, entry_price):
    position.quantity, position.entry_price = Decimal(quantity), Decimal(entry_price)
    position.save()


def test_an_open_position_is_worth_what_the_last_price_says(trader, mine, price):
    position, client = mine["bot"].position, client_of(trader)
    hold(position, "0.5", 100)
    address = f"/api/v1/positions/{position.pk}"

    unknown = client.get(address).json()
    price("BTCUSDT", "110.5", age=50)
    known = client.get(address).json()
    price("BTCUSDT", "90", age=2, fed=True)
    newer = client.get(address).json()

    assert (unknown["last_price"], unknown["unrealized_pnl"], unknown["is_open"]) == (None, None, True)
    assert (known["last_price"], known["unrealized_pnl"]) == ("110.5", "5.25")
    assert (newer["last_price"], newer["unrealized_pnl"]) == ("90", "-5")
    assert newer["last_price_at"] > known["last_price_at"]


def test_a_price_older_than_a_minute_is_none_and_a_flat_position_needs_none(trader, mine, price):
    position, client = mine["bot"].position, client_of(trader)
    price("BTCUSDT", 110, age=70)

    flat = client.get(f"/api/v1/positions/{position.pk}").json()
    hold(position, 1, 100)
    held = client.get(f"/api/v1/positions/{position.pk}").json()

    assert (flat["unrealized_pnl"], flat["is_open"]) == ("0", False)
    assert (held["unrealized_pnl"], held["last_price"]) == (None, None)
    assert ids(client, "positions", "is_open=true") == [position.pk]
    assert ids(client, "positions", "is_open=false") == []


def test_news_of_accounts_of_oneself_and_of_the_platform_go_to_whom_they_concern(trader, mine, theirs):
    about = {
        "account": {"account": mine["bot"].account},
        "self": {"user": trader},
        "theirs": {"account": theirs["bot"].account},
        "platform": {},
    }
    told = {
        name: Event.objects.create(kind="kill_switch", message=name, created_at=NOON, **whom).pk
        for name, whom in about.items()
    }
    operator, client = client_of(person("operator")), client_of(trader)

    assert set(ids(client, "news", "kind=kill_switch")) == {told["account"], told["self"]}
    assert set(ids(operator, "news", "kind=kill_switch")) == set(told.values())
    assert set(ids(operator, "news", "owner=the-trader&kind=kill_switch")) == {told["account"], told["self"]}
    assert ids(client, "news", f"account={mine['bot'].account_id}&kind=kill_switch") == [told["account"]]
    assert client.get(f"/api/v1/news/{told['platform']}").status_code == 404
    shown = client.get(f"/api/v1/news/{told['account']}").json()
    assert (shown["account"], shown["position"], shown["bot"]) == (mine["bot"].account_id, None, None)


def test_head_answers_like_get(trader, mine):
    answer = client_of(trader).head("/api/v1/orders")

    assert (answer.status_code, answer.content) == (200, b"")


def test_no_key_of_an_account_is_told(trader, mine):
    account = mine["bot"].account
    account.api_key, account.api_secret = "CANARYKEY-0123456789", "CANARYSECRET-0123456789"
    account.save()
    client = client_of(trader)

    for name in LISTS:
        for address in (f"/api/v1/{name}", f"/api/v1/{name}/{mine[name].pk}"):
            assert "CANARY" not in json.dumps(client.get(address).json()), address


def walked(client, address, *, between=lambda: None, way="next"):
    """The numbers of the rows of all pages; ``between`` is done before each further page."""
    found = []
    while address:
        page = client.get(address).json()
        rows = [row["id"] for row in page["results"]]
        found = found + rows if way == "next" else rows + found
        last, address = address, page[way]
        between()
    return found, last


@pytest.mark.parametrize("ordering", ["-created_at", "created_at"])
def test_pages_lose_and_repeat_nothing_while_orders_of_one_moment_are_added(trader, mine, ordering):
    position, client = mine["bot"].position, client_of(trader)

    def add(count=1, at=NOON):
        return [OrderFactory(position=position, purpose="exit", created_at=at).pk for _ in range(count)]

    there = {mine["orders"].pk, *add(6, NOON - timedelta(hours=1)), *add(9), *add(5, NOON + timedelta(hours=1))}
    added = []
    first = f"/api/v1/orders?page_size=3&fields=id&ordering={ordering}"
    found, last = walked(client, first, between=lambda: added.extend([*add(), *add(at=NOON + timedelta(hours=2))]))

    assert len(found) == len(set(found))
    assert there <= set(found) <= there | set(added)
    back, _ = walked(client, last, way="previous")
    assert len(back) == len(set(back))
    assert set(found) <= set(back)


def test_pages_of_each_list_reach_every_row(trader):
    client = client_of(trader)
    made = [rows_of(trader, symbol=f"C{number}USDT") for number in range(5)]

    for name in LISTS:
        found, last = walked(client, f"/api/v1/{name}?page_size=2")
        assert found == [rows[name].pk for rows in reversed(made)], name
        assert walked(client, last, way="previous")[0] == found, name


@pytest.mark.parametrize("cursor", ["x", "cD0x", "cj0xJnA9eA==", "cD1ub3ctbm90LW5vdw=="])
@pytest.mark.parametrize("name", LISTS)
def test_a_cursor_that_nobody_made_leads_nowhere(trader, mine, name, cursor):
    assert client_of(trader).get(f"/api/v1/{name}?cursor={cursor}").status_code in (400, 404)


@pytest.mark.parametrize(
    ("name", "example"),
    [
        *(("orders", examples.ORDER), ("fills", examples.FILL), ("trades", examples.TRADE)),
        *(("positions", examples.POSITION), ("news", examples.EVENT), ("transfers", examples.TRANSFER)),
    ],
)
def test_the_schema_shows_what_is_answered(trader, mine, name, example):
    (row,) = client_of(trader).get(f"/api/v1/{name}").json()["results"]

    assert set(row) == set(example)


def test_the_schema_shows_an_order_as_it_is_answered(trader, mine):
    shown = client_of(trader).get(f"/api/v1/orders/{mine['orders'].pk}").json()

    assert set(shown) == set(examples.ORDER_DETAIL)
    assert set(shown["fills"][0]) == set(examples.ORDER_DETAIL["fills"][0])
    assert set(shown["trade"]) == set(examples.TRADE)

"""Lists of big tables: one query for a page, no count, and a number that says when it is a guess."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bots.models import Decision
from bots.tests.factories import BotFactory
from market import planning
from market.admin import filters
from market.admin.long import MOST_PAGES
from market.tests.factories import NOON, ExchangeAccountFactory
from tradebot_site.tests.conftest import full_bot
from trades.models import Event, Order
from trades.tests.factories import OrderFactory

ORDERS = "/admin/trades/order/"
DAY = timedelta(days=1)
FIRST = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def orders(db):
    """A hundred and twenty orders of one position, one for each hour."""
    first = OrderFactory()
    position = first.position
    first.delete()
    Order.objects.bulk_create(
        Order(
            position=position,
            account=position.account,
            client_order_id=f"order-{number:03}",
            signal_key=str(number),
            purpose="exit",
            side="SELL",
            quantity=1,
            reference_price=1,
            status="canceled",
            created_at=FIRST + timedelta(hours=number),
        )
        for number in range(120)
    )
    return position


def shown(page):
    return [order.client_order_id for order in page.context["cl"].result_list]


def text(page):
    return " ".join(page.content.decode().split())


def test_pages_follow_each_other_and_the_last_knows_the_number(admin, orders):
    pages = [admin.get(f"{ORDERS}?p={number}") for number in (1, 2, 3)]

    assert [len(shown(page)) for page in pages] == [50, 50, 20]
    assert shown(pages[0])[0] == "order-119"
    assert shown(pages[2])[-1] == "order-000"
    assert [name for page in pages for name in shown(page)] == [f"order-{number:03}" for number in reversed(range(120))]
    assert "about" in text(pages[0]).partition('aria-label="Pages"')[2]
    assert "120 orders, page 3" in text(pages[2])
    assert "about 120" not in text(pages[2])


def test_nothing_is_counted_or_sorted_without_an_index(admin, orders):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        admin.get(f"{ORDERS}?o=-5.3")

    statements = [query["sql"] for query in queries if 'FROM "trades_order"' in query["sql"]]
    assert not any("COUNT(" in sql for sql in statements)
    assert all(
        'ORDER BY "trades_order"."created_at" DESC' in sql for sql in statements if not sql.startswith("EXPLAIN")
    )
    assert len(queries) <= 14


def test_a_page_beyond_the_last_leads_back(admin, orders):
    for number in (4, MOST_PAGES + 1, 10**9):
        assert shown(admin.get(f"{ORDERS}?p={number}", follow=True))[0] == "order-119"
    assert shown(admin.get(f"{ORDERS}?p=x"))[0] == "order-119"


def test_days_are_chosen_with_both_ends(admin, orders):
    page = admin.get(f"{ORDERS}?created_at_from=2026-01-02&created_at_to=2026-01-03")

    assert [shown(page)[0], shown(page)[-1], len(shown(page))] == ["order-059", "order-012", 48]


def test_a_date_that_is_none_is_said(admin, orders):
    page = admin.get(f"{ORDERS}?created_at_from=2026-02-31")

    assert shown(page) == []
    assert "created at from: &#x27;2026-02-31&#x27; is no date; 2026-01-31 is one." in page.content.decode()


def test_orders_are_found_by_bot_symbol_status_and_client_id(admin, orders):
    bot = BotFactory(name="alpha one", symbol="ETHUSDT")
    OrderFactory(position=bot.position, client_order_id="alpha-1", status="rejected", proof_deadline=FIRST)

    for query in ("bot=alpha", "symbol=ETHUSDT", "status__exact=rejected", "q=alpha-1"):
        assert shown(admin.get(f"{ORDERS}?{query}")) == ["alpha-1"], query
    assert shown(admin.get(f"{ORDERS}?bot=nobody")) == []
    assert shown(admin.get(f"{ORDERS}?q=alpha")) == []


@pytest.mark.parametrize("url", [ORDERS, "/admin/bots/decision/"])
def test_others_bots_of_a_name_take_no_places_and_a_cut_is_said(admin, staff, staff_client, monkeypatch, url):
    monkeypatch.setattr(filters, "MANY", 2)
    strangers = [BotFactory(name=f"alpha {number}") for number in range(2)]
    own = BotFactory(name="alpha mine", account=ExchangeAccountFactory(owner=staff))
    for bot in (*strangers, own):
        OrderFactory(position=bot.position)
        Decision.objects.create(bot=bot, status="waiting", text="so it is", created_at=FIRST)

    mine, cut = staff_client.get(f"{url}?bot=alpha"), admin.get(f"{url}?bot=alpha")
    whole = admin.get(f"{url}?bot=alpha+m")

    assert [len(page.context["cl"].result_list) for page in (mine, cut, whole)] == [1, 2, 1]
    told = "More than 2 bots match"
    assert [page.content.decode().count(told) for page in (mine, cut, whole)] == [0, 1, 0]


def test_decisions_are_found_by_reason(admin, db):
    bot = BotFactory(name="alpha")
    for status, reason in (("waiting", "no signal"), ("error", "price fetch")):
        Decision.objects.create(bot=bot, status=status, reason=reason, text="so it is", created_at=FIRST)

    def found(query):
        return [row.reason for row in admin.get(f"/admin/bots/decision/?{query}").context["cl"].result_list]

    assert found("reason=price+fetch") == ["price fetch"]
    assert found("reason=nonsense") == []
    assert found("bot=alp&status=waiting") == ["no signal"]


def test_a_page_is_planned_for_its_values_however_often_it_was_opened(admin, orders):
    for _ in range(12):  # from the ninth time on the connection would have one plan for all values
        admin.get(f"{ORDERS}?status__exact=rejected")

    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%%ORDER BY%%trades_order%%'")
        prepared = [row[0] for row in cursor.fetchall()]
    assert [sql for sql in prepared if '"client_order_id"' in sql] == []


LONG = ("trades/order", "trades/fill", "trades/trade", "trades/event", "bots/decision")


@pytest.fixture
def two_owners(staff):
    return full_bot(owner=staff, name="mine"), full_bot(name="theirs", symbol="ETHUSDT")


@pytest.mark.parametrize("few", [1000, 0])
@pytest.mark.parametrize("path", LONG)
@pytest.mark.parametrize("whose", ["owner", "account", "oneself"])
def test_rows_of_few_bots_are_looked_for_by_these_and_of_many_by_a_join(
    admin, staff_client, two_owners, monkeypatch, path, whose, few
):
    monkeypatch.setattr(planning, "FEW", few)
    bot, _ = two_owners
    client = staff_client if whose == "oneself" else admin
    query = {"owner": f"?owner={bot.owner_id}", "account": f"?account={bot.account_id}", "oneself": ""}[whose]

    with CaptureQueriesContext(connection) as queries:
        rows = client.get(f"/admin/{path}/{query}").context["cl"].result_list

    model = path.partition("/")[2]
    found = [query["sql"] for query in queries if f'FROM "{path.replace("/", "_")}"' in query["sql"]]
    parent = "bot_id" if model == "decision" else "position_id"
    assert [getattr(row, "position", None) or row.bot.position for row in rows] == [bot.position]
    assert {f'"{parent}" IN (' in sql for sql in found if "LIMIT 51" in sql} == {few > 0}


@pytest.mark.parametrize("path", LONG[:4])
def test_rows_are_found_by_what_their_position_and_its_account_have(admin, two_owners, path):
    queries = ["environment=paper", "environment=live", "market=spot", "market=futures"] if path != LONG[3] else []

    found = {
        query: len(admin.get(f"/admin/{path}/?{query}").context["cl"].result_list)
        for query in [*queries, "symbol=BTCUSDT", "symbol=ETHUSDT"]
    }

    expected = {"environment=paper": 2, "environment=live": 0, "market=spot": 2, "market=futures": 0}
    assert found == {query: expected[query] for query in queries} | {"symbol=BTCUSDT": 1, "symbol=ETHUSDT": 1}


def test_decisions_are_found_by_symbol_and_offer_no_strangers(admin, staff_client, two_owners):
    _mine, theirs = two_owners
    decisions = "/admin/bots/decision/"

    found = {symbol: admin.get(f"{decisions}?symbol={symbol}").context["cl"].result_list for symbol in ("ETHUSDT", "X")}
    own = staff_client.get(decisions).content.decode()

    assert {symbol: [row.bot for row in rows] for symbol, rows in found.items()} == {"ETHUSDT": [theirs], "X": []}
    assert "ETHUSDT" not in own
    assert not staff_client.get(f"{decisions}?account={theirs.account_id}").context["cl"].result_list


@pytest.mark.parametrize(
    ("typed", "found"), [("exposure", ["too much"]), ("-2010", ["no money"]), ("nothing", []), ("", None)]
)
def test_denials_and_rejections_are_found_by_their_code(admin, db, typed, found):
    position = BotFactory().position
    for kind, code, message in (
        ("order_denied", "exposure", "too much"),
        ("order_rejected", -2010, "no money"),
        ("bot_error", "exposure", "something else"),
    ):
        Event.objects.create(kind=kind, position=position, message=message, data={"code": code}, created_at=NOON)

    rows = admin.get("/admin/trades/event/", {"code": typed}).context["cl"].result_list

    assert [row.message for row in rows] == found if found is not None else len(rows) == 3

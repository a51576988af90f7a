"""The list of positions: whose bot, what it holds, and what closing it now would add."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bots.models import SeriesReading
from bots.tests.factories import BotFactory
from market.tests.factories import NOON, ExchangeAccountFactory
from trades.models import Position
from trades.tests.factories import PositionFactory

POSITIONS = "/admin/trades/position/"
HELD = {"quantity": Decimal("0.5"), "entry_price": Decimal(100)}


def reading(interval, price, *, minutes=0, **series):
    told = {"environment": "paper", "market": "spot", "symbol": "BTCUSDT", **series}
    at = NOON.replace(minute=minutes)
    return SeriesReading.objects.create(**told, interval=interval, price=price, evaluated_at=at)


def held(name, **values):
    bot = BotFactory(name=name, **values)
    Position.objects.filter(pk=bot.position_id).update(**HELD)
    return bot


def unrealized(client, query=""):
    """What the list says of each position, by the name that stands below its symbol."""
    table = client.get(f"{POSITIONS}{query}").context["cl"]
    admin = table.model_admin
    return {admin.traded(position)[1]: admin.unrealized(position) for position in table.result_list}


def test_unrealised_pnl_is_at_the_last_price_of_the_bots_series_and_by_hand_of_the_symbol(admin, db):
    reading("1m", 110, minutes=1)
    reading("1h", 120, minutes=2)
    reading("1m", 999, minutes=3, market="futures")
    held("quick", interval="1m")
    held("slow", interval="1h")
    held("unseen", interval="15m")
    held("unpriced", symbol="ETHUSDT")
    BotFactory(name="flat")
    PositionFactory(by_hand=True, **HELD)

    assert unrealized(admin) == {
        "quick": "+5.00",
        "slow": "+10.00",
        "unseen": "+10.00",  # no price of its own series yet: the last of the symbol
        "unpriced": "no price yet",
        "flat": "–",
        "by hand": "+10.00",
    }
    assert "+5.00" in admin.get(POSITIONS).content.decode()


def test_positions_are_found_by_the_name_of_their_bot_and_name_it(admin, staff, staff_client):
    held("alpha one")
    held("beta")
    held("alpha mine", account=ExchangeAccountFactory(owner=staff))

    assert set(unrealized(admin, "?bot=alpha")) == {"alpha one", "alpha mine"}
    assert set(unrealized(staff_client, "?bot=alpha")) == {"alpha mine"}


@pytest.mark.parametrize("count", [1, 30])
def test_a_page_of_positions_costs_as_many_queries_whatever_their_number(admin, db, count):
    reading("1m", 110)
    for number in range(count):
        held(f"bot {number}")

    with CaptureQueriesContext(connection) as queries:
        admin.get(POSITIONS)

    assert len(queries) <= 12

"""Symbols, candles, order books and prices over the API."""

from datetime import timedelta
from decimal import Decimal
from time import monotonic

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django_redis import get_redis_connection

from market.api.market_rows import candle_rows
from market.candles import LIGHT_LIMIT, candles_key, kept_candles, refresh
from market.exchange import public_gateway
from market.models import SymbolRules
from market.symbols import warm_symbols
from market.tests.factories import SymbolRulesFactory, entry, futures_entry
from market.types import Candles, Series
from tradebot_site.tests.api.asking import Caller
from tradebot_site.tests.people import person

BTC = {"environment": "paper", "market": "spot", "symbol": "BTCUSDT"}
SOME = {"environment": "paper", "market": "spot", "symbols": "A"}
MINUTES = BTC | {"interval": "1m"}
SERIES = Series("paper", "spot", "BTCUSDT", "1m")


@pytest.fixture
def viewer(db):
    get_redis_connection("default").flushdb()
    return Caller(person("viewer"))


@pytest.fixture
def listed(viewer, paper):
    """What the paper exchange lists is known."""
    warm_symbols("paper", "spot", now=timezone.now())
    return viewer


@pytest.fixture
def fault(paper):
    yield lambda name, path, **step: paper.admin(
        "POST", "/paper/faults", {"fault": name, "match": {"path": path}, **step}
    )
    paper.admin("DELETE", "/paper/faults", {})


def test_symbols_are_listed_filtered_and_ordered_and_cost_the_same_however_many(viewer):
    SymbolRulesFactory(symbol="ETHUSDT", entry=entry("ETHUSDT"))

    def counted(**query):
        with CaptureQueriesContext(connection) as statements:
            rows = viewer.get("symbols", **query)[1]["results"]
        return len(statements), [row["symbol"] for row in rows]

    of_one = counted()
    for name in ("BTCUSDT", "ADAUSDT"):
        SymbolRulesFactory(symbol=name, entry=entry(name))
    SymbolRulesFactory(symbol="BTCUSDT", market="futures", entry=futures_entry(), status="BREAK")

    assert of_one == (5, ["ETHUSDT"])  # session, user, two of what he may do, the symbols
    assert counted() == (5, ["ETHUSDT", "BTCUSDT", "ADAUSDT", "BTCUSDT"])
    assert counted(ordering="symbol")[1] == ["ADAUSDT", "BTCUSDT", "BTCUSDT", "ETHUSDT"]
    assert counted(market="futures")[1] == ["BTCUSDT"]
    assert counted(symbol="BTCUSDT", market="spot")[1] == ["BTCUSDT"]
    assert counted(search="eth", environment="paper")[1] == ["ETHUSDT"]
    assert counted(status="BREAK")[1] == ["BTCUSDT"]
    assert viewer.get("symbols", market="moon")[0] == viewer.get("symbols", base="BTC")[0] == 400


def test_a_symbol_is_told_with_all_its_rules_and_the_filters_as_received(viewer):
    row = SymbolRulesFactory(entry=entry())

    status, told = viewer.get(f"symbols/{row.pk}")

    assert status == 200
    assert (told["base_asset"], told["tick_size"]) == ("BTC", "0.01")
    assert (told["lot_size"], told["min_notional"]) == ("0.00001", "5")
    assert told["rules"]["market_lot"] == {"minimum": "0.00001", "maximum": "100", "step": "0.00001", "origin": "0"}
    assert (told["rules"]["max_orders"], told["rules"]["bands"]["BUY"]) == (None, {"down": None, "up": None})
    assert told["rules"]["order_types"] == ["limit", "market", "stop", "target"]
    assert told["filters"] == row.entry["filters"]
    assert viewer.get("symbols/999999")[0] == 404


def test_every_symbol_that_the_exchange_lists_can_be_told(listed):
    pks = SymbolRules.objects.values_list("pk", flat=True)

    assert len(pks) > 3
    assert {listed.get(f"symbols/{pk}")[0] for pk in pks} == {200}


def test_candles_are_those_of_the_exchange_closed_and_with_their_age(listed):
    now = timezone.now()

    status, told = listed.get("candles", **MINUTES, limit=5)

    rows = public_gateway("paper", "spot").candles("BTCUSDT", "1m", limit=20)
    known = {int(row[0]): [Decimal(repr(float(value))) for value in row[1:]] for row in rows}
    assert (status, len(told["candles"]), told["symbol"]) == (200, 5, "BTCUSDT")
    for candle in told["candles"]:
        opened = parse_datetime(candle["open_at"])
        values = [Decimal(candle[name]) for name in ("open", "high", "low", "close", "volume")]
        assert values == known[round(opened.timestamp() * 1000)]
    closed_at = parse_datetime(told["closed_at"])
    assert closed_at == parse_datetime(told["candles"][-1]["open_at"]) + timedelta(minutes=1)
    assert timedelta() <= now - closed_at < timedelta(minutes=1, seconds=5)
    assert (told["is_stale"], told["trouble"], 0 <= told["age_seconds"] <= 65) == (False, "", True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (97000.1, "97000.1"),
        (5.0, "5"),
        (0.0, "0"),
        (1e-7, "0.0000001"),
        (1.5e20, "150000000000000000000"),
        (100.0, "100"),
    ],
)
def test_the_numbers_of_a_candle_are_written_without_exponent_and_needless_zeros(value, text):
    rows = candle_rows(Candles.from_rows(np.array([[60_000.0, value, value, value, value, value]])))

    assert rows == [
        {"open_at": "1970-01-01T00:01:00Z"} | dict.fromkeys(("open", "high", "low", "close", "volume"), text)
    ]


def test_candles_that_are_shared_ask_nobody_and_no_more_than_there_are_is_told(listed, settings):
    first = listed.get("candles", **MINUTES, limit=1000)[1]
    settings.PAPER_URL = "http://127.0.0.1:9"

    again = listed.get("candles", **MINUTES, limit=1000)

    assert len(first["candles"]) == 999
    if not again[1]["is_stale"]:  # no minute ended in between
        assert again[1]["candles"] == first["candles"]


def test_candles_that_nobody_can_renew_are_told_as_stale(listed, settings):
    refresh(SERIES, now=timezone.now() - timedelta(minutes=10))
    newest = kept_candles(SERIES).close_at(SERIES.duration)
    settings.PAPER_URL = "http://127.0.0.1:9"

    status, told = listed.get("candles", **MINUTES)

    assert (status, told["is_stale"]) == (200, True)
    assert parse_datetime(told["closed_at"]) == newest
    assert told["age_seconds"] >= 540
    assert "talking to the exchange" in told["trouble"]


def test_candles_that_nobody_has_are_not_made_up(listed, settings):
    settings.PAPER_URL = "http://127.0.0.1:9"

    status, told = listed.get("candles", **MINUTES)

    assert (status, told["code"]) == (503, "unavailable")


def test_what_was_only_looked_at_does_not_lie_in_redis_for_months(listed):
    listed.get("candles", **MINUTES)
    listed.get("candles", **BTC, interval="1d")

    redis = get_redis_connection("default")
    minutes, days = (redis.pttl(candles_key(Series(*SERIES.exchange, "BTCUSDT", name))) for name in ("1m", "1d"))
    assert 0 < minutes <= 3_600_000 < LIGHT_LIMIT * 60_000
    assert 0 < days <= 3_600_000


def test_an_order_book_has_the_spread_and_what_is_near(listed, paper):
    paper.set_book("BTCUSDT", spread_bps="10", levels=30)

    status, told = listed.get("order-book", **BTC)

    paper.set_book("BTCUSDT")
    bid, ask = Decimal(told["best_bid"]), Decimal(told["best_ask"])
    assert (status, len(told["bids"]), len(told["asks"])) == (200, 20, 20)
    assert told["bids"][0]["price"] == told["best_bid"]
    assert Decimal(told["spread"]) == ask - bid > 0
    assert abs(Decimal(told["spread_percent"]) - (ask - bid) / (ask + bid) * 200) < Decimal("1e-8")
    assert len(told["spread_percent"].partition(".")[2]) <= 8
    assert Decimal(told["bid_volume"]) == sum(Decimal(level["quantity"]) for level in told["bids"][:5])


def test_an_order_book_is_asked_for_once_a_second_by_however_many(listed, monkeypatch):
    first = listed.get("order-book", **BTC)
    monkeypatch.setattr("market.order_book.public_gateway", None)
    monkeypatch.setattr("market.order_book.MAX_AGE", timedelta(seconds=60))

    again = listed.get("order-book", **BTC)

    assert again[1]["bids"] == first[1]["bids"]


def test_prices_are_told_of_those_that_are_asked_for_and_what_has_none_is_named(listed, settings):
    status, told = listed.get("prices", **SOME | {"symbols": "ETHUSDT,NOSUCHUSDT,BTCUSDT,ETHUSDT"})

    assert status == 200
    assert [row["symbol"] for row in told["prices"]] == ["ETHUSDT", "BTCUSDT"]
    assert all(Decimal(row["price"]) > 0 for row in told["prices"])
    assert told["missing"] == ["NOSUCHUSDT"]


def test_prices_that_are_shared_ask_nobody(listed, monkeypatch):
    query = SOME | {"symbols": "BTCUSDT"}
    first = listed.get("prices", **query)[1]
    monkeypatch.setattr("market.prices.public_gateway", None)
    monkeypatch.setattr("market.prices.MAX_AGE", timedelta(seconds=60))

    assert listed.get("prices", **query)[1]["prices"][0]["price"] == first["prices"][0]["price"]


@pytest.mark.parametrize("page", ["candles", "order-book", "prices"])
def test_an_exchange_that_hangs_is_waited_for_five_seconds_at_most(listed, fault, monkeypatch, page):
    monkeypatch.setattr("market.patience.SECONDS", 0.5)
    paths = {"candles": "/api/v3/klines", "order-book": "/api/v3/depth", "prices": "/api/v3/ticker/price"}
    fault("delay_before", paths[page], delay_seconds=60)
    query = {"candles": MINUTES, "order-book": BTC, "prices": SOME}

    begun = monotonic()
    status, told = listed.get(page, **query[page])

    assert (status, told["code"]) == (503, "unavailable")
    assert monotonic() - begun < 3


@pytest.mark.parametrize(
    ("page", "changes", "field"),
    [
        *((page, {"environment": "moon"}, "environment") for page in ("candles", "order-book", "prices")),
        *((page, {"environment": "live"}, "environment") for page in ("candles", "order-book", "prices")),
        *((page, {"market": ""}, "market") for page in ("candles", "order-book", "prices")),
        *((page, {"nonsense": 1}, "nonsense") for page in ("candles", "order-book", "prices")),
        *((page, {"symbol": "btc usdt"}, "symbol") for page in ("candles", "order-book")),
        *((page, {"symbol": "X" * 31}, "symbol") for page in ("candles", "order-book")),
        ("order-book", {"symbol": ["BTCUSDT", "ETHUSDT"]}, "symbol"),
        ("candles", {"interval": "2m"}, "interval"),
        ("candles", {"limit": 0}, "limit"),
        ("candles", {"limit": 1001}, "limit"),
        ("candles", {"limit": "9" * 5000}, "limit"),
        ("prices", {"symbols": ""}, "symbols"),
        ("prices", {"symbols": "BTCUSDT,,"}, "symbols"),
        ("prices", {"symbols": ",".join(f"S{number}" for number in range(201))}, "symbols"),
    ],
)
def test_what_is_asked_wrongly_is_refused_at_its_field(viewer, page, changes, field):
    query = {"candles": MINUTES, "order-book": BTC, "prices": SOME}

    status, told = viewer.get(page, **query[page] | changes)

    assert (status, told["code"], list(told["fields"])) == (400, "invalid", [field])


@pytest.mark.parametrize("page", ["candles", "order-book"])
def test_nobody_can_make_us_ask_for_a_symbol_that_is_not_listed(listed, monkeypatch, page):
    monkeypatch.setattr("market.candles.public_gateway", None)
    monkeypatch.setattr("market.order_book.public_gateway", None)
    query = (MINUTES if page == "candles" else BTC) | {"symbol": "NOSUCHUSDT"}

    assert listed.get(page, **query)[0] == 404


def test_one_user_asks_the_exchange_so_often_a_minute_alone(listed, settings, early_in):
    early_in(60)
    settings.THROTTLE_ASKS = 1

    assert listed.get("order-book", **BTC)[0] == 200
    assert listed.get("candles", **MINUTES)[0] == 429


@pytest.mark.parametrize("page", ["symbols", "candles", "order-book", "prices"])
def test_market_data_is_for_those_who_have_a_role(db, page):
    assert Caller(None).get(page)[0] == 401
    assert Caller(person("stranger")).get(page)[0] == 403

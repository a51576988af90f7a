"""Order books: from the real paper exchange, asked for once by all who look at the same time."""

import json
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from market.exchange.types import Level, OrderBook
from market.order_book import MAX_AGE, BookSnapshot, known_book, order_book
from market.tasks import process_order_book
from market.types import Environment, Market


def levels(*rows: tuple[str, str]) -> tuple[Level, ...]:
    return tuple(Level(Decimal(price), Decimal(quantity)) for price, quantity in rows)


def snapshot(bids: tuple[Level, ...], asks: tuple[Level, ...]) -> BookSnapshot:
    return BookSnapshot(timezone.now(), OrderBook(bids, asks))


def calls(paper) -> int:
    return paper.admin("GET", "/paper/stats")["requests"].get("GET /api/v3/depth", 0)


def test_figures_of_a_book():
    seven = [(str(99 - number), "2") for number in range(7)]
    book = snapshot(levels(*seven), levels(("101", "0.5"), ("102", "0.25")))

    assert (book.best_bid, book.best_ask, book.spread, book.spread_percent) == (99, 101, 2, 2)
    assert (book.bid_volume, book.ask_volume) == (10, Decimal("0.75"))


def test_a_side_that_nobody_offers_has_no_price_and_no_spread():
    book = snapshot(levels(("99", "1")), ())

    assert (book.best_bid, book.best_ask, book.spread, book.spread_percent, book.ask_volume) == (
        99,
        None,
        None,
        None,
        0,
    )


@pytest.mark.parametrize("market", Market)
def test_twenty_levels_of_each_side_best_first(paper, redis, market):
    book = order_book(Environment.PAPER, market, "BTCUSDT", now=timezone.now()).book

    bids, asks = ([level.price for level in side] for side in (book.bids, book.asks))
    assert (len(bids), len(asks)) == (20, 20)
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]


def test_those_who_look_at_the_same_time_cost_one_call(paper, redis):
    before, now = calls(paper), timezone.now().replace(microsecond=0)

    first = order_book(Environment.PAPER, Market.SPOT, "ETHUSDT", now=now)
    again = order_book(Environment.PAPER, Market.SPOT, "ETHUSDT", now=now + MAX_AGE)
    assert (again, calls(paper)) == (first, before + 1)

    later = order_book(Environment.PAPER, Market.SPOT, "ETHUSDT", now=now + MAX_AGE + timedelta(milliseconds=1))
    assert (later.at, calls(paper)) == (now + MAX_AGE + timedelta(milliseconds=1), before + 2)


def test_command_shows_the_book(paper, redis, capsys):
    call_command("order_book", "btcusdt", "--market", "futures", "--json")

    told = json.loads(capsys.readouterr().out)
    assert Decimal(told["best_ask"]) - Decimal(told["best_bid"]) == Decimal(told["spread"]) > 0
    assert len(told["bids"]) == 20
    assert told["best_bid"] == told["bids"][0][0]

    call_command("order_book", "btcusdt", "--market", "futures")
    assert told["best_bid"] in capsys.readouterr().out


def test_symbol_that_does_not_exist_is_named(paper, redis):
    with pytest.raises(CommandError, match=r"NOSUCH: .*Invalid symbol"):
        call_command("order_book", "nosuch")


def test_the_task_tells_a_book_and_leaves_it_for_those_who_look(paper, redis):
    told = process_order_book("paper", "spot", "BTCUSDT")

    asked_at = datetime.fromisoformat(told["at"])
    book = known_book("paper", "spot", "BTCUSDT", now=asked_at)
    assert json.loads(json.dumps(told)) == told
    assert (len(told["bids"]), len(told["asks"])) == (20, 20)
    assert Decimal(told["spread"]) == Decimal(told["best_ask"]) - Decimal(told["best_bid"]) == book.spread
    assert Decimal(told["bid_volume"]) == sum(Decimal(quantity) for _, quantity in told["bids"][:5])
    assert known_book("paper", "spot", "BTCUSDT", now=asked_at + MAX_AGE + timedelta(milliseconds=2)) is None

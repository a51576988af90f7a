"""What a feed writes of prices and quotes, and when it rather says nothing."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from market.exchange.types import Quote
from market.feed.board import Board
from market.tests.factories import NOON
from market.types import Environment, Market, milliseconds

SECOND = timedelta(seconds=1)
QUOTE = Quote(Decimal("99.9"), Decimal(1), Decimal("100.1"), Decimal(2))
PRICES, BTC = "prices:paper:spot:fed", "quote:paper:spot:BTCUSDT"


@pytest.fixture
def board() -> Board:
    """A board that has heard of BTC."""
    board = Board(Environment.PAPER, Market.SPOT)
    hear(board, "BTCUSDT")
    return board


def hear(board: Board, *symbols: str, at=NOON) -> None:
    for symbol in symbols:
        board.hear(symbol, QUOTE, at=at)
        board.executed[symbol] = Decimal(100)


def due(board: Board, *, at=NOON, now=NOON, **moments) -> dict:
    found = board.due({"BTCUSDT": at} | moments, now=now)
    return {key: json.loads(packed) for key, packed in found.items()}


def test_a_quote_and_the_price_are_told_with_the_moment_of_which_they_are(board):
    told = due(board, at=NOON - SECOND)

    assert told[BTC] == {
        "at_ms": milliseconds(NOON - SECOND), "bid": "99.9", "bid_quantity": "1", "ask": "100.1", "ask_quantity": "2"
    }  # fmt: skip
    assert told[PRICES] == {"at_ms": milliseconds(NOON - SECOND), "prices": {"BTCUSDT": "100"}}


def test_what_is_too_old_is_not_told(board):
    assert due(board, at=NOON - 2 * SECOND) == {}


def test_prices_are_as_old_as_the_oldest_of_them_and_a_stale_one_holds_up_nobody(board):
    hear(board, "ETHUSDT", "XRPUSDT")

    told = due(board, ETHUSDT=NOON - SECOND, XRPUSDT=NOON - 60 * SECOND)

    assert told[PRICES]["at_ms"] == milliseconds(NOON - SECOND)
    assert sorted(told[PRICES]["prices"]) == ["BTCUSDT", "ETHUSDT"]


def test_an_unchanged_quote_is_told_again_after_a_second_only(board):
    told = [BTC in due(board, at=NOON + ms * SECOND / 1000, now=NOON + ms * SECOND / 1000) for ms in (0, 500, 1000)]

    assert told == [True, False, True]


@pytest.mark.parametrize(("seconds", "told"), [(10, True), (11, False)])
def test_a_quote_that_stands_still_is_believed_for_a_while_only(board, seconds, told):
    later = NOON + seconds * SECOND

    assert (BTC in due(board, at=later, now=later)) is told


def test_a_changed_quote_is_told_at_once(board):
    due(board)
    board.hear("BTCUSDT", Quote(Decimal("99.8"), Decimal(1), Decimal("100.1"), Decimal(2)), at=NOON)

    assert due(board)[BTC]["bid"] == "99.8"


@pytest.mark.parametrize(("executed", "price"), [("100", "100"), ("99", "99.9"), ("101", "100.1")])
def test_the_price_is_the_last_execution_unless_the_best_prices_have_left_it_behind(board, executed, price):
    board.executed["BTCUSDT"] = Decimal(executed)

    assert due(board)[PRICES]["prices"] == {"BTCUSDT": price}


def test_before_an_execution_is_heard_of_there_is_a_quote_and_no_price(board):
    board.executed.clear()

    assert due(board).keys() == {BTC}


def test_what_is_not_heard_any_more_is_not_told(board):
    board.forget({"BTCUSDT"})

    assert due(board) == {}


def test_only_what_is_wanted_is_kept(board):
    hear(board, "ETHUSDT")

    board.keep_only({"ETHUSDT"})

    assert sorted(due(board, ETHUSDT=NOON)) == [PRICES, "quote:paper:spot:ETHUSDT"]

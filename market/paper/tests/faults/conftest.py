"""The board of a real exchange, and what is on it is cleared after every test."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from market.paper.tests.server import PaperServer

ORDER = "/api/v3/order"


class Board:
    """The fault menu of a running exchange."""

    def __init__(self, paper: PaperServer) -> None:
        self.paper = paper

    def add(self, fault: str, **step: Any) -> dict[str, Any]:
        """Put one fault on the board; words of ``match`` are matches, everything else is a field of the step."""
        return self.paper.admin("POST", "/paper/faults", {"fault": fault, **step})

    def run(self, *steps: dict[str, Any], **how: Any) -> list[dict[str, Any]]:
        """Run a script."""
        return self.paper.admin("POST", "/paper/faults/script", {"steps": list(steps), **how})["faults"]

    def clear(self, number: int | None = None) -> dict[str, Any]:
        """Take one fault, or all, off the board."""
        return self.paper.admin("DELETE", "/paper/faults", {"id": number} if number else {})

    def show(self) -> list[dict[str, Any]]:
        """What is on the board."""
        return self.paper.admin("GET", "/paper/faults")["faults"]

    def hits(self, number: int) -> int:
        """How often a fault has happened."""
        (hits,) = [rule["hits"] for rule in self.show() if rule["id"] == number]
        return hits


def wait_until(condition: Callable[[], object]) -> None:
    """Return when the condition holds; fail after a deadline."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline


@pytest.fixture
def board(paper):
    board = Board(paper)
    yield board
    board.clear()


@pytest.fixture
def key(paper):
    return paper.open_account(USDT="10000")


@pytest.fixture
def client(paper, key):
    client = paper.client(key)
    yield client
    client.close_connection()


@pytest.fixture
def btc_at_50000(paper):
    paper.set_price("BTCUSDT", "50000")
    yield
    paper.set_price("BTCUSDT", None)

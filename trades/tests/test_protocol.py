from datetime import timedelta
from types import SimpleNamespace

import pytest

from market.exchange.errors import OrderNotFound
from market.tests.factories import NOON
from trades import protocol
from trades.lifecycle import OrderPurpose, OrderStatus
from trades.tests.gateways import FakeGateway

DEADLINE = NOON + timedelta(seconds=20)


def unknown(**values):
    row = {"symbol": "BTCUSDT", "client_order_id": "tb-1", "type": "market", "status": OrderStatus.UNKNOWN}
    return SimpleNamespace(**row | {"proof_deadline": DEADLINE, "not_found_at": None} | values)


class Noting:
    """Books that remember what they were told of an order that is not found."""

    def __init__(self):
        self.noted = []

    def note_not_found(self, order, *, now):
        self.noted.append(now)


@pytest.mark.parametrize(("asked", "counts"), [(19, False), (20, True)])
def test_a_not_found_counts_from_the_moment_of_the_question_however_long_the_answer_takes(asked, counts):
    moments = iter([NOON + timedelta(seconds=asked), NOON + timedelta(seconds=60)])
    books = Noting()

    gateway = FakeGateway(found=OrderNotFound("no such order", code=-2013))
    protocol.ask(unknown(), books=books, gateway=gateway, clock=lambda: next(moments))

    assert books.noted == ([NOON + timedelta(seconds=asked)] if counts else [])


@pytest.mark.parametrize(
    ("state", "cooling", "purpose", "may_go"),
    [
        ("active", False, OrderPurpose.ENTRY, True),
        ("reducing", False, OrderPurpose.ENTRY, False),
        ("reducing", False, OrderPurpose.EXIT, True),
        ("reducing", False, OrderPurpose.PROTECTION, True),
        ("halted", False, OrderPurpose.EXIT, False),
        ("active", True, OrderPurpose.EXIT, False),
    ],
)
def test_what_the_account_allows_is_asked_once_more_at_the_claim(state, cooling, purpose, may_go):
    found = protocol.obstacle([SimpleNamespace(purpose=purpose)], account_state=state, is_cooling=cooling)

    assert bool(found) is not may_go

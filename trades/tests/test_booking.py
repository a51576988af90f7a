from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.exchange.types import ReportStatus
from market.tests.factories import NOON
from market.types import Side
from trades.booking import Figures, Line, book, line_of, new_fills, status_after
from trades.lifecycle import OrderStatus
from trades.pnl import Execution
from trades.tests.gateways import fill_report, order_report

PRICES = st.decimals(min_value="0.01", max_value="100000", places=2)
QUANTITIES = st.decimals(min_value="0.00001", max_value="10", places=5)


def line(trade_id: int, order: int, side: Side, price: str | Decimal, quantity: str | Decimal, *, entry=True, fee="0"):
    execution = Execution(side, Decimal(price), Decimal(quantity), Decimal(fee))
    return Line(trade_id, order, entry, execution, NOON + timedelta(seconds=trade_id))


class Journal:
    """Lines as they come, and what has come of them so far."""

    def __init__(self):
        self.figures, self.lines, self.earned, self.questions = Figures(), [], Counter(), []

    def book(self, *lines):
        self.figures, earned = book(self.figures, lines, journal=self.above)
        self.lines += lines
        self.earned.update(earned)
        return self

    def above(self, after_id):
        self.questions.append(after_id)
        return [line for line in self.lines if line.trade_id > after_id]


@st.composite
def histories(draw):
    """The lines of up to six orders in the order of execution; orders overlap, entries and exits go both ways."""
    orders = draw(st.lists(st.tuples(st.booleans(), st.sampled_from(Side)), min_size=1, max_size=6))
    lines, places = [], set()
    for number in range(draw(st.integers(1, 14))):
        order = draw(st.integers(0, len(orders) - 1))
        trade_id = number + draw(st.integers(0, 1))  # who trades with himself has two fills of one id
        if (trade_id, order) in places:
            continue
        places.add((trade_id, order))
        is_entry, side = orders[order]
        price, quantity = draw(PRICES), draw(QUANTITIES)
        in_base = draw(st.sampled_from([Decimal(0), quantity / 1000]))
        fee = in_base * price if in_base else draw(st.decimals(0, 10, places=8))
        execution = Execution(side, price, quantity, fee, in_base)
        lines.append(Line(trade_id, order, is_entry, execution, NOON + timedelta(seconds=trade_id)))
    return sorted(lines, key=lambda line: line.place)


@given(histories(), st.data())
def test_lines_come_to_the_same_in_whatever_order_they_become_known(lines, data):
    in_order, shuffled = Journal(), Journal()

    for each in lines:
        in_order.book(each)
    for each in data.draw(st.permutations(lines)):
        shuffled.book(each)

    assert shuffled.figures == in_order.figures
    assert shuffled.earned == in_order.earned


@given(histories())
def test_what_the_orders_earned_is_what_the_position_earned(lines):
    journal = Journal()

    for each in reversed(lines):
        journal.book(each)

    assert sum(journal.earned.values()) == journal.figures.holding.realized_pnl


@given(histories())
def test_figures_survive_being_written_down(lines):
    journal = Journal()
    for each in lines:
        journal.book(each)
        journal.figures = Figures.unpacked(journal.figures.packed())

    assert journal.figures.packed() == Journal().book(*lines).figures.packed()


def test_an_exit_that_is_booked_before_a_part_of_its_entry_has_earned_what_it_has():
    first, second = line(1, 7, Side.BUY, "100", "1"), line(2, 7, Side.BUY, "130", "2")
    left = line(3, 8, Side.SELL, "150", "1", entry=False)
    journal = Journal().book(first).book(left)
    thought = dict(journal.earned)

    journal.book(second)

    assert thought == {7: 0, 8: 50}
    assert journal.earned == {7: 0, 8: 30}  # the average was 120 when it left
    assert (journal.figures.holding.quantity, journal.figures.holding.entry_price) == (2, 120)


def test_in_the_usual_order_the_journal_is_not_read():
    journal = Journal()

    journal.book(line(1, 7, Side.BUY, "100", "1"), line(2, 7, Side.BUY, "100", "1"))
    journal.book(line(5, 8, Side.SELL, "150", "2", entry=False))

    assert journal.questions == []


def test_a_late_line_is_put_in_from_the_beginning_of_its_round():
    journal = Journal()
    for start in (0, 10, 20):
        journal.book(line(start + 1, start, Side.BUY, "100", "1"))
        journal.book(line(start + 3, start + 1, Side.SELL, "110", "1", entry=False))

    journal.book(line(22, 20, Side.BUY, "100", "1"))
    journal.book(line(2, 0, Side.BUY, "100", "1"))

    assert journal.questions == [13, -1]


def test_a_round_begins_with_the_first_fill_of_an_entry_order_and_ends_with_its_last_exit():
    journal = Journal().book(line(1, 7, Side.BUY, "100", "1"), line(2, 7, Side.BUY, "100", "1"))
    opened = journal.figures

    journal.book(line(3, 8, Side.SELL, "110", "2", entry=False)).book(line(4, 9, Side.BUY, "100", "1"))

    assert (opened.round, opened.opened_at, opened.closed_at) == (1, NOON + timedelta(seconds=1), None)
    assert journal.figures.round == 2
    assert journal.figures.opened_at == NOON + timedelta(seconds=4)
    assert journal.figures.closed_at == NOON + timedelta(seconds=3)


def test_a_report_tells_each_fill_once_and_in_the_order_of_execution():
    report = order_report(fill_report(3), fill_report(1), fill_report(3), fill_report(2))

    assert [fill.exchange_trade_id for fill in new_fills(report, known={2})] == [1, 3]


@pytest.mark.parametrize(
    ("asset", "worth", "from_base"), [("USDT", "0.5", "0"), ("BNB", "300", "0"), ("BTC", "25000", "0.5")]
)
def test_a_commission_is_worth_its_rate_and_one_in_base_the_price_of_its_fill(asset, worth, from_base):
    fill = fill_report(commission="0.5", commission_asset=asset)
    rates = {"USDT": Decimal(1), "BNB": Decimal(600)}

    booked = line_of(fill, order=1, is_entry=True, side=Side.BUY, base_asset="BTC", rates=rates)

    assert booked.execution.commission_quote == Decimal(worth)
    assert booked.execution.commission_base == Decimal(from_base)


def test_a_commission_keeps_the_digits_that_a_usual_context_would_round_away():
    fill = fill_report(price="123456.78901234", commission="12345678.12345678", commission_asset="BTC")

    booked = line_of(fill, order=1, is_entry=True, side=Side.BUY, base_asset="BTC", rates={})

    assert booked.execution.commission_quote == Decimal("1524157779301.8653071228766652")


@pytest.mark.parametrize(
    ("current", "told", "filled", "then"),
    [
        (OrderStatus.SUBMITTED, ReportStatus.FILLED, "1", OrderStatus.FILLED),
        (OrderStatus.SUBMITTED, ReportStatus.FILLED, "0.4", OrderStatus.SUBMITTED),  # its fills lag behind
        (OrderStatus.FILLED, ReportStatus.OPEN, "1", OrderStatus.FILLED),  # an old report comes late
        (OrderStatus.UNKNOWN, ReportStatus.OPEN, "1", OrderStatus.FILLED),  # an old one brings the last fill
        (OrderStatus.OPEN, ReportStatus.CANCELED, "0.4", OrderStatus.OPEN),
        (OrderStatus.CANCELED, ReportStatus.FILLED, "1", OrderStatus.FILLED),  # the cancel lost the race
    ],
)
def test_an_order_is_finished_when_all_that_was_executed_is_booked(current, told, filled, then):
    executed = {ReportStatus.FILLED: "1", ReportStatus.OPEN: "0.5", ReportStatus.CANCELED: "0.5"}[told]

    status = status_after(
        current, order_report(status=told, executed=executed), filled=Decimal(filled), quantity=Decimal(1)
    )

    assert status == then

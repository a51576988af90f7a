import random
import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection

from market.exchange.types import ReportStatus
from market.tests.factories import NOON
from market.types import Price
from trades.models import Event, Fill, Order, Position, Trade
from trades.services import record_report
from trades.tests.factories import OrderFactory, PositionFactory
from trades.tests.gateways import fill_report, order_report

pytestmark = pytest.mark.django_db(transaction=True)


def submitted(**values):
    return OrderFactory(status="submitted", signed_at=NOON, proof_deadline=NOON, **values)


def test_a_filled_report_books_fill_position_trade_and_news_together():
    order = submitted()

    record_report(order, order_report(fill_report(commission="0.00001", commission_asset="BTC")), now=NOON)

    position = order.position
    position.refresh_from_db()
    trade = Trade.objects.get()
    assert (order.status, order.filled_quantity, order.exchange_order_id) == ("filled", Decimal("0.01"), 77)
    assert (position.quantity, position.entry_price) == (Decimal("0.00999"), Decimal(50_000))
    assert (position.realized_pnl, position.fees, position.round) == (Decimal("-0.5"), Decimal("0.5"), 1)
    assert (trade.price, trade.quantity_filled, trade.quote_quantity) == (50_000, Decimal("0.01"), 500)
    assert (trade.commission, trade.commission_asset) == (Decimal("0.00001"), "BTC")
    assert (trade.realized_pnl, trade.binance_order_id) == (Decimal("-0.5"), 77)
    assert Event.objects.get().kind == "order_filled"


def test_the_same_report_a_second_time_changes_nothing():
    order = submitted()
    report = order_report(fill_report())
    record_report(order, report, now=NOON)

    record_report(order, report, now=NOON)

    order.position.refresh_from_db()
    assert (Fill.objects.count(), Trade.objects.count(), Event.objects.count()) == (1, 1, 1)
    assert order.position.quantity == Decimal("0.01")


def test_fills_in_any_order_and_repeated_give_the_same_books():
    fills = [fill_report(n, price=str(50_000 + n), quantity="0.001", commission="0.05") for n in range(1, 11)]
    results = set()
    for seed in range(4):
        order = submitted(position=PositionFactory(account__name=f"seed {seed}"))
        shuffled = random.Random(seed).choices(fills, k=15) + fills
        for end in (5, 12, len(shuffled)):
            seen = {fill.exchange_trade_id: fill for fill in shuffled[:end]}
            whole = ReportStatus.FILLED if len(seen) == len(fills) else ReportStatus.OPEN
            report = order_report(*seen.values(), status=whole)
            Trade.objects.filter(order=order).update(binance_order_id=seed)
            record_report(order, report, now=NOON)
        Trade.objects.filter(order=order).update(binance_order_id=1000 + seed)
        order.position.refresh_from_db()
        results.add((order.status, *order.position.holding, Fill.objects.filter(order=order).count()))

    assert len(results) == 1
    status, quantity, entry_price, realized, fees, count = results.pop()
    assert (status, quantity, realized, fees, count) == ("filled", Decimal("0.01"), Decimal("-0.5"), Decimal("0.5"), 10)
    assert abs(entry_price - Decimal("50005.5")) < Decimal("1e-12")


def entry_and_exit():
    """A purchase of 0.03 and the sale of 0.01 of it that followed, both sent."""
    entry = submitted(quantity=Decimal("0.03"))
    return entry, submitted(position=entry.position, purpose="exit", side="SELL")


def of_exit(report):
    return replace(report, exchange_order_id=78)


def test_a_fill_that_comes_late_corrects_what_later_ones_have_earned():
    entry, left = entry_and_exit()
    first, second = fill_report(1, price="100"), fill_report(2, price="130", quantity="0.02")
    record_report(entry, order_report(first, executed="0.03"), now=NOON)
    record_report(left, of_exit(order_report(fill_report(3, price="150"))), now=NOON)
    thought = left.trade.realized_pnl

    record_report(entry, order_report(first, second), now=NOON)

    left.trade.refresh_from_db()
    entry.position.refresh_from_db()
    assert (thought, left.trade.realized_pnl) == (Decimal("0.5"), Decimal("0.3"))
    assert entry.position.realized_pnl == Decimal("0.3")
    assert (entry.position.quantity, entry.position.entry_price) == (Decimal("0.02"), 120)


def test_what_is_booked_late_leaves_funding_alone():
    entry, left = entry_and_exit()
    first, second = fill_report(1, price="100"), fill_report(2, price="130", quantity="0.02")
    record_report(left, of_exit(order_report(fill_report(3, price="150"))), now=NOON)
    Position.objects.update(funding=Decimal("-0.25"), realized_pnl=Decimal("-0.25"))

    record_report(entry, order_report(first, second), now=NOON)

    entry.position.refresh_from_db()
    assert entry.position.realized_pnl == Decimal("0.05")


def test_the_usual_fill_is_booked_without_reading_the_journal(monkeypatch):
    def refuse(*_):
        raise AssertionError("the journal is read")

    entry, left = entry_and_exit()
    monkeypatch.setattr("trades.services.records._journal", refuse)

    record_report(entry, order_report(fill_report(1, quantity="0.03")), now=NOON)
    record_report(left, of_exit(order_report(fill_report(3, price="51000"))), now=NOON)

    assert left.trade.realized_pnl == 10


def test_an_order_whose_fills_lag_behind_is_not_finished_yet():
    order = submitted()

    record_report(order, order_report(executed="0.01"), now=NOON)

    assert order.status == "submitted"
    assert order in Order.objects.live()


def test_a_part_that_was_filled_before_the_order_expired_is_booked():
    order = submitted()

    record_report(order, order_report(fill_report(quantity="0.004"), status=ReportStatus.EXPIRED), now=NOON)

    order.position.refresh_from_db()
    assert (order.status, order.position.quantity) == ("expired", Decimal("0.004"))
    assert order in Order.objects.real()


def test_a_fill_that_outran_its_cancel_wins():
    order = submitted()
    record_report(order, order_report(status=ReportStatus.CANCELED), now=NOON)

    record_report(order, order_report(fill_report()), now=NOON)

    assert order.status == "filled"


def test_an_order_that_was_given_up_as_absent_may_be_born_late():
    order = submitted()
    Order.objects.update(status="absent")
    order.refresh_from_db()

    record_report(order, order_report(fill_report()), now=NOON)

    assert order.status == "filled"


def test_selling_realises_the_profit_net_of_both_fees():
    bought = submitted()
    record_report(bought, order_report(fill_report(commission="0.5")), now=NOON)
    sold = submitted(position=bought.position, purpose="exit", side="SELL")

    report = order_report(fill_report(2, price="51000", commission="0.51"))
    Trade.objects.update(binance_order_id=1)
    record_report(sold, report, now=NOON)

    bought.position.refresh_from_db()
    assert bought.position.realized_pnl == Decimal("10") - Decimal("1.01")
    assert bought.position.quantity == 0
    assert bought.position.closed_at == NOON
    assert sold.trade.realized_pnl == Decimal("9.49")


def test_a_failure_in_the_middle_books_nothing(monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError

    order = submitted()
    monkeypatch.setattr("trades.services.records._tell", fail)

    with pytest.raises(RuntimeError):
        record_report(order, order_report(fill_report()), now=NOON)

    order.refresh_from_db()
    order.position.refresh_from_db()
    assert (order.status, order.position.quantity) == ("submitted", 0)
    assert (Fill.objects.count(), Trade.objects.count()) == (0, 0)


def test_two_reports_at_once_book_each_fill_once():
    order = submitted()
    report = order_report(fill_report())

    def book():
        record_report(Order.objects.get(pk=order.pk), report, now=NOON)
        connection.close()

    threads = [threading.Thread(target=book) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    order.position.refresh_from_db()
    assert (Fill.objects.count(), order.position.quantity) == (1, Decimal("0.01"))


def test_a_commission_in_a_third_asset_costs_what_that_asset_is_worth(monkeypatch):
    order = submitted()
    prices = {"BNBUSDT": Price(Decimal(600), NOON)}
    monkeypatch.setattr("trades.services.records.last_prices", lambda *args, **kwargs: prices)

    record_report(order, order_report(fill_report(commission="0.001", commission_asset="BNB")), now=NOON)

    order.position.refresh_from_db()
    assert (order.position.fees, order.position.quantity) == (Decimal("0.6"), Decimal("0.01"))
    assert (order.trade.commission, order.trade.commission_asset) == (Decimal("0.001"), "BNB")


@pytest.mark.parametrize("change", [lambda fills: fills.update(price=1), lambda fills: fills.delete()])
def test_a_fill_is_never_changed_nor_deleted(change):
    record_report(submitted(), order_report(fill_report()), now=NOON)

    with pytest.raises(IntegrityError, match="append-only"):
        change(Fill.objects.all())


def test_an_order_that_is_born_late_is_booked_beside_the_one_that_replaced_it():
    late = submitted(signal_key="entry:a")
    late.move(Order.Status.ABSENT)
    again = submitted(signal_key="entry:a", position=late.position)
    record_report(again, order_report(fill_report(1)), now=NOON)

    record_report(late, replace(order_report(fill_report(2)), exchange_order_id=78), now=NOON)

    late.position.refresh_from_db()
    assert late.position.quantity == Decimal("0.02")
    assert (late.status, again.status) == ("filled", "filled")


def test_an_entry_that_is_born_late_beside_one_at_work_has_its_fills_booked_and_waits_for_its_status():
    late = submitted()
    late.move(Order.Status.ABSENT)
    at_work = submitted(position=late.position)
    part = replace(order_report(fill_report(quantity="0.004"), status=ReportStatus.OPEN), exchange_order_id=78)

    record_report(late, part, now=NOON)
    meanwhile = (late.status, late.filled_quantity, late.position.quantity)
    record_report(at_work, order_report(status=ReportStatus.CANCELED, executed="0"), now=NOON)
    record_report(late, part, now=NOON)

    assert meanwhile == ("absent", Decimal("0.004"), Decimal("0.004"))
    assert late.status == "open"


def test_a_position_is_naked_from_its_entry_until_a_stop_rests():
    entry = submitted()
    record_report(entry, order_report(fill_report()), now=NOON)
    entry.position.refresh_from_db()
    naked_since = entry.position.naked_since
    stop = submitted(position=entry.position, purpose="protection", side="SELL", type="stop", price=Decimal(49_000))

    record_report(stop, order_report(status=ReportStatus.OPEN, executed="0"), now=NOON + timedelta(seconds=3))

    entry.position.refresh_from_db()
    assert (naked_since, entry.position.naked_since, stop.naked_seconds) == (NOON, None, 3)


def test_a_position_is_naked_again_when_its_stop_has_gone():
    entry = submitted()
    record_report(entry, order_report(fill_report()), now=NOON)
    stop = submitted(position=entry.position, purpose="protection", side="SELL", type="stop", price=Decimal(49_000))
    record_report(stop, order_report(status=ReportStatus.OPEN, executed="0"), now=NOON)

    record_report(stop, order_report(status=ReportStatus.CANCELED, executed="0"), now=NOON + timedelta(minutes=1))

    entry.position.refresh_from_db()
    assert entry.position.naked_since == NOON + timedelta(minutes=1)


@pytest.mark.parametrize(("side", "naked"), [("SELL", True), ("BUY", False)])
def test_only_a_stop_that_would_close_it_covers_a_short_position(side, naked):
    entry = submitted(side="SELL")
    stop = {"purpose": "protection", "type": "stop", "price": Decimal(51_000), "status": "open"}
    OrderFactory(position=entry.position, side=side, proof_deadline=NOON, **stop)

    record_report(entry, order_report(fill_report()), now=NOON)

    assert (Position.objects.get().naked_since is not None) is naked

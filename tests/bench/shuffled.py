"""A history of fills booked in the database at hand: once as it is told, shuffled and repeated, once as it was."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from unittest.mock import patch

import psycopg
from django.contrib.auth import get_user_model
from django.db import connection, connections, transaction

from market.exchange.types import OrderReport, OrderType
from market.models import ExchangeAccount
from market.types import Price
from ops.audit import position_books
from tests.bench import BenchmarkFailed
from tests.bench.deliveries import BEGIN, BNB_PRICE, Told, deliveries, histories
from trades.models import Fill, Order, Position, Trade
from trades.services import record_report

BASE_ASSET = "BTC"
FILLS_IN_A_POSITION = 40
OTHER_NUMBERS = 10**12  # of the exchange's orders in the second account: its ids are unique by symbol
WORKERS = 4
ORDER_FIGURES = ("status", "filled_quantity", "exchange_order_id")
POSITION_FIGURES = ("quantity", "entry_price", "realized_pnl", "fees", "round", "opened_at", "closed_at")
TRADE_FIGURES = (
    *("purpose", "side", "price", "quantity_filled", "quote_quantity", "commission", "commission_asset"),
    *("commission_quote", "realized_pnl", "created_at"),
)


@dataclass(frozen=True)
class Booked:
    """What came of a history."""

    counts: dict[str, Any]
    differences: list[str]


def book_shuffled(fills: int, *, seed: int, workers: int = WORKERS) -> Booked:
    """Book a history in the database at hand: once as it comes, once as it was."""
    dice = Random(seed)
    told = histories(fills, max(fills // FILLS_IN_A_POSITION, 2), dice, BASE_ASSET)
    shuffled, straight = _Account("shuffled", told, 0), _Account("straight", told, OTHER_NUMBERS)
    reports = [(shuffled.orders[order.number], report) for order in told for report in deliveries(order, dice)]
    in_order = [(straight.orders[order.number], straight.whole(order)) for order in told]
    dice.shuffle(reports)
    with patch("trades.services.records.last_prices", lambda *_, **__: {"BNBUSDT": Price(BNB_PRICE, BEGIN)}):
        began = time.monotonic()
        _work(reports, workers)
        seconds = time.monotonic() - began
        _work(in_order, workers=1)
    times = sum(len(report.fills) for _, report in reports)
    counts = {
        "fills": fills,
        "orders": len(told),
        "positions": len(shuffled.positions),
        "told": times,
        "reports": len(reports),
        "seconds": round(seconds, 1),
        "reports_per_second": round(len(reports) / seconds),
        "fills_per_second": round(fills / seconds),
    }
    return Booked(counts, [*_differences(shuffled, straight), *_wrong_figures()])


class _Account:
    """One account with a history's positions and orders, of which nothing is known yet."""

    def __init__(self, name: str, told: list[Told], numbers_from: int) -> None:
        self._numbers_from = numbers_from
        owner, _ = get_user_model().objects.get_or_create(username="bench")
        account = ExchangeAccount.objects.create(owner=owner, name=name)
        of_all = {"account": account, "symbol": f"{BASE_ASSET}USDT", "base_asset": BASE_ASSET, "quote_asset": "USDT"}
        rows = [Position(**of_all, smallest_quantity="0.00001") for _ in range(1 + max(each.position for each in told))]
        self.positions = Position.objects.bulk_create(rows)
        with transaction.atomic():
            self.orders = {each.number: self._order(each, name) for each in told}

    def _order(self, told: Told, name: str) -> int:
        """Write an order down; return its id."""
        order = Order.objects.create(
            position=self.positions[told.position],
            client_order_id=f"tb-{name}-{told.number}",
            signal_key=str(told.number),
            purpose=told.purpose,
            side=told.side.value,
            type=OrderType.STOP if told.purpose == "protection" else OrderType.MARKET,
            price=1 if told.purpose == "protection" else None,
            quantity=told.quantity,
            reference_price=1,
            reason="bench",
            # Not submitted: the database would refuse two live entries of one position.
            status=Order.Status.CANCELED,
            created_at=BEGIN,
            signed_at=BEGIN,
            proof_deadline=BEGIN,
        )
        return order.pk

    def whole(self, order: Told) -> OrderReport:
        """All of an order at once, under its number here."""
        again = Told(order.position, order.number + self._numbers_from, order.purpose, order.side, order.fills)
        return again.report(order.fills, len(order.fills))


def _work(reports: Sequence[tuple[int, OrderReport]], workers: int) -> None:
    """Book reports, each of some processes taking its share. Raises BenchmarkFailed."""
    connections.close_all()
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=_book, args=(reports[number::workers],)) for number in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise BenchmarkFailed("a worker failed: see above")


def _book(reports: Iterable[tuple[int, OrderReport]]) -> None:
    for order_id, report in reports:
        record_report(Order.objects.select_related("position__account").get(pk=order_id), report, now=BEGIN)


def _differences(shuffled: _Account, straight: _Account) -> Iterator[str]:
    """Where the two accounts do not agree."""
    ids = [[position.pk for position in account.positions] for account in (shuffled, straight)]
    for model, names, position, name_of in (
        (Position, POSITION_FIGURES, "pk", "pk"),
        (Order, ORDER_FIGURES, "position", "signal_key"),
        (Trade, TRADE_FIGURES, "position", "order__signal_key"),
        (Fill, ("price", "quantity", "commission_quote"), "position", "exchange_trade_id"),
    ):
        rows = [model.objects.filter(**{f"{position}__in": keys}).order_by(name_of).values(*names) for keys in ids]
        if len(rows[0]) != len(rows[1]):
            yield f"{len(rows[0])} and {len(rows[1])} rows of {model.__name__}"
        for number, (one, other) in enumerate(zip(*rows, strict=False)):
            if model is Order:
                other["exchange_order_id"] -= OTHER_NUMBERS
            yield from (
                f"{model.__name__} {number}: {name} is {one[name]}, in order {other[name]}"
                for name in names
                if one[name] != other[name]
            )


def _wrong_figures() -> Iterator[str]:
    """What the auditor, who computes differently, makes of both."""
    parameters = connection.get_connection_params()
    named = {name: parameters[name] for name in ("host", "user", "dbname", "password", "port") if parameters.get(name)}
    with psycopg.connect(**named, row_factory=psycopg.rows.dict_row) as books:
        yield from position_books.differences(position_books.read(books))

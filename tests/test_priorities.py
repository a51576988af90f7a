"""What each piece of work counts as, when request weight gets scarce."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from bots import tasks as bots_tasks
from bots.parts import Part
from bots.services import Evaluated
from market import tasks as market_tasks
from market.budget import Priority, budget_of, spending_as
from market.budget.priorities import current_priority
from market.exchange import gateway_for
from market.exchange.errors import BudgetSpent, RateLimited
from market.models import ExchangeAccount
from market.rules import rules_of
from market.tests.factories import NOON, QUOTE, ExchangeAccountFactory, entry
from market.types import Market, Series, Side
from trades import tasks as trades_tasks
from trades.models import Event, Order
from trades.services import Intent, intend_order, submit_order
from trades.tests.factories import OrderFactory, PositionFactory
from trades.tests.gateways import FakeGateway

WORK = {
    "the warm-up": (market_tasks.warmup_spot_symbols_cache, "market.tasks.warm_symbols", Priority.WARM_UP),
    "the command that warms up": (
        lambda: call_command("warm_cache"),
        "market.management.commands.warm_cache.warm_symbols",
        Priority.WARM_UP,
    ),
    "looking at statistics": (
        lambda: call_command("stats"),
        "ops.management.commands.stats.fleet_statistics",
        Priority.WARM_UP,
    ),
    "the clocks": (market_tasks.measure_clocks, "market.clock.measure_clocks", Priority.ENTRIES),
    "reconciliation": (trades_tasks.reconcile_orders, "trades.services.withdraw_halted", Priority.RECONCILIATION),
    "the balances of accounts": (
        lambda: trades_tasks.sync_packet([1]),
        "trades.services.sync_portfolios",
        Priority.PORTFOLIOS,
    ),
    "a bot that enters": (lambda: bots_tasks.run_bot(1), "bots.services.run_bot", Priority.ENTRIES),
    "a backtest": (lambda: bots_tasks.run_backtest(1), "bots.services.backtests.run_backtest", Priority.BACKTESTS),
    "a bot that leaves": (lambda: bots_tasks.run_bot(1, True), "bots.services.run_bot", Priority.EXITS),
}


class Stop(Exception):
    """The work has begun: enough seen."""


def watched(monkeypatch: pytest.MonkeyPatch, path: str) -> list[Priority]:
    """The priorities with which the function at this path is called; it does nothing else."""
    seen: list[Priority] = []

    def work(*_: Any, **__: Any) -> None:
        seen.append(current_priority())
        raise Stop

    monkeypatch.setattr(path, work)
    return seen


@pytest.mark.parametrize("name", WORK)
def test_work_begins_with_its_priority(db, monkeypatch, name):
    begin, path, priority = WORK[name]
    seen = watched(monkeypatch, path)

    with pytest.raises(Stop):
        begin()

    assert seen == [priority]


def test_a_tick_looks_for_stops_that_are_reached_and_passes_the_priority_of_exits_on(monkeypatch):
    part = Part(Series("paper", "spot", "BTCUSDT", "1m"), first_id=7, last_id=8, bots=2)
    seen, sent = [], []

    def evaluate(*_: Any, **__: Any) -> Any:
        seen.append(current_priority())
        return [Evaluated(exits=[7], entries=[8])]

    monkeypatch.setattr("bots.services.evaluate", evaluate)
    monkeypatch.setattr(bots_tasks.run_bot, "apply_async", lambda args, expires: sent.append(args))

    bots_tasks.evaluate_series(1, [part.as_json()])

    assert seen == [Priority.PROTECTION]
    assert sent == [(7, True), (8, False)]


def test_entries_leave_in_an_order_of_chance_after_all_exits(monkeypatch):
    evaluated, sent = [Evaluated([1], list(range(10, 20))), Evaluated([2], list(range(20, 30)))], []
    monkeypatch.setattr("bots.services.evaluate", lambda *_, **__: evaluated)
    monkeypatch.setattr(bots_tasks.run_bot, "apply_async", lambda args, expires: sent.append(args[0]))

    for _ in range(2):
        bots_tasks.evaluate_series(1, [])

    first, second = sent[:22], sent[22:]
    assert first[:2] == second[:2] == [1, 2]
    assert sorted(first[2:]) == sorted(second[2:]) == list(range(10, 30))
    assert first != second


class WatchingGateway(FakeGateway):
    """Notes with which priority an order is sent."""

    priority: Priority | None = None

    def submit(self, request: Any) -> Any:
        self.priority = current_priority()
        return super().submit(request)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("purpose", "side"), [("entry", "BUY"), ("exit", "SELL")])
@pytest.mark.parametrize("sender", Priority)
def test_an_order_counts_by_its_purpose_whoever_sends_it(purpose, side, sender):
    order, gateway = OrderFactory(purpose=purpose, side=side), WatchingGateway()

    with spending_as(sender):
        submit_order(order, gateway=gateway, now=NOON)

    assert gateway.priority == {"entry": Priority.ENTRIES, "exit": Priority.EXITS}[purpose]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("error", "cooling"), [(BudgetSpent, False), (RateLimited, True)])
def test_an_entry_that_our_own_budget_refused_does_not_silence_the_exits_of_its_account(error, cooling):
    order = OrderFactory()
    refusal = error("not now", retry_after=timedelta(seconds=30))

    submit_order(order, gateway=FakeGateway(answer=refusal), now=NOON)

    assert order.status == ("rejected" if cooling else "canceled")
    assert ExchangeAccount.objects.get().is_cooling(NOON + timedelta(seconds=1)) is cooling


@pytest.mark.django_db(transaction=True)
def test_what_our_own_budget_refuses_is_no_attempt_of_an_entry(paper, unspent):
    api_key, api_secret = paper.create_account()
    position = PositionFactory(account=ExchangeAccountFactory(api_key=api_key, api_secret=api_secret))
    gateway, amounts = gateway_for(position.account), (Decimal("0.001"), Decimal(50_000))
    intent = Intent(Order.Purpose.ENTRY, Side.BUY, *amounts, "entry:a", "a test", quote=QUOTE)

    def entry_sent():
        now = timezone.now()
        with transaction.atomic():
            order = intend_order(position.pk, intent, rules=rules_of(entry()), now=now)
        return order, submit_order(order, gateway=gateway, now=now)

    gateway.prepare()
    budget_of("paper", "spot").set_limit(1)
    refused = [entry_sent() for _ in range(4)]
    unspent()
    order, error = entry_sent()

    assert {(each.status, type(reason)) for each, reason in refused} == {("canceled", BudgetSpent)}
    assert (order.status, order.attempt, error) == ("filled", 1, None)
    assert not Event.objects.filter(kind="order_rejected").exists()


def test_statistics_tell_the_request_weight(db, capsys):
    call_command("stats")

    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("request weight"))
    assert all(f"paper {market} " in line for market in Market)

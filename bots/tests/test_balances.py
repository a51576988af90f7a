"""What is free on an account: known from reconciliation on, asked for anew where it may have grown."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from bots import services
from bots.models import BotConfig, BotState, Decision
from bots.tests.factories import BotFactory
from market.exchange.adapter import GATEWAYS
from market.exchange.errors import ExchangeUnavailable
from market.models import ExchangeAccount
from trades.models import Order, Position
from trades.services import reconcile_account

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["spot", "futures"])
def make(request, make_bot, make_futures_bot):
    """Bots of each market on accounts of 10,000 USDT; one enters with 500 of its capital unless told otherwise."""
    return make_bot if request.param == "spot" else make_futures_bot


@pytest.fixture
def asked(monkeypatch):
    """How often each market's balances were asked for; never while a transaction is open."""
    seen = Counter()
    for market, gateway in GATEWAYS.items():

        def balances(self, market=market, original=gateway.balances):
            assert not connection.in_atomic_block
            seen[market] += 1
            return original(self)

        monkeypatch.setattr(gateway, "balances", balances)
    return seen


def run(bot, now=None):
    return services.run_bot(bot.pk, now=now or timezone.now())


def read_as(bot, free, *, minutes_ago):
    moment = timezone.now() - minutes_ago * MINUTE
    ExchangeAccount.objects.filter(pk=bot.account_id).update(free_quote=free, balance_read_at=moment)


def test_an_entry_beyond_what_reconciliation_found_costs_no_call(make, asked):
    # On futures the same money backs five times as much.
    bot = make("buying", initial_capital=Decimal(100_000), sizing_mode="quote", sizing_value=Decimal(11_000))
    reconcile_account(bot.account, now=timezone.now())
    asked.clear()

    for _ in range(2):
        run(bot)

    state, decision = BotState.objects.get(), Decision.objects.latest("pk")
    assert (state.status, state.reason) == ("waiting", "balance too low")
    assert (decision.denial_code, decision.denial_limit) == ("balance", "10000")
    assert not Order.objects.exists()
    assert not asked


def test_money_that_came_in_since_the_balance_was_read_is_found(make, asked):
    bot = make("buying")
    read_as(bot, 1, minutes_ago=3)

    assert run(bot).order.status == "filled"

    assert asked.total() == 1
    assert ExchangeAccount.objects.get(pk=bot.account_id).free_quote == 10_000


def test_what_is_enough_is_not_asked_for_again(make, asked):
    bot = make("buying")
    read_as(bot, 5_000, minutes_ago=14)

    assert run(bot).order.status == "filled"
    assert not asked


def test_money_that_an_exit_set_free_is_free_for_the_next_bot(make_bot, asked):
    first = make_bot("buying", initial_capital=Decimal(10_000), sizing_value=Decimal(90))
    second = BotFactory(
        account=first.account,
        strategy="buying",
        initial_capital=Decimal(10_000),
        sizing_value=Decimal(90),
    )
    run(first)
    reconcile_account(first.account, now=timezone.now())
    assert run(second).order is None
    BotConfig.objects.filter(pk=first.pk).update(strategy="selling")
    Position.objects.filter(pk=first.position_id).update(opened_at=timezone.now() - 60 * MINUTE)
    assert run(first).order.purpose == "exit"
    asked.clear()

    order = run(second).order

    assert order.status == "filled", order.error
    assert asked.total() == 1


def test_a_balance_that_can_not_be_read_leaves_the_word_to_the_exchange(make, monkeypatch):
    bot = make("buying")
    read_as(bot, 1, minutes_ago=20)

    def away(self):
        raise ExchangeUnavailable("the exchange is away")

    monkeypatch.setattr(GATEWAYS[bot.market], "balances", away)

    assert run(bot).order.status == "filled"

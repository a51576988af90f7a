"""An entry is held against what the market offers just now; an exit never is."""

from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone

from bots import services
from bots.decide import decide
from bots.models import BotConfig, BotState, Decision
from market.exchange.adapter import GATEWAYS
from market.models import RiskLimits
from trades.models import Order, Position

pytestmark = pytest.mark.django_db(transaction=True)
QUOTES = {"spot": "/api/v3/ticker/bookTicker", "futures": "/fapi/v1/ticker/bookTicker"}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Retries without the pauses between them."""
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=lambda _seconds: None))


@pytest.fixture(params=["spot", "futures"])
def make(request, make_bot, make_futures_bot, paper):
    """Bots of each market, for bitcoin at 50,000."""
    paper.set_price("BTCUSDT", "50000.0", request.param)
    yield make_bot if request.param == "spot" else make_futures_bot
    paper.set_price("BTCUSDT", None, request.param)
    paper.set_book("BTCUSDT", request.param)


@pytest.fixture
def asked(monkeypatch):
    """How often each market's book was asked for; never while a transaction is open."""
    seen = Counter()
    for market, gateway in GATEWAYS.items():

        def quote(self, symbol, market=market, original=gateway.quote):
            assert not connection.in_atomic_block
            seen[market] += 1
            return original(self, symbol)

        monkeypatch.setattr(gateway, "quote", quote)
    return seen


@contextmanager
def silent_about_quotes(paper, market):
    paper.admin("POST", "/paper/faults", {"fault": "error_before", "match": {"path": QUOTES[market]}})
    try:
        yield
    finally:
        paper.admin("DELETE", "/paper/faults", {})


def run(bot, now=None):
    return services.run_bot(bot.pk, now=now or timezone.now())


def test_an_entry_that_would_slip_is_denied_with_bound_and_value(make, paper):
    bot = make("buying")
    paper.set_book("BTCUSDT", bot.market, spread_bps="400")

    outcome = run(bot)

    decision = Decision.objects.latest("pk")
    assert outcome.order is None
    assert (decision.denial_code, decision.denial_limit, decision.denial_value) == ("slippage", "1 %", "2.00 %")
    assert not Order.objects.exists()


def test_entries_of_one_moment_share_one_question(make, asked):
    bots = [make("buying") for _ in range(3)]
    now = timezone.now()

    orders = [run(bot, now=now).order for bot in bots]

    assert [order.status for order in orders] == ["filled"] * 3
    assert asked.total() == 1


def test_who_finds_a_quote_is_decided_on_once_less(make, monkeypatch):
    decided = []
    monkeypatch.setattr("bots.services.run.decide", lambda *args, **named: decided.append(1) or decide(*args, **named))
    first, second = make("buying"), make("buying")
    now = timezone.now()

    run(first, now=now)
    times = len(decided)
    decided.clear()

    assert run(second, now=now).order.status == "filled"
    assert len(decided) == times - 1


@pytest.mark.parametrize("why", ["quiet", "denied", "stopped"])
def test_who_sends_no_entry_asks_for_no_quote(make, asked, why):
    bot = make("quiet" if why == "quiet" else "buying")
    if why == "denied":
        RiskLimits.objects.create(account=bot.account, max_exposure=1)
    if why == "stopped":
        BotConfig.objects.update(desired_state="stop")

    run(bot)

    assert not Order.objects.exists()
    assert not asked


def test_an_entry_without_a_quote_waits_and_is_made_once_there_is_one(make, paper):
    bot = make("buying")

    with silent_about_quotes(paper, bot.market):
        outcome = run(bot)
    state = BotState.objects.get()
    assert outcome.order is None
    assert not Order.objects.exists()
    assert (state.status, state.reason) == ("error", "price fetch")

    assert run(bot).order.status == "filled"


def test_an_exit_needs_no_quote_however_wide_the_book_is(make, paper, asked):
    bot = make("buying")
    run(bot)
    asked.clear()
    BotConfig.objects.update(strategy="selling")
    Position.objects.update(opened_at=timezone.now() - timedelta(hours=1))
    paper.set_book("BTCUSDT", bot.market, spread_bps="400")

    with silent_about_quotes(paper, bot.market):
        outcome = run(bot)

    assert (outcome.order.purpose, outcome.order.status) == ("exit", "filled")
    assert Position.objects.get().quantity < Decimal("0.0001")
    assert not asked

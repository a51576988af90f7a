"""A futures account through all that can happen to it: our books and the exchange's agree to the last digit."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone
from django_redis import get_redis_connection

from bots import services
from bots.models import BotConfig
from bots.services.days import days_of
from bots.strategies import STRATEGIES, Signal
from bots.tests.conftest import saying
from bots.tests.factories import BotFactory
from market.exchange import gateway_for
from market.paper.tests.fundings import go_to_the_next_funding
from market.paper.tests.server import PaperServer
from ops.audit import audit
from trades import tasks
from trades.models import Event, Funding, Order, Position

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def start(tmp_path, settings, monkeypatch):
    """`start()` starts a paper exchange of this test alone, always on the same ledger."""
    for name, signal in (("buying", Signal.ENTER_LONG), ("shorting", Signal.ENTER_SHORT), ("quiet", Signal.NOTHING)):
        monkeypatch.setitem(STRATEGIES, name, saying(signal, name))
    running = []

    def begin():
        get_redis_connection("default").flushdb()
        server = PaperServer(tmp_path / "ledger.sqlite", "--weight-limit", "0", token=settings.PAPER_ADMIN_TOKEN)
        running.append(server)
        settings.PAPER_URL = server.url
        return server

    yield begin
    for server in running:
        server.__exit__()


def make_bot(strategy, symbol, **fields):
    return BotFactory(strategy=strategy, symbol=symbol, leverage=2, take_profit_percent=Decimal(40), **fields)


def run_all():
    for bot in BotConfig.objects.order_by("pk"):
        services.run_bot(bot.pk, now=timezone.now())


def wallet_of(account):
    (wallet,) = gateway_for(account).balances()
    return wallet.free + wallet.locked


def found(ledger):
    names = ("host", "user", "dbname")
    parameters = {name: value for name, value in connection.get_connection_params().items() if name in names}
    return audit(parameters, ledger)


@pytest.fixture
def fleet(start):
    """The exchange with a long BTC bot and a short ETH bot on one account, both in position and quiet from now on."""
    paper = start()
    key = paper.open_account(futures={"USDT": "10000"})
    keys = {"account__api_key": key["api_key"], "account__api_secret": key["api_secret"]}
    long = make_bot("buying", "BTCUSDT", account__market="futures", **keys)
    short = make_bot("shorting", "ETHUSDT", account=long.account, owner=long.owner)
    run_all()
    BotConfig.objects.update(strategy="quiet")
    assert Position.objects.open().count() == 2
    return paper, long, short


def test_fundings_are_booked_once_to_the_last_digit_and_belong_to_the_day(start, fleet, wait_until):
    paper, *bots = fleet
    account = bots[0].account
    paper.stop()
    since = go_to_the_next_funding(paper.ledger) - timedelta(minutes=1)
    start()
    wait_until(lambda: len(gateway_for(account).fundings(since=since)) == 2, timeout=30, message="fundings")

    looked_at = [tasks.book_fundings(), tasks.book_fundings()]

    assert looked_at == [1, 1]
    for bot in bots:
        position, funding = Position.objects.get(pk=bot.position_id), Funding.objects.get(position=bot.position_id)
        assert (position.funding, funding.kind) == (funding.amount, "funding")
        assert position.realized_pnl == position.trades.get().realized_pnl + funding.amount
        assert days_of([bot], now=timezone.now())[bot.position_id].pnl == position.realized_pnl
    assert wallet_of(account) == 10_000 + sum(Position.objects.values_list("realized_pnl", flat=True))
    assert found(paper.ledger).is_clean, found(paper.ledger)


def test_a_liquidation_is_found_by_the_exit_that_had_nothing_to_reduce(fleet):
    paper, long, short = fleet
    price = gateway_for(short.account).prices()["ETHUSDT"]
    paper.set_price("ETHUSDT", str((price * Decimal("1.6")).quantize(Decimal("0.01"))), "futures")
    get_redis_connection("default").flushdb()
    unseen = found(paper.ledger)

    run_all()
    tasks.reconcile_accounts()
    run_all()

    assert [sentence for sentence in unseen.unequal if "ETHUSDT is not in our books" in sentence]
    assert list(Position.objects.open()) == [long.position]
    assert list(Order.objects.filter(purpose="exit").order_by("pk").values_list("status", "signal_key")) == [
        ("rejected", "exit:1:liquidation:0"),
        ("filled", Event.objects.get(kind="liquidated").order.signal_key),
    ]
    assert {order.symbol for order in gateway_for(long.account).open_orders()} == {"BTCUSDT"}
    assert wallet_of(long.account) == 10_000 + sum(Position.objects.values_list("realized_pnl", flat=True))
    assert found(paper.ledger).is_clean, found(paper.ledger)


@pytest.mark.parametrize("plant", ["funding", "liquidation"])
def test_what_is_planted_is_found(fleet, plant):
    paper, long, _ = fleet
    clean = found(paper.ledger).is_clean
    if plant == "funding":
        of_long = {"position": long.position, "account": long.account}
        Funding.objects.create(transaction_id=1, amount=2, paid_at=timezone.now(), **of_long)
        Position.objects.filter(pk=long.position_id).update(funding=2, realized_pnl=F("realized_pnl") + 2)
    else:
        paper.set_price("BTCUSDT", "20000", "futures")

    (difference,) = found(paper.ledger).unequal

    assert clean
    assert difference.startswith(plant)

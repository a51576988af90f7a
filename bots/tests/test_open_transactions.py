"""No transaction is open while the exchange is spoken to: looked at as each request leaves, and as its answer is there.

Seen from outside, by a session of its own: whatever opened a transaction, in whichever connection, holds its locks.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
import requests.adapters
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.utils import timezone

from bots import services as bots
from bots.models import BotConfig
from bots.tasks import evaluate_series, protect_positions
from bots.tests.test_resting_protections import ONE, TWO, quiet, run, tick
from market.clock import measure_clocks
from market.exchange import gateway_for
from market.models import ExchangeAccount
from market.paper.tests.faults.conftest import board  # noqa: F401 - a fixture
from market.services import check_connection
from market.switches import SwitchState
from market.symbols import warm_symbols
from market.types import OrderType, Side
from trades import services as trades
from trades import tasks
from trades.models import Order, Transfer
from trades.transfers import TransferWish

pytestmark = pytest.mark.django_db(transaction=True)
PROTECTED = {"stop_loss_percent": ONE, "take_profit_percent": TWO}
OPEN_SQL = """
    SELECT state, query FROM pg_stat_activity
     WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
       AND xact_start IS NOT NULL
"""
ORDER, PAIR, FUTURES_ORDER, ALGO = "/api/v3/order", "/api/v3/orderList/oco", "/fapi/v1/order", "/fapi/v1/algoOrder"
TRANSFER = "/sapi/v1/asset/transfer"


@dataclass
class Line:
    """What left for the exchange, and what was open meanwhile."""

    calls: set[str] = field(default_factory=set)
    opened: list[object] = field(default_factory=list)

    def clear(self):
        self.calls.clear()
        self.opened.clear()


@pytest.fixture
def line(monkeypatch):
    """The watched way out of the adapter."""
    seen, send = Line(), requests.adapters.HTTPAdapter.send
    parameters = {name: connection.get_connection_params()[name] for name in ("host", "user", "dbname")}
    with psycopg.connect(**parameters, autocommit=True) as observer:

        def look(when, call):
            opened = observer.execute(OPEN_SQL).fetchall()
            if connection.in_atomic_block or opened:
                seen.opened.append((when, call, opened))

        def watched(self, request, *args, **kwargs):
            call = f"{request.method} {request.path_url.partition('?')[0]}"
            seen.calls.add(call)
            look("before", call)
            answer = send(self, request, *args, **kwargs)
            look("after", call)
            return answer

        monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", watched)
        yield seen


class World:
    """Whom an act is done with."""

    def __init__(self, line, paper, make_bot, make_futures_bot, prices, faults):
        self.line, self.paper, self.board = line, paper, faults
        self.make_bot, self.make_futures_bot, self._prices = make_bot, make_futures_bot, prices

    def price_is(self, price, market="spot"):
        self._prices[market](price)

    def entered(self, **exits):
        """A spot bot that holds BTC, bought at 50,000; its strategy says nothing from now on."""
        self.price_is(50_000)
        bot = self.make_bot("buying", **exits)
        run(bot)
        quiet(bot)
        return self._watched(bot)

    def entered_futures(self, **exits):
        self.price_is(50_000, "futures")
        bot = self.make_futures_bot("buying", **exits)
        run(bot)
        quiet(bot)
        return self._watched(bot)

    def limit_order(self):
        """An order by hand that rests."""
        self.price_is(50_000)
        account = self.make_bot("quiet").account
        wanted = replace(BUY, type=OrderType.LIMIT, price=Decimal(49_000))
        return self._watched(trades.place_order(account.owner, account, wanted, key="rests", now=timezone.now()))

    def _watched(self, thing):
        self.line.clear()
        return thing


@pytest.fixture
def world(line, paper, make_bot, make_futures_bot, price_is, futures_price_is, board, settings):  # noqa: F811
    settings.TRANSFERS_ENABLED = True
    return World(line, paper, make_bot, make_futures_bot, {"spot": price_is, "futures": futures_price_is}, board)


BUY = trades.HandOrder("BTCUSDT", Side.BUY, Decimal("0.01"))


def enter(world):
    run(world.make_bot("buying"))


def enter_and_protect(world):
    world.entered(**PROTECTED)  # what it did is forgotten, and done again by another
    run(world.make_bot("buying", **PROTECTED))


def leave(world):
    bot = world.entered(**PROTECTED)
    bots.stop_bots(BotConfig.objects.filter(pk=bot.pk), flatten=True, now=timezone.now())
    run(bot)


def move_the_stop(world):
    bot = world.entered(trailing_stop_percent=ONE)
    world.price_is(51_000)
    tick(bot)
    run(bot)


def place_what_is_missing(world):
    bot = world.entered()
    BotConfig.objects.filter(pk=bot.pk).update(stop_loss_percent=ONE)
    protect_positions()
    bots.protect_bot(bot.pk, now=timezone.now())


def trade_futures(world):
    world.price_is(50_000, "futures")
    run(world.make_futures_bot("buying", **PROTECTED))


def leave_futures(world):
    bot = world.entered_futures(**PROTECTED)
    bots.stop_bots(BotConfig.objects.filter(pk=bot.pk), flatten=True, now=timezone.now())
    run(bot)


def watch_futures(world):
    world.entered_futures(**PROTECTED)
    trades.watch_futures(now=timezone.now())


def decide_for_a_series(world):
    world.make_bot("quiet")
    tick_id, packets = bots.run_all_active_bots(now=timezone.now())
    for packet in packets:
        evaluate_series(tick_id, [part.as_json() for part in packet])


def order_by_hand(world):
    world.limit_order()
    world.price_is(50_000)
    account = world.make_bot("quiet").account
    get_user_model().objects.filter(pk=account.owner_id).update(is_superuser=True)
    ask = {"asked_by": account.owner, "key": "", "now": timezone.now()}
    tasks.execute_trade_async(trades.ask_for_order(account.owner, account, BUY, **ask).pk)


def sweep_what_rests(world):
    world.entered(**PROTECTED)
    trades.reconcile_orders(now=timezone.now() + timedelta(seconds=1))


def cancel(world):
    order = world.limit_order()
    trades.cancel_order(order, gateway=gateway_for(order.position.account), now=timezone.now())


def sweep_what_is_in_doubt(world):
    world.price_is(50_000)
    world.board.add("error_after", status=503, code=-1006, match={"path": ORDER, "method": "POST"})
    run(world.make_bot("buying"))
    assert Order.objects.get().status == "unknown"
    world.board.clear()
    world.line.clear()
    trades.reconcile_orders(now=timezone.now())
    assert Order.objects.get().status == "filled"


def sweep_what_was_never_sent(world):
    world.price_is(50_000)
    run(world.make_bot("buying"))
    Order.objects.update(status="intended", filled_quantity=0, signed_at=None, proof_deadline=None)
    Order.objects.update(created_at=timezone.now() - timedelta(seconds=10), client_order_id="tb-1-left-behind")
    world.line.clear()
    trades.reconcile_orders(now=timezone.now())


def halt(world):
    order = world.limit_order()
    target = trades.Target(account=order.position.account)
    trades.press(target, SwitchState.HALTED, by=None, reason="a test", now=timezone.now())


def reconcile(world):
    world.entered()
    trades.reconcile_accounts(ExchangeAccount.objects.all(), now=timezone.now())


def reconcile_futures(world):
    world.entered_futures()
    trades.reconcile_accounts(ExchangeAccount.objects.all(), now=timezone.now())


def wish(world):
    key = world.paper.open_account(USDT="1000", futures={"USDT": "500"})
    account = world.make_bot("quiet", account__api_key=key["api_key"], account__api_secret=key["api_secret"]).account
    given = {"owner_id": account.owner_id, "account_id": account.pk, "asset": "USDT", "amount": Decimal(10)}
    return TransferWish(**given, to_futures=True, key="rent", asked_by="a test")


def transfer(world):
    asked = trades.request_transfer(wish(world), now=timezone.now())
    assert trades.send_transfer(asked.pk, now=timezone.now()).status == "done"


def look_for_a_transfer(world):
    asked = trades.request_transfer(wish(world), now=timezone.now())
    world.board.add("error_after", status=503, code=-1006, match={"path": TRANSFER, "method": "POST"})
    assert trades.send_transfer(asked.pk, now=timezone.now()).status == "unknown"
    world.board.clear()
    world.line.clear()
    trades.reconcile_transfers(now=timezone.now() + timedelta(seconds=100))
    assert Transfer.objects.get().status == "done"


def ask_what_the_key_may(world):
    check_connection(world.make_bot("quiet").account, now=timezone.now())


def warm_up(world):
    world.make_bot("quiet")
    warm_symbols("paper", "spot", now=timezone.now())
    measure_clocks(now=timezone.now())


ACTS = {
    enter: {f"POST {ORDER}", "GET /api/v3/klines", "GET /api/v3/ticker/price"},
    enter_and_protect: {f"POST {ORDER}", f"POST {PAIR}"},
    leave: {f"POST {ORDER}", f"DELETE {ORDER}", f"GET {ORDER}"},
    move_the_stop: {f"POST {ORDER}", f"DELETE {ORDER}", f"GET {ORDER}"},
    place_what_is_missing: {f"POST {ORDER}"},
    trade_futures: {f"POST {FUTURES_ORDER}", f"POST {ALGO}", "POST /fapi/v1/leverage", "GET /fapi/v3/positionRisk"},
    leave_futures: {f"POST {FUTURES_ORDER}", f"DELETE {ALGO}", f"GET {ALGO}"},
    watch_futures: {"GET /fapi/v1/income", "GET /fapi/v3/positionRisk"},
    decide_for_a_series: {"GET /api/v3/klines", "GET /api/v3/ticker/price"},
    order_by_hand: {f"POST {ORDER}"},
    cancel: {f"DELETE {ORDER}", f"GET {ORDER}"},
    sweep_what_rests: {"GET /api/v3/openOrders"},
    sweep_what_is_in_doubt: {f"GET {ORDER}", "GET /api/v3/myTrades"},
    sweep_what_was_never_sent: {f"POST {ORDER}"},
    halt: {f"DELETE {ORDER}"},
    reconcile: {"GET /api/v3/account", "GET /api/v3/openOrders", "GET /api/v3/myTrades"},
    reconcile_futures: {"GET /fapi/v3/positionRisk", "GET /fapi/v1/openOrders", "GET /fapi/v1/userTrades"},
    transfer: {f"POST {TRANSFER}"},
    look_for_a_transfer: {f"GET {TRANSFER}"},
    ask_what_the_key_may: {"GET /api/v3/account", "GET /sapi/v1/account/apiRestrictions"},
    warm_up: {"GET /api/v3/exchangeInfo", "GET /api/v3/time"},
}


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_no_transaction_is_open_while_the_exchange_is_spoken_to(world, line, act):
    act(world)

    assert line.calls >= ACTS[act]
    assert line.opened == []


def test_a_transaction_around_it_would_be_seen_before_and_after(world, line):
    account = world.make_bot("quiet").account

    with transaction.atomic():
        gateway_for(account).balances()

    moments = [(when, call) for when, call, _ in line.opened]
    assert moments[-2:] == [("before", "GET /api/v3/account"), ("after", "GET /api/v3/account")]


def test_a_transaction_of_another_connection_would_be_seen_too(world, line):
    parameters = {name: connection.get_connection_params()[name] for name in ("host", "user", "dbname")}
    account = world.make_bot("quiet").account

    with psycopg.connect(**parameters) as other:
        other.execute("SELECT 'held open'")
        gateway_for(account).balances()

    assert not connection.in_atomic_block
    assert {opened[0] for *_, opened in line.opened} == {("idle in transaction", "SELECT 'held open'")}

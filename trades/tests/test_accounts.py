"""Whole accounts against the real paper exchange, on both markets."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from market.exchange import gateway_for
from market.exchange.types import OrderRequest
from market.models import ExchangeAccount
from market.rules import rules_of
from market.tests.factories import ExchangeAccountFactory, entry
from market.types import OrderType, Side
from trades.models import Event, ExternalFill, ExternalOrder, Fill, Order, Position
from trades.services import Intent, intend_order, reconcile_account, submit_order, to_reconcile
from trades.services.accounts import Unsettled
from trades.tests.factories import OrderFactory, PositionFactory

pytestmark = pytest.mark.django_db(transaction=True)
TENTH = Decimal("0.1")


@pytest.fixture(params=["spot", "futures"])
def account(request, paper):
    """An account with 100,000 USDT at the paper exchange, on each market."""
    return open_account(paper, request.param)


def open_account(paper, market):
    key = paper.open_account(USDT="100000", futures={"USDT": "100000"})
    keys = {"api_key": key["api_key"], "api_secret": key["api_secret"]}
    account = ExchangeAccountFactory(market=market, reconciled_at=None, **keys)
    ExchangeAccount.objects.filter(pk=account.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    return ExchangeAccount.objects.get(pk=account.pk)


def request_of(client_order_id, *, side=Side.BUY, quantity=TENTH, **values):
    moment = {"signed_at": timezone.now(), "valid_for": timedelta(seconds=5)}
    return OrderRequest("BTCUSDT", side, quantity, client_order_id, **moment, **values)


def below(account, percent):
    """A price so far below the market."""
    price = gateway_for(account).prices()["BTCUSDT"]
    return (price * (100 - percent) / 100).quantize(Decimal("0.1"))


def bought(account):
    """A position that our own order opened."""
    position = PositionFactory(account=account, smallest_quantity=Decimal("0.001"))
    order = OrderFactory(position=position, quantity=TENTH, created_at=timezone.now())
    submit_order(order, gateway=gateway_for(account), now=timezone.now())
    assert order.status == "filled"
    return position


def free_there(account):
    return next(balance.free for balance in gateway_for(account).balances() if balance.asset == "USDT")


def reconciled(account):
    found = reconcile_account(account, now=timezone.now())
    account.refresh_from_db()
    return found


def test_an_account_that_agrees_is_reconciled_and_stays_active(account):
    bought(account)
    assert to_reconcile(everything=False) == [account]

    assert reconciled(account) == []

    assert account.state == "active"
    assert account.free_quote < 100_000
    assert abs(account.free_quote - free_there(account)) < 1  # on futures it moves with the price meanwhile
    assert account.balance_read_at <= account.reconciled_at
    assert to_reconcile(everything=False) == []
    assert to_reconcile(everything=True) == [account]


def test_an_executed_order_whose_row_was_lost_is_adopted_with_its_fills(account):
    position = PositionFactory(account=account, smallest_quantity=Decimal("0.001"))
    gateway_for(account).submit(request_of(f"tb-{position.pk}-lost"))

    assert reconciled(account) == []

    order = Order.objects.get()
    position.refresh_from_db()
    assert (order.client_order_id, order.status, order.purpose) == (f"tb-{position.pk}-lost", "filled", "entry")
    assert position.quantity == TENTH - sum(fill.commission for fill in Fill.objects.filter(commission_asset="BTC"))
    assert Event.objects.filter(kind="order_adopted", order=order).exists()


@pytest.mark.parametrize("kind", [OrderType.LIMIT, OrderType.STOP])
def test_an_open_order_with_our_mark_is_adopted(account, kind):
    position = bought(account)
    side = Side.BUY if kind is OrderType.LIMIT else Side.SELL
    quantity = Decimal("0.05")
    request = request_of(f"tb-{position.pk}-lost", side=side, quantity=quantity, type=kind, price=below(account, 5))
    gateway_for(account).submit(request)

    assert reconciled(account) == []

    order = Order.objects.get(client_order_id=f"tb-{position.pk}-lost")
    assert (order.status, order.purpose) == ("open", "entry" if side is Side.BUY else "exit")


@pytest.mark.parametrize("client_order_id", ["by-hand", "tb-x-1", "tb-999999-1"])
def test_an_order_that_is_not_ours_is_kept_apart_and_never_claimed(account, client_order_id):
    bought(account)
    gateway_for(account).submit(request_of(client_order_id, type=OrderType.LIMIT, price=below(account, 5)))

    reconciled(account)
    gateway_for(account).cancel("BTCUSDT", client_order_id, OrderType.LIMIT)
    reconciled(account)

    external = ExternalOrder.objects.get()
    assert (external.client_order_id, external.quantity) == (client_order_id, TENTH)
    assert external.gone_at is not None
    assert Order.objects.count() == 1


def test_a_strangers_fill_is_kept_apart_and_explains_what_the_exchange_holds_more(account):
    position = bought(account)
    gateway_for(account).submit(request_of("by-hand"))

    assert reconciled(account) == []

    assert [fill.quantity for fill in ExternalFill.objects.all()] == [TENTH]
    before = position.quantity
    position.refresh_from_db()
    assert Position.objects.get().fees == position.fees
    assert (account.state, before) == ("active", Decimal(0))


def test_what_we_believe_to_hold_and_do_not_makes_the_account_reduce(account):
    position = bought(account)
    Position.objects.filter(pk=position.pk).update(quantity=Decimal(3))

    (difference,) = reconciled(account)

    assert difference.startswith("BTC")
    assert account.state == "reducing"
    assert account.state_reason == difference
    assert Event.objects.get(kind="books_differ").message.endswith(difference)


def test_a_difference_leaves_a_halted_account_halted(account):
    position = bought(account)
    Position.objects.filter(pk=position.pk).update(quantity=Decimal(3))
    ExchangeAccount.objects.update(state="halted")

    reconciled(account)

    assert account.state == "halted"


def test_a_stop_that_was_hit_unseen_is_booked_before_anything_is_compared(account, paper):
    position = bought(account)
    rules = rules_of(entry())
    stop = Intent(
        Order.Purpose.PROTECTION,
        Side.SELL,
        Decimal("0.09"),
        Decimal(50_000),
        "protect:1:0:stop:0",
        "stop",
        type=OrderType.STOP,
        order_price=below(account, 2),
    )
    from django.db import transaction

    with transaction.atomic():
        order = intend_order(position.pk, stop, rules=rules, now=timezone.now())
    submit_order(order, gateway=gateway_for(account), now=timezone.now())
    assert order.status == "open"
    try:
        paper.set_price("BTCUSDT", str(below(account, 10)), account.market)
        assert reconciled(account) == []
    finally:
        paper.set_price("BTCUSDT", None, account.market)

    order.refresh_from_db()
    assert (order.status, account.state) == ("filled", "active")


def test_nothing_is_compared_while_an_outcome_is_unknown(account):
    position = bought(account)
    OrderFactory(position=position, status="unknown", signed_at=timezone.now(), proof_deadline=timezone.now())

    with pytest.raises(Unsettled):
        reconcile_account(account, now=timezone.now())

    account.refresh_from_db()
    assert account.reconciled_at is None


def test_what_the_account_held_on_futures_before_us_is_no_difference(paper):
    account = open_account(paper, "futures")
    gateway_for(account).submit(request_of("long-ago"))
    ExchangeAccount.objects.update(created_at=timezone.now())
    account.refresh_from_db()
    PositionFactory(account=account)

    assert reconciled(account) == []

    bought_now = reconciled(account)
    assert bought_now == []

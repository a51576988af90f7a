"""What the exchange does to a futures position by itself is booked to it: liquidation over the real paper exchange."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from market.exchange import gateway_for
from market.exchange.types import AccountFill, OrderRequest
from market.models import ExchangeAccount
from market.tests.factories import NOON, ExchangeAccountFactory
from market.types import Side
from trades import tasks
from trades.models import Event, ExternalFill, Fill, Funding, Order, Position, Trade
from trades.services import forced, reconcile_account, submit_order, to_reconcile, watch_futures
from trades.services.strays import _place_fill
from trades.tests.factories import OrderFactory, PositionFactory
from trades.tests.gateways import fill_report

pytestmark = pytest.mark.django_db(transaction=True)
TENTH = Decimal("0.1")


@pytest.fixture
def price_is(paper):
    """`price_is(50_000)` holds BTC at a price on futures."""
    yield lambda price: paper.set_price("BTCUSDT", str(price), "futures")
    paper.set_price("BTCUSDT", None, "futures")


@pytest.fixture
def account(paper, price_is):
    """A futures account with 10,000 USDT that trades BTC isolated at leverage 10; BTC stands at 50,000."""
    price_is(50_000)
    key = paper.open_account(futures={"USDT": "10000"})
    account = ExchangeAccountFactory(market="futures", api_key=key["api_key"], api_secret=key["api_secret"])
    ExchangeAccount.objects.filter(pk=account.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    account = ExchangeAccount.objects.get(pk=account.pk)
    gateway_for(account).set_isolated("BTCUSDT", isolated=True)
    gateway_for(account).set_leverage("BTCUSDT", 10)
    return account


def opened(account, side=Side.BUY):
    """A position that an order of ours opened."""
    position = PositionFactory(account=account, smallest_quantity=Decimal("0.001"))
    order = OrderFactory(position=position, side=side.value, quantity=TENTH, created_at=timezone.now())
    submit_order(order, gateway=gateway_for(account), now=timezone.now())
    position.refresh_from_db()
    return position


def by_hand(account, side, quantity):
    moment = {"signed_at": timezone.now(), "valid_for": timedelta(seconds=5)}
    gateway_for(account).submit(OrderRequest("BTCUSDT", side, quantity, f"by-hand-{side}", **moment))


def wallet_of(account):
    (wallet,) = gateway_for(account).balances()
    return wallet.free + wallet.locked


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, 44_000), (Side.SELL, 56_000)])
def test_a_liquidation_closes_the_position_in_our_books_to_the_last_digit(account, price_is, side, price):
    position = opened(account, side)
    price_is(price)

    assert reconcile_account(account, now=timezone.now()) == []

    position.refresh_from_db()
    order = Order.objects.get(purpose="exit")
    assert (position.quantity, position.is_open) == (0, False)
    assert (order.status, order.quantity, order.side) == ("filled", TENTH, side.opposite.value)
    assert order.client_order_id.startswith(f"forced-{position.pk}-")
    assert order.reason == "liquidation by the exchange"
    assert Event.objects.get(kind="liquidated").order == order
    assert Trade.objects.filter(order=order).exists()
    assert wallet_of(account) == 10_000 + position.realized_pnl
    assert Funding.objects.get().kind == "liquidation"
    assert ExternalFill.objects.count() == 0
    account.refresh_from_db()
    assert account.state == "active"


def test_a_liquidation_is_booked_once_however_often_it_is_found(account, price_is):
    position = opened(account)
    price_is(44_000)

    for _ in range(3):
        assert reconcile_account(account, now=timezone.now()) == []
        account.fill_cursors.all().delete()

    position.refresh_from_db()
    assert (Fill.objects.count(), ExternalFill.objects.count()) == (2, 0)
    assert Event.objects.filter(kind="liquidated").count() == 1
    assert wallet_of(account) == 10_000 + position.realized_pnl


def test_of_a_liquidation_a_strangers_part_is_kept_apart(account, price_is):
    by_hand(account, Side.BUY, Decimal("0.05"))
    position = opened(account)
    price_is(44_000)

    assert reconcile_account(account, now=timezone.now()) == []

    position.refresh_from_db()
    assert position.quantity == 0
    assert Order.objects.get(purpose="exit").filled_quantity == TENTH
    quantities = ExternalFill.objects.order_by("exchange_trade_id").values_list("side", "quantity")
    assert list(quantities) == [("BUY", Decimal("0.05")), ("SELL", Decimal("0.05"))]


def test_the_liquidation_of_what_is_not_ours_is_a_strangers_fill(account, price_is):
    position = PositionFactory(account=account, smallest_quantity=Decimal("0.001"))
    by_hand(account, Side.BUY, TENTH)
    price_is(44_000)

    assert reconcile_account(account, now=timezone.now()) == []

    position.refresh_from_db()
    assert position.quantity == 0
    assert not Order.objects.exists()
    assert [fill.side for fill in ExternalFill.objects.order_by("exchange_trade_id")] == ["BUY", "SELL"]


def test_an_exit_that_finds_nothing_to_reduce_has_the_account_reconciled(account, price_is):
    position = opened(account)
    reconcile_account(account, now=timezone.now())
    price_is(44_000)
    assert to_reconcile(everything=False) == []
    leaving = OrderFactory(
        position=position, purpose="exit", side="SELL", quantity=TENTH, reduce_only=True, created_at=timezone.now()
    )

    submit_order(leaving, gateway=gateway_for(account), now=timezone.now())

    assert leaving.status == "rejected"
    assert to_reconcile(everything=False) == [account]


def test_the_regular_look_at_futures_finds_a_liquidation_by_itself(account, price_is):
    position = opened(account)
    reconcile_account(account, now=timezone.now())
    price_is(44_000)

    looked_at = tasks.book_fundings()

    position.refresh_from_db()
    assert looked_at == 1
    assert not position.is_open


def test_only_accounts_that_hold_or_just_held_futures_are_looked_at(account, monkeypatch):
    monkeypatch.setattr("trades.services.accounts._differs", lambda account, **_: False)
    now = timezone.now()
    PositionFactory(account=account, closed_at=now - timedelta(hours=2))
    spot = PositionFactory(quantity=TENTH, smallest_quantity=Decimal("0.001"))
    assert spot.is_open

    none = watch_futures(now=now)
    Position.objects.filter(account=account).update(closed_at=now - timedelta(minutes=59))
    lately = watch_futures(now=now)
    PositionFactory(account=account, symbol="ETHUSDT", quantity=-TENTH, smallest_quantity=Decimal("0.001"))
    once = watch_futures(now=now)
    ExchangeAccount.objects.update(cooldown_until=now + timedelta(minutes=1))

    assert (none, lately, once, watch_futures(now=now)) == (0, 1, 1, 0)


class Named:
    """A gateway that knows the client id of every order."""

    def __init__(self, client_order_id):
        self.client_order_id = client_order_id

    def client_id_of(self, symbol, exchange_order_id):
        return self.client_order_id


def deleveraged(account, *fills, client_order_id="adl_autoclose", side=Side.SELL, order_id=900):
    for fill in fills:
        found = AccountFill(order_id, side, fill)
        _place_fill(account, "BTCUSDT", found, Named(client_order_id), now=NOON)


@pytest.fixture
def held(db):
    """A long position of 0.1 on a futures account, without an exchange."""
    account = ExchangeAccountFactory(market="futures")
    return PositionFactory(account=account, quantity=TENTH, entry_price=Decimal(50_000), round=1, opened_at=NOON)


@pytest.mark.parametrize(
    ("client_order_id", "reason"),
    [
        ("autoclose-1", "liquidation by the exchange"),
        ("adl_autoclose", "auto-deleveraging by the exchange"),
        ("settlement_autoclose-1", "settlement of a symbol that ends by the exchange"),
    ],
)
def test_every_order_of_the_exchange_itself_is_known_by_its_name(held, client_order_id, reason):
    deleveraged(held.account, fill_report(1, quantity="0.1"), client_order_id=client_order_id)

    assert Order.objects.get().reason == reason


def test_deleveraging_in_pieces_takes_what_it_took_and_no_more(held):
    pieces = fill_report(1, quantity="0.03"), fill_report(2, quantity="0.02")

    deleveraged(held.account, *pieces)
    deleveraged(held.account, *pieces)

    held.refresh_from_db()
    order = Order.objects.get()
    assert held.quantity == Decimal("0.05")
    assert (order.filled_quantity, order.fills.count(), order.status) == (Decimal("0.05"), 2, "canceled")
    deleveraged(held.account, fill_report(3, quantity="0.05"))
    order.refresh_from_db()
    held.refresh_from_db()
    assert (order.status, held.quantity) == ("filled", 0)


def test_two_liquidations_with_one_name_are_two_orders(held):
    deleveraged(held.account, fill_report(1, quantity="0.04"), order_id=900)
    deleveraged(held.account, fill_report(2, quantity="0.04"), order_id=901)

    assert Order.objects.count() == 2


def test_on_spot_such_a_name_is_a_strangers(held):
    account = ExchangeAccountFactory()

    assert forced.kind_of(account, "autoclose-1") == ""
    assert forced.kind_of(held.account, "by-hand") == ""

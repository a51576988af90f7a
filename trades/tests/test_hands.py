"""Orders by hand at the real paper exchange: placed like those of bots, or refused before anything is sent."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from django_redis import get_redis_connection

from market.exchange.types import OrderType, ReportStatus
from market.models import ExchangeAccount, RiskLimits
from market.switches import SwitchState
from market.tests.factories import NOON, QUOTE, ExchangeAccountFactory, SymbolRulesFactory, UserFactory
from market.types import Price, Side
from trades.checks import Code
from trades.models import Event, Order, Position, TermsInForce
from trades.services import HandOrder, OrderDenied, Target, place_order, press
from trades.tests.gateways import FakeGateway, order_report

pytestmark = pytest.mark.django_db(transaction=True)
BUY = HandOrder("BTCUSDT", Side.BUY, Decimal("0.01"))
SELL = replace(BUY, side=Side.SELL)
LIMIT = replace(BUY, type=OrderType.LIMIT, price=Decimal(50_000))


def place(account, wanted, *, key="a", user=None):
    return place_order(user or account.owner, account, wanted, key=key, now=timezone.now())


def refused(account, wanted, **kwargs):
    with pytest.raises(OrderDenied) as denied:
        place(account, wanted, **kwargs)
    return denied.value.denial


def orders_at(paper, account):
    """What the exchange knows of the account's orders."""
    key = {"api_key": account.api_key.reveal(), "api_secret": account.api_secret.reveal()}
    status, orders = paper.signed("GET", "/api/v3/allOrders", key, symbol="BTCUSDT")
    assert status == 200
    return orders


def test_a_purchase_opens_the_hands_position_another_adds_to_it_and_a_sale_closes_it(account, paper):
    bought = place(account, BUY, key="a")
    more = place(account, BUY, key="b")
    held = Position.objects.get().quantity
    sold = place(account, replace(SELL, quantity=Decimal("0.01998")), key="c")

    position = Position.objects.get()
    assert [order.status for order in (bought, more, sold)] == ["filled"] * 3
    assert [order.purpose for order in (bought, more, sold)] == ["entry", "entry", "exit"]
    assert held == Decimal("0.01998")
    assert (position.by_hand, position.quantity, position.is_open) == (True, 0, False)
    assert len(orders_at(paper, account)) == 3
    assert bought.reason == f"{account.owner} by hand"


def test_the_same_act_a_second_time_sends_nothing(account, paper):
    first, second = place(account, BUY), place(account, BUY)

    assert first == second
    assert len(orders_at(paper, account)) == 1


def halt(account):
    press(Target(account=account), SwitchState.HALTED, by=None, reason="a test", now=NOON)


@pytest.mark.parametrize(
    ("wanted", "code", "limit", "value"),
    [
        (replace(BUY, quantity=Decimal("0.00009")), Code.FILTER, "NOTIONAL", "0.00009 at 50000"),
        (replace(BUY, quantity=Decimal("0.000001")), Code.FILTER, "LOT_SIZE", "0.000001 at 50000"),
        (replace(BUY, quantity=Decimal("0.012345678")), Code.FILTER, "LOT_SIZE", "0.012345678 at 50000"),
        (replace(BUY, quantity=Decimal(3)), Code.NOTIONAL_CAP, "100000", "150000"),
        (replace(BUY, quantity=Decimal(0)), Code.MALFORMED, "0", "0"),
        (replace(BUY, quantity=Decimal(-1)), Code.MALFORMED, "0", "-1"),
        (replace(BUY, quantity=Decimal("NaN")), Code.MALFORMED, "0", "NaN"),
        (replace(BUY, quantity=Decimal("Infinity")), Code.MALFORMED, "0", "Infinity"),
        (replace(BUY, price=Decimal(50_000)), Code.MALFORMED, "", ""),
        (replace(LIMIT, price=None), Code.MALFORMED, "", ""),
        (replace(LIMIT, price=Decimal(0)), Code.MALFORMED, "0", "0"),
        (replace(LIMIT, type=OrderType.STOP), Code.MALFORMED, "market, limit", "stop"),
        (replace(LIMIT, price=Decimal(60_000)), Code.PRICE_COLLAR, "5 %", "20.00 %"),
        (replace(BUY, symbol="NOPEUSDT"), Code.SYMBOL_UNKNOWN, "", ""),
        (SELL, Code.WOULD_INCREASE, "0", "0.01"),
    ],
)
def test_a_bad_order_is_refused_with_code_and_bound_and_nothing_is_sent_or_reserved(
    account, paper, wanted, code, limit, value
):
    denial = refused(account, wanted)

    event = Event.objects.get()
    assert (denial.code, denial.limit, denial.value) == (code, limit, value)
    assert (event.kind, event.account, event.user) == ("order_denied", account, account.owner)
    assert event.data == {"code": code, "limit": limit, "value": value}
    assert nothing_happened(paper, account)


def nothing_happened(paper, account):
    return not Order.objects.exists() and not Position.objects.exists() and orders_at(paper, account) == []


@pytest.mark.parametrize("how", ["halted", "stranger", "own cap", "restricted", "no key", "switched off"])
def test_who_may_not_trade_is_refused_before_anything_is_sent(account, paper, settings, how):
    key, user = account.api_key, None
    if how == "halted":
        halt(account)
    if how == "stranger":
        user = UserFactory(is_superuser=True)
    if how == "own cap":
        RiskLimits.objects.create(account=account, max_exposure=499)
    if how == "restricted":
        settings.RESTRICTED_SYMBOLS = ["BTCUSDT"]
    if how == "no key":
        account.api_key = ""
        account.save()
    if how == "switched off":
        settings.ENVIRONMENTS = ["testnet"]

    denial = refused(account, BUY, user=user)

    assert (
        denial.code
        == {
            "halted": Code.ACCOUNT_HALTED,
            "stranger": Code.NOT_OWNER,
            "own cap": Code.EXPOSURE,
            "restricted": Code.SYMBOL_RESTRICTED,
            "no key": Code.KEY_UNUSABLE,
            "switched off": Code.KEY_UNUSABLE,
        }[how]
    )
    account.api_key = key
    assert nothing_happened(paper, account)
    told = Event.objects.get(kind="order_denied")
    assert (told.account is None) == (how == "stranger")  # a stranger's try is no news of this account


def test_a_purchase_that_would_slip_is_refused_and_a_sale_never_is(account, paper):
    place(account, BUY)
    paper.set_book("BTCUSDT", spread_bps="400")
    get_redis_connection("default").delete("quote:paper:spot:BTCUSDT")
    try:
        denial = refused(account, BUY, key="b")
        sold = place(account, replace(SELL, quantity=Decimal("0.00999")), key="c")
    finally:
        paper.set_book("BTCUSDT")

    assert (denial.code, denial.limit, denial.value) == (Code.SLIPPAGE, "1 %", "2.00 %")
    assert sold.status == "filled"


def test_an_order_of_another_user_is_not_found_by_its_key(account, paper):
    place(account, BUY, key="mine")

    assert refused(account, BUY, key="mine", user=UserFactory()).code == Code.NOT_OWNER


def test_an_account_that_is_reducing_lets_the_hand_sell_and_not_buy(account):
    place(account, BUY, key="a")
    ExchangeAccount.objects.update(state="reducing")
    account.refresh_from_db()

    assert refused(account, BUY, key="b").code == Code.ACCOUNT_REDUCING
    assert place(account, replace(SELL, quantity=Decimal("0.00999")), key="c").status == "filled"


@pytest.fixture
def futures(monkeypatch):
    """A futures account whose exchange takes every order and leaves it open."""
    SymbolRulesFactory(market="futures")
    gateway = FakeGateway(answer=order_report(status=ReportStatus.OPEN))
    monkeypatch.setattr("trades.services.hands.gateway_for", lambda account: gateway)
    seen = {"BTCUSDT": Price(Decimal(50_000), timezone.now())}
    monkeypatch.setattr("trades.services.hands.last_prices", lambda *args, **kwargs: seen)
    monkeypatch.setattr("trades.services.asking.last_quote", lambda *args, **kwargs: QUOTE)
    monkeypatch.setattr("trades.services.hands.agree_on_terms", agree)
    monkeypatch.setattr("trades.services.hands.clock_trouble", lambda *args, **kwargs: "")
    account = ExchangeAccountFactory(market="futures")
    account.refresh_from_db()  # its key is sealed from now on, and known by its mark
    return account, gateway


def agree(position, terms, *, gateway, key_mark, now):
    """The exchange confirms whatever is asked for."""
    known = {
        "leverage": terms.leverage,
        "is_isolated": terms.is_isolated,
        "asked_at": now,
        "key_mark": key_mark,
        "brackets": [["0.004", "0"]],
    }
    TermsInForce.objects.update_or_create(position=position, defaults=known)


@pytest.mark.parametrize(
    ("held", "wanted", "purpose", "reduce_only"),
    [
        ("0", BUY, "entry", False),
        ("0", SELL, "entry", False),
        ("0.01", BUY, "entry", False),
        ("0.01", SELL, "exit", True),
        ("-0.01", BUY, "exit", True),
        ("-0.01", SELL, "entry", False),
    ],
)
def test_on_futures_an_order_against_what_is_held_only_reduces(futures, held, wanted, purpose, reduce_only):
    account, gateway = futures
    held_by_hand(account, held)

    order = place(account, wanted)

    assert (order.purpose, order.reduce_only) == (purpose, reduce_only)
    assert [request.reduce_only for request in gateway.sent] == [reduce_only]


def test_on_futures_nobody_turns_a_position_by_hand(futures):
    account, gateway = futures
    held_by_hand(account, "0.01")

    assert refused(account, replace(SELL, quantity=Decimal("0.02"))).code == Code.WOULD_INCREASE
    assert gateway.sent == []


def held_by_hand(account, quantity):
    Position.objects.create(
        account=account,
        symbol="BTCUSDT",
        base_asset="BTC",
        quote_asset="USDT",
        smallest_quantity=Decimal("0.00001"),
        quantity=Decimal(quantity),
        entry_price=Decimal(50_000),
        by_hand=True,
    )


def test_one_limit_order_of_the_hand_rests_at_a_time(futures):
    account, gateway = futures
    place(account, LIMIT, key="a")

    assert refused(account, LIMIT, key="b").code == Code.ORDER_UNKNOWN
    assert [(request.type, request.price) for request in gateway.sent] == [("limit", 50_000)]


def test_a_bots_coins_are_not_sold_by_hand(account):
    bots = Position.objects.create(
        account=account,
        symbol="BTCUSDT",
        base_asset="BTC",
        quote_asset="USDT",
        smallest_quantity=Decimal("0.00001"),
        quantity=Decimal(1),
    )

    denial = refused(account, SELL)

    assert (denial.code, denial.limit) == (Code.WOULD_INCREASE, "0")
    assert list(Position.objects.all()) == [bots]


def test_a_price_that_is_old_is_no_price(account, paper, monkeypatch):
    old = {"BTCUSDT": Price(Decimal(50_000), timezone.now() - timedelta(seconds=30))}
    monkeypatch.setattr("trades.services.hands.last_prices", lambda *args, **kwargs: old)

    assert refused(account, BUY).code == Code.STALE_PRICE
    assert nothing_happened(paper, account)

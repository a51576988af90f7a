"""What is at stake is counted from the database: positions, and every entry from the moment it is written down."""

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from market.models import RiskLimits
from market.rules import rules_of
from market.tests.factories import NOON, QUOTE, ExchangeAccountFactory, UserFactory, entry
from market.types import Side
from trades.checks import Caps, Code, Denial
from trades.models import Funding, Order
from trades.services import Intent, intend_order
from trades.services.risk import ask_risk
from trades.tests.factories import OrderFactory, PositionFactory, TradeFactory

pytestmark = pytest.mark.django_db(transaction=True)
RULES = rules_of(entry())
A_MINUTE_AGO = NOON - timedelta(minutes=1)
LIVE = {"environment": "live", "live_consent_at": NOON}
SENT = {"signed_at": NOON, "proof_deadline": NOON + timedelta(seconds=20)}


def intend(position, *, purpose=Order.Purpose.ENTRY, quantity="0.01", now=NOON, key="entry:new", **changes):
    """An entry worth 500 USDT, unless told otherwise."""
    side = Side.BUY if purpose == Order.Purpose.ENTRY else Side.SELL
    intent = Intent(purpose, side, Decimal(quantity), Decimal(50_000), key, "a test", **{"quote": QUOTE} | changes)
    with transaction.atomic():
        return intend_order(position.pk, intent, rules=RULES, now=now)


def seen(position):
    """By scope: exposure, exposure in the symbol, open positions, open orders, orders of the last minute."""
    return {stake.whose: tuple(vars(stake).values())[2:7] for stake in ask_risk(position, now=NOON)().stakes}


def bound(account=None, user=None, **caps):
    return RiskLimits.objects.create(account=account, user=user, **caps)


def test_positions_and_entries_at_work_are_at_stake_and_nothing_else():
    account = ExchangeAccountFactory()
    mine = PositionFactory(account=account)
    PositionFactory(account=account, quantity=Decimal("-0.02"), entry_price=Decimal(40_000))
    resting = OrderFactory(
        position=PositionFactory(account=account, symbol="ETHUSDT"),
        type="limit",
        price=Decimal(45_000),
        status="open",
        filled_quantity=Decimal("0.004"),
        **SENT,
    )
    OrderFactory(position=PositionFactory(account=account), created_at=NOON - timedelta(hours=1))
    for status in ("rejected", "absent", "filled"):
        OrderFactory(position=mine, status=status, created_at=NOON - timedelta(hours=1), **SENT)
    OrderFactory(position=mine, purpose="protection", type="stop", price=Decimal(1), status="open", **SENT)

    figures = seen(mine)

    assert figures["account"] == (800 + 270 + 500, 800 + 500, 1 + 2, 3, 1)
    assert figures["user"] == figures["account"]
    assert resting.account == account


def test_the_users_stake_spans_his_accounts_of_one_environment():
    account = ExchangeAccountFactory()
    mine = PositionFactory(account=account)
    for environment in ("paper", "testnet"):
        other = ExchangeAccountFactory(owner=account.owner, environment=environment)
        PositionFactory(account=other, quantity=Decimal(1), entry_price=Decimal(100))
    PositionFactory(quantity=Decimal(1), entry_price=Decimal(100))

    figures = seen(mine)

    assert (figures["account"][0], figures["user"][0]) == (0, 100)


@pytest.mark.parametrize(
    ("caps", "code"),
    [
        ({"max_order_notional": 499}, Code.NOTIONAL_CAP),
        ({"max_exposure": 1_299}, Code.EXPOSURE),
        ({"max_symbol_exposure": 1_299}, Code.SYMBOL_EXPOSURE),
        ({"max_open_positions": 1}, Code.OPEN_POSITIONS),
        ({"max_open_orders": 1}, Code.OPEN_ORDERS),
        ({"max_orders_per_minute": 1}, Code.ORDERS_PER_MINUTE),
    ],
)
@pytest.mark.parametrize("whose", ["account", "user"])
def test_bounds_of_account_and_user_deny_what_is_beyond_them(caps, code, whose):
    account = ExchangeAccountFactory()
    other = account if whose == "account" else ExchangeAccountFactory(owner=account.owner)
    PositionFactory(account=other, quantity=Decimal("0.01"), entry_price=Decimal(80_000))
    OrderFactory(
        position=PositionFactory(account=other), purpose="protection", type="stop", price=1, status="open", **SENT
    )
    OrderFactory(position=PositionFactory(account=other), status="filled", filled_quantity=Decimal("0.01"), **SENT)
    bound(**{whose: account if whose == "account" else account.owner}, **caps)

    made = intend(PositionFactory(account=account))

    assert isinstance(made, Denial)
    assert made.code == code
    assert whose in made.detail
    assert made.limit == str(next(iter(caps.values())))


@pytest.mark.parametrize("time_zone", ["UTC", "Asia/Kathmandu", "America/New_York"])
@pytest.mark.parametrize("whose", ["account", "user"])
def test_what_all_bots_have_lost_since_midnight_bounds_the_next_entry(whose, time_zone):
    account = ExchangeAccountFactory()
    other = account if whose == "account" else ExchangeAccountFactory(owner=account.owner)
    midnight = NOON.astimezone(ZoneInfo(time_zone)).replace(hour=0, minute=0, second=0)
    for pnl, at in ((-20, midnight), (5, NOON), (-15, NOON), (-500, midnight - timedelta(microseconds=1))):
        done = OrderFactory(position=PositionFactory(account=other), status="filled", filled_quantity="0.01", **SENT)
        TradeFactory(order=done, realized_pnl=pnl, created_at=at)
    Funding.objects.create(
        position=PositionFactory(account=other), account=other, transaction_id=1, amount=-2, paid_at=NOON
    )
    limits = bound(**{whose: account if whose == "account" else account.owner}, max_daily_loss=32, time_zone=time_zone)

    denied = intend(PositionFactory(account=account))
    assert (denied.code, denied.limit, denied.value) == (Code.DAILY_LOSS, "32", "32")
    assert whose in denied.detail

    RiskLimits.objects.filter(pk=limits.pk).update(max_daily_loss=Decimal("32.01"))
    assert isinstance(intend(PositionFactory(account=account)), Order)


@pytest.mark.parametrize("name", ["Mars", "localtime"])
def test_a_time_zone_that_postgresql_does_not_know_is_refused(name, monkeypatch):
    """It would be an error of every entry."""
    monkeypatch.setattr("market.fields.available_timezones", lambda: {name, "UTC"})
    limits = RiskLimits(user=UserFactory(), max_daily_loss=1, time_zone=name)

    with pytest.raises(ValidationError, match="is no time zone"):
        limits.full_clean()


def test_a_bound_that_is_just_met_denies_nothing():
    account = ExchangeAccountFactory()
    bound(
        account=account,
        max_order_notional=500,
        max_exposure=500,
        max_symbol_exposure=500,
        max_open_positions=1,
        max_open_orders=1,
        max_orders_per_minute=1,
    )

    assert isinstance(intend(PositionFactory(account=account)), Order)


@pytest.mark.parametrize(("name", "value"), [("MAX_ACCOUNT_EXPOSURE", "499"), ("MAX_USER_EXPOSURE", "499")])
def test_nobody_loosens_a_bound_of_the_platform(settings, name, value):
    setattr(settings, name, value)
    account = ExchangeAccountFactory()
    bound(account=account, max_exposure=1_000_000)
    bound(user=account.owner, max_exposure=1_000_000)

    assert intend(PositionFactory(account=account)).code == Code.EXPOSURE


def test_an_exit_is_bounded_by_nothing_but_what_is_held(settings):
    position = PositionFactory(quantity=Decimal("0.01"), entry_price=Decimal(50_000))
    bound(account=position.account, max_exposure=0, max_orders_per_minute=0, max_open_orders=0, max_order_notional=0)
    settings.RESTRICTED_SYMBOLS = ["BTCUSDT"]

    assert isinstance(intend(position, purpose=Order.Purpose.EXIT), Order)


def test_a_denial_writes_nothing_down():
    position = PositionFactory()
    bound(account=position.account, max_exposure=1)

    assert isinstance(intend(position), Denial)

    assert not Order.objects.exists()


def test_a_restricted_symbol_is_not_entered(settings):
    settings.RESTRICTED_SYMBOLS = ["BTCUSDT"]

    assert intend(PositionFactory()).code == Code.SYMBOL_RESTRICTED


def test_an_account_of_another_user_is_refused():
    position = PositionFactory()

    assert intend(position, wanted_by=position.account.owner_id + 1).code == Code.NOT_OWNER


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ({"api_key": ""}, Code.KEY_UNUSABLE),
        ({"key_error": "revoked"}, Code.KEY_UNUSABLE),
        ({"environment": "testnet"}, Code.ENVIRONMENT),
        ({"environment": "testnet", "reconciled_at": None}, Code.NOT_RECONCILED),
        ({"reconciled_at": None}, Code.NOT_RECONCILED),
        (LIVE, Code.KEY_UNUSABLE),
        (
            {"environment": "live", "live_consent_at": NOON, "permissions_checked_at": NOON, "may_withdraw": True},
            Code.KEY_UNUSABLE,
        ),
    ],
)
def test_an_account_that_may_not_trade_is_refused(settings, account, code):
    if code != Code.ENVIRONMENT:
        settings.ENVIRONMENTS = ["paper", "testnet", "live"]
    made = intend(PositionFactory(account=ExchangeAccountFactory(**account)))

    assert made.code == code


def test_a_live_account_trades_with_a_key_that_can_only_trade_from_our_addresses(settings):
    settings.ENVIRONMENTS = ["live"]
    account = ExchangeAccountFactory(
        environment="live",
        live_consent_at=NOON,
        permissions_checked_at=NOON,
        may_withdraw=False,
        is_ip_restricted=True,
    )

    assert isinstance(intend(PositionFactory(account=account)), Order)


# --- money that is free ------------------------------------------------------------------------------------------


def rich(free, *, seconds_ago=30):
    return ExchangeAccountFactory(free_quote=Decimal(free), balance_read_at=NOON - timedelta(seconds=seconds_ago))


def test_money_is_reserved_from_the_moment_that_an_entry_is_written_down():
    account = rich(999)
    first = intend(PositionFactory(account=account))

    second = intend(PositionFactory(account=account))

    assert isinstance(first, Order)
    assert (second.code, second.limit, second.value) == (Code.BALANCE, "499", "500")


@pytest.mark.parametrize(
    ("order", "denied"),
    [
        # Tied up already when the balance was read.
        (
            {"status": "open", "type": "limit", "price": Decimal(50_000), "created_at": A_MINUTE_AGO},
            False,
        ),
        ({"status": "unknown", "created_at": A_MINUTE_AGO}, True),
        ({"status": "filled", "filled_quantity": Decimal("0.01"), "created_at": NOON - timedelta(seconds=9)}, True),
        ({"status": "filled", "filled_quantity": Decimal("0.01"), "created_at": A_MINUTE_AGO}, False),
        ({"status": "rejected", "created_at": NOON - timedelta(seconds=9)}, False),
    ],
)
def test_what_was_spent_since_the_balance_was_read_is_not_free(order, denied):
    account = rich(999)
    OrderFactory(position=PositionFactory(account=account), **SENT, **order)

    assert isinstance(intend(PositionFactory(account=account)), Denial) == denied


@pytest.mark.parametrize("why", ["too old", "sold since", "canceled since", "filled in part since"])
def test_a_balance_that_may_have_grown_denies_nothing_but_is_asked_for_and_without_an_answer_the_exchange_decides(why):
    account = rich(1, seconds_ago=121 if why == "too old" else 30)
    position = PositionFactory(account=account)
    if why == "sold since":
        PositionFactory(account=account, closed_at=NOON - timedelta(seconds=5))
    if why == "canceled since":
        OrderFactory(position=position, status="canceled", finished_at=NOON, created_at=A_MINUTE_AGO, **SENT)
    if why == "filled in part since":
        part = {"quantity": Decimal(1), "filled_quantity": Decimal("0.01")}
        OrderFactory(position=position, status="expired", finished_at=NOON, created_at=NOON, **part, **SENT)

    assert intend(position).code == Code.BALANCE_OLD
    assert isinstance(intend(position, balance_asked=True), Order)


def test_a_balance_that_was_never_read_denies_nothing():
    assert isinstance(intend(PositionFactory()), Order)


@pytest.mark.parametrize(("minutes", "goes"), [(14, True), (16, False)])
def test_an_old_balance_lets_go_what_is_within_it_for_a_while(minutes, goes):
    account = rich(1001, seconds_ago=60 * minutes)
    spent = OrderFactory(
        position=PositionFactory(account=account),
        status="filled",
        filled_quantity=Decimal("0.01"),
        created_at=NOON - timedelta(minutes=minutes) + timedelta(seconds=5),
        **SENT,
    )

    first, second = (intend(PositionFactory(account=account), key=key) for key in "ab")

    assert spent.quantity * 50_000 == 500
    assert isinstance(first, Order) == goes
    assert second.code == Code.BALANCE_OLD


# --- a strategy gone wrong ---------------------------------------------------------------------------------------


def history(position, count, *, minutes_ago, **values):
    for _ in range(count):
        moment = NOON - timedelta(minutes=minutes_ago)
        filled = {"status": "filled", "filled_quantity": Decimal("0.01")}
        OrderFactory(position=position, created_at=moment, **SENT, **filled | values)


def test_entries_are_counted_over_an_hour_and_from_the_moment_that_a_person_let_it_go_on():
    position = PositionFactory()
    history(position, 2, minutes_ago=30)
    history(position, 5, minutes_ago=61)
    history(position, 5, minutes_ago=30, status="rejected", filled_quantity=Decimal(0))

    allowed = intend(position, key="a", caps=Caps(per_hour=3))
    Order.objects.filter(pk=allowed.pk).update(status="filled", proof_deadline=NOON)
    denied = intend(position, key="b", caps=Caps(per_hour=3))
    looked_at = intend(position, key="b", caps=Caps(per_hour=3, counted_from=NOON - timedelta(minutes=29)))

    assert (denied.code, denied.limit, denied.value) == (Code.REPEATED_EXECUTION, "3", "4")
    assert isinstance(looked_at, Order)


def test_all_orders_of_a_bot_within_a_minute_count():
    position = PositionFactory()
    history(position, 1, minutes_ago=0.5)
    history(position, 1, minutes_ago=0.5, purpose="exit", side="SELL")

    assert intend(position, caps=Caps(per_minute=2)).code == Code.ORDERS_PER_MINUTE


# --- cost --------------------------------------------------------------------------------------------------------


def test_an_intent_costs_few_statements_whatever_its_account_holds(django_assert_num_queries):
    account = ExchangeAccountFactory()
    flat, held = PositionFactory(account=account), PositionFactory(account=account, quantity=Decimal("0.01"))
    for _ in range(5):
        history(PositionFactory(account=account, quantity=Decimal(1)), 3, minutes_ago=0)

    # BEGIN and COMMIT, then: owner's lock, position, switches, its orders, what is at stake, limits, the new order.
    with django_assert_num_queries(9):
        intend(flat)
    with django_assert_num_queries(6):
        intend(held, purpose=Order.Purpose.EXIT)


def test_limits_belong_to_one_account_or_one_user():
    account = ExchangeAccountFactory()

    for both_or_none in ({}, {"account": account, "user": account.owner}):
        with pytest.raises(IntegrityError, match="risk_limits_of_one"):
            bound(**both_or_none)

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from market import store
from market.exchange.types import OrderType, Quote
from market.rules import rules_of
from market.tests.factories import NOON, QUOTE, entry
from market.types import Side
from trades.checks import Caps, Code, Proposal, RiskCaps, Stake, first_denial
from trades.checks.market import PRICE_VALID_FOR
from trades.liquidation import Outlook

ONE = Decimal(1)
ACCOUNT = Stake("account", RiskCaps())
FINE = Proposal(
    is_entry=True,
    quantity=Decimal("0.01"),
    price=Decimal(50_000),
    rules=rules_of(entry()),
    account_state="active",
    account_cooling=False,
    orders_in_doubt=0,
    live_entries=0,
    position_open=False,
    exits_in_flight=Decimal(0),
    held=Decimal(0),
    same_act_real=False,
    attempts=0,
    max_attempts=3,
    max_notional=Decimal(1000),
    now=NOON,
    max_collar_percent=Decimal(5),
    max_slippage_percent=ONE,
    quote=QUOTE,
)
SOON_LIQUIDATED = Outlook(
    side=Side.BUY,
    quantity=Decimal("0.01"),
    price=Decimal(50_000),
    margin=Decimal(25),
    brackets=(),
    stop_percent=Decimal(6),
    least_percent=Decimal(10),
)
EXIT = replace(FINE, is_entry=False, side=Side.SELL, held=Decimal("0.01"), position_open=True, max_attempts=None)
LIMIT = replace(FINE, type=OrderType.LIMIT, order_price=Decimal(50_000))


def quoted(bid: str, ask: str) -> Quote:
    return Quote(Decimal(bid), ONE, Decimal(ask), ONE)


def staking(caps: RiskCaps, **figures: object) -> Proposal:
    """An entry worth 500 beside what is at stake already; the account itself is unbounded, its owner is not."""
    return replace(FINE, stakes=(ACCOUNT, Stake("user", caps, **figures)))


@pytest.mark.parametrize(
    "proposal",
    [
        FINE,
        EXIT,
        replace(EXIT, account_state="reducing"),
        replace(EXIT, quote=None),
        replace(LIMIT, quote=None),
        replace(EXIT, orders_in_doubt=1),
        replace(EXIT, exits_in_flight=Decimal("0.002"), held=Decimal("0.012")),  # there is enough for both
        replace(FINE, wanted_by=1, owner=1),
        replace(FINE, position_open=True, may_increase=True),
        replace(FINE, price_at=NOON - timedelta(seconds=10), signal_at=NOON - timedelta(seconds=90)),
        replace(LIMIT, order_price=Decimal(52_500)),
        replace(LIMIT, order_price=Decimal(30_000)),  # a patient limit is no slip of the hand
        replace(FINE, quote=quoted("49000", "50500")),
        replace(FINE, free_quote=Decimal(500)),
        replace(FINE, free_quote=Decimal(100), leverage=5, max_leverage=5),
        replace(FINE, caps=Caps(Decimal(500), per_minute=3, per_hour=3), orders_last_minute=2, entries_last_hour=2),
        staking(RiskCaps(Decimal(500), Decimal(1500), Decimal(900), 2, 3, 4), exposure=Decimal(1000), open_positions=1),
        # What bounds entries lets every exit go.
        replace(
            EXIT,
            key_trouble="refused",
            is_reconciled=False,
            clock_trouble="600 ms",
            price_at=NOON - timedelta(hours=1),
            signal_at=NOON - timedelta(hours=1),
            restricted=frozenset({"BTCUSDT"}),
            quote=quoted("1", "2"),
            free_quote=Decimal(0),
            max_notional=ONE,
            leverage=5,
            caps=Caps(ONE, per_minute=0, per_hour=0),
            stakes=(Stake("account", RiskCaps(ONE, ONE, ONE, 0, 0, 0)),),
        ),
        replace(EXIT, terms_trouble="hedge mode", outlook=SOON_LIQUIDATED),
    ],
)
def test_what_breaks_no_rule_may_go(proposal):
    assert first_denial(proposal) is None


@pytest.mark.parametrize(
    ("proposal", "code", "words"),
    [
        (replace(FINE, wanted_by=1, owner=2), Code.NOT_OWNER, "another user"),
        (replace(FINE, environment="live"), Code.ENVIRONMENT, "live is switched off here, paper is on"),
        (replace(FINE, environment="live", environments=("live",)), Code.ENVIRONMENT, "second consent"),
        (replace(FINE, account_state="halted"), Code.ACCOUNT_HALTED, "the account is halted: no orders"),
        (replace(EXIT, account_state="halted"), Code.ACCOUNT_HALTED, "no orders"),
        (replace(EXIT, account_state="halted", switched_by="user"), Code.USER_HALTED, "the user is halted"),
        (replace(EXIT, account_state="halted", switched_by="platform"), Code.PLATFORM_HALTED, "the platform is"),
        (replace(FINE, account_state="reducing"), Code.ACCOUNT_REDUCING, "exits only"),
        (replace(FINE, account_state="reducing", switched_by="user"), Code.USER_REDUCING, "exits only"),
        (replace(FINE, account_state="reducing", switched_by="platform"), Code.PLATFORM_REDUCING, "exits only"),
        (replace(EXIT, account_cooling=True), Code.ACCOUNT_COOLING, "silence"),
        (replace(FINE, orders_in_doubt=1), Code.ORDER_UNKNOWN, "no clear outcome"),
        (replace(FINE, live_entries=1), Code.ORDER_UNKNOWN, "still at work"),
        (replace(FINE, position_open=True), Code.ALREADY_OPEN, "open already"),
        (replace(FINE, position_open=True, may_increase=True, held=ONE), Code.ALREADY_OPEN, "1 is held on the other"),
        (replace(FINE, same_act_real=True), Code.ALREADY_DONE, "exists already"),
        (replace(FINE, attempts=3), Code.ATTEMPTS_USED_UP, "tried 3 times, 3 are allowed"),
        (replace(FINE, key_trouble="the key may withdraw"), Code.KEY_UNUSABLE, "may withdraw"),
        (replace(FINE, is_reconciled=False), Code.NOT_RECONCILED, "not been compared"),
        (replace(FINE, clock_trouble="600 ms ahead"), Code.CLOCK_OFF, "600 ms ahead"),
        (replace(FINE, price_at=NOON - timedelta(seconds=11)), Code.STALE_PRICE, "11 s old, at most 10 s"),
        (replace(FINE, signal_at=NOON - timedelta(seconds=91)), Code.STALE_SIGNAL, "91 s old, at most 90 s"),
        (replace(FINE, rules=replace(FINE.rules, status="BREAK")), Code.SYMBOL_NOT_TRADING, "BTCUSDT is BREAK"),
        (replace(EXIT, rules=replace(FINE.rules, status="BREAK")), Code.SYMBOL_NOT_TRADING, "BTCUSDT is BREAK"),
        (replace(FINE, restricted=frozenset({"BTCUSDT"})), Code.SYMBOL_RESTRICTED, "restricted list"),
        (
            replace(EXIT, protected=Decimal("0.002")),
            Code.WOULD_INCREASE,
            "beside 0.002 that rests already, 0.01 is held",
        ),
        (replace(EXIT, exits_in_flight=Decimal("0.00001")), Code.EXIT_IN_FLIGHT, "an exit of 0.00001 is under way"),
        (replace(EXIT, exits_in_flight=Decimal("0.002")), Code.EXIT_IN_FLIGHT, "an exit of 0.002 is under way"),
        (replace(EXIT, held=Decimal("0.009")), Code.WOULD_INCREASE, "exit of 0.01, 0.009 is held"),
        (replace(FINE, quantity=Decimal("0.00009")), Code.FILTER, "the minimum is 5 USDT, that is 0.0001 BTC"),
        (replace(LIMIT, order_price=Decimal(52_501)), Code.PRICE_COLLAR, "5.00 % above the price 50000, at most 5 %"),
        (
            replace(LIMIT, is_entry=False, held=ONE, side=Side.SELL, order_price=Decimal(47_000)),
            Code.PRICE_COLLAR,
            "6.00 % below",
        ),
        (replace(FINE, quote=quoted("49000", "50501")), Code.SLIPPAGE, "offers 50501, 1.00 % worse than 50000"),
        (replace(FINE, side=Side.SELL, quote=quoted("49000", "50001")), Code.SLIPPAGE, "2.00 % worse"),
        (replace(FINE, quote=quoted("49000", "0")), Code.SLIPPAGE, "offers nothing"),
        (replace(FINE, quote=None), Code.NO_QUOTE, "nobody has asked"),
        (replace(FINE, terms_trouble="hedge mode"), Code.TERMS, "hedge mode"),
        (replace(FINE, outlook=SOON_LIQUIDATED), Code.LIQUIDATION, "would be 5.00 % away; with the stop 6 % away"),
        (replace(FINE, quantity=Decimal("0.03")), Code.NOTIONAL_CAP, "worth 1500.00 USDT, the platform's cap is 1000"),
        (replace(FINE, caps=Caps(Decimal(499))), Code.NOTIONAL_CAP, "the bot's cap is 499"),
        (staking(RiskCaps(max_order_notional=Decimal(499))), Code.NOTIONAL_CAP, "the user's cap is 499"),
        (replace(FINE, leverage=2), Code.LEVERAGE, "leverage 2, at most 1"),
        (replace(FINE, caps=Caps(per_minute=2), orders_last_minute=2), Code.ORDERS_PER_MINUTE, "3 orders of the bot"),
        (
            staking(RiskCaps(max_orders_per_minute=4), orders_last_minute=4),
            Code.ORDERS_PER_MINUTE,
            "5 orders of the user within a minute, at most 4",
        ),
        (
            staking(RiskCaps(max_daily_loss=Decimal(30)), lost_today=Decimal(30)),
            Code.DAILY_LOSS,
            "the user has lost 30.00 USDT today, the limit is 30",
        ),
        (
            replace(FINE, caps=Caps(per_hour=2), entries_last_hour=2),
            Code.REPEATED_EXECUTION,
            "3 entries within an hour",
        ),
        (
            staking(RiskCaps(max_open_positions=2), open_positions=2),
            Code.OPEN_POSITIONS,
            "3 open positions of the user",
        ),
        (staking(RiskCaps(max_open_orders=3), open_orders=3), Code.OPEN_ORDERS, "4 open orders of the user, at most 3"),
        (
            staking(RiskCaps(max_exposure=Decimal(1499)), exposure=Decimal(1000)),
            Code.EXPOSURE,
            "1500.00 USDT would be at stake on the user, at most 1499",
        ),
        (
            staking(RiskCaps(max_symbol_exposure=Decimal(1499)), symbol_exposure=Decimal(1000)),
            Code.SYMBOL_EXPOSURE,
            "1500.00 USDT of the user would be at stake in BTCUSDT, at most 1499",
        ),
        (replace(FINE, free_quote=Decimal("499.99")), Code.BALANCE, "500.00 USDT needed, 499.99 USDT free"),
        (replace(FINE, free_quote=Decimal(900), reserved_quote=Decimal(401)), Code.BALANCE, "499.00 USDT free after"),
    ],
)
def test_a_denial_names_its_code_the_value_and_the_bound(proposal, code, words):
    denial = first_denial(proposal)

    assert denial is not None
    assert denial.code == code
    assert words in denial.detail


@pytest.mark.parametrize(
    ("proposal", "limit", "value"),
    [
        (replace(FINE, quantity=Decimal("0.03")), "1000", "1500"),
        (replace(FINE, price_at=NOON - timedelta(seconds=11)), "10 s", "11 s"),
        (replace(FINE, account_state="halted"), "active", "halted"),
        (staking(RiskCaps(max_open_orders=3), open_orders=3), "3", "4"),
        (replace(LIMIT, order_price=Decimal(53_000)), "5 %", "6.00 %"),
        (replace(FINE, quantity=Decimal("0.00009")), "NOTIONAL", "0.00009 at 50000"),
    ],
)
def test_limit_and_value_can_be_read_apart_from_the_sentence(proposal, limit, value):
    denial = first_denial(proposal)

    assert (denial.limit, denial.value) == (limit, value)


def test_a_position_that_is_open_already_is_added_to_without_becoming_one_more():
    proposal = staking(RiskCaps(max_open_positions=1), open_positions=1)

    assert first_denial(replace(proposal, position_open=True, may_increase=True)) is None


def test_one_that_waits_for_a_price_that_a_killed_process_was_to_bring_may_still_enter_with_it():
    assert timedelta(seconds=store.TAKE_OVER_SECONDS) <= PRICE_VALID_FOR / 2

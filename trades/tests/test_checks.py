from dataclasses import replace
from decimal import Decimal

import pytest

from market.rules import rules_of
from market.tests.factories import entry
from market.types import Side
from trades.checks import Code, Proposal, first_denial
from trades.liquidation import Outlook

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
EXIT = replace(FINE, is_entry=False, held=Decimal("0.01"), position_open=True, max_attempts=None)


@pytest.mark.parametrize(
    "proposal",
    [
        FINE,
        EXIT,
        replace(EXIT, account_state="reducing"),
        replace(EXIT, orders_in_doubt=1),
        replace(EXIT, terms_trouble="hedge mode", outlook=SOON_LIQUIDATED),
    ],
)
def test_what_breaks_no_rule_may_go(proposal):
    assert first_denial(proposal) is None


@pytest.mark.parametrize(
    ("proposal", "code", "words"),
    [
        (replace(FINE, account_state="halted"), Code.ACCOUNT_HALTED, "no orders"),
        (replace(EXIT, account_state="halted"), Code.ACCOUNT_HALTED, "no orders"),
        (replace(FINE, account_state="reducing"), Code.ACCOUNT_REDUCING, "exits only"),
        (replace(EXIT, account_cooling=True), Code.ACCOUNT_COOLING, "silence"),
        (replace(FINE, orders_in_doubt=1), Code.ORDER_UNKNOWN, "no clear outcome"),
        (replace(FINE, live_entries=1), Code.ORDER_UNKNOWN, "no clear outcome"),
        (replace(FINE, position_open=True), Code.ALREADY_OPEN, "open already"),
        (replace(FINE, same_act_real=True), Code.ALREADY_DONE, "exists already"),
        (replace(FINE, attempts=3), Code.ATTEMPTS_USED_UP, "tried 3 times, 3 are allowed"),
        (replace(FINE, rules=replace(FINE.rules, status="BREAK")), Code.SYMBOL_NOT_TRADING, "BTCUSDT is BREAK"),
        (replace(EXIT, exits_in_flight=Decimal("0.002")), Code.EXIT_IN_FLIGHT, "an exit of 0.002 is under way"),
        (replace(EXIT, held=Decimal("0.009")), Code.WOULD_INCREASE, "exit of 0.01, 0.009 is held"),
        (replace(FINE, quantity=Decimal("0.00009")), Code.FILTER, "the minimum is 5 USDT, that is 0.0001 BTC"),
        (replace(FINE, terms_trouble="hedge mode"), Code.TERMS, "hedge mode"),
        (replace(FINE, outlook=SOON_LIQUIDATED), Code.LIQUIDATION, "would be 5.00 % away; with the stop 6 % away"),
        (replace(FINE, quantity=Decimal("0.03")), Code.NOTIONAL_CAP, "worth 1500.00 USDT, the platform's cap is 1000"),
    ],
)
def test_a_denial_names_its_code_the_value_and_the_bound(proposal, code, words):
    denial = first_denial(proposal)

    assert denial is not None
    assert denial.code == code
    assert words in denial.detail

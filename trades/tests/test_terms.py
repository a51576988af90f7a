"""A futures entry is written down only on terms that the exchange has confirmed."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from market.exchange.errors import OrderRejected
from market.models import ExchangeAccount
from market.rules import rules_of
from market.tests.factories import NOON, QUOTE, ExchangeAccountFactory, entry
from market.types import Side
from trades.checks import Code
from trades.liquidation import Terms
from trades.models import Order, TermsInForce
from trades.models.terms import ASK_AGAIN_AFTER
from trades.services import Intent, intend_order, submit_order
from trades.tests.factories import OrderFactory, PositionFactory
from trades.tests.gateways import FakeGateway

pytestmark = pytest.mark.django_db(transaction=True)
TERMS = Terms(leverage=5, is_isolated=True, backing=Decimal(1000), stop_percent=Decimal(2))
ENTRY = Intent(
    Order.Purpose.ENTRY, Side.BUY, Decimal("0.01"), Decimal(50_000), "entry:1", "a test", terms=TERMS, quote=QUOTE
)


@pytest.fixture
def position():
    return PositionFactory(account=ExchangeAccountFactory(market="futures"))


def agreed(position, **changes):
    values = {"leverage": 5, "is_isolated": True, "brackets": [["0.004", "0"]], "asked_at": NOON}
    values["key_mark"] = position.account.key_mark
    return TermsInForce.objects.create(position=position, **values | changes)


def intended(position, intent=ENTRY):
    with transaction.atomic():
        return intend_order(position.pk, intent, rules=rules_of(entry()), now=NOON)


def test_an_entry_on_confirmed_terms_is_written_down(position):
    agreed(position)

    assert intended(position).status == "intended"


@pytest.mark.parametrize(
    ("known", "terms", "words"),
    [
        (None, TERMS, "the exchange has not confirmed leverage 5 and isolated margin yet"),
        ({"asked_at": None}, TERMS, "the exchange has not confirmed leverage 5 and isolated margin yet"),
        ({"key_mark": "another key"}, TERMS, "the exchange has not confirmed leverage 5 and isolated margin yet"),
        ({}, None, "a futures entry has to say on which leverage and margin type it counts"),
        ({"problem": "hedge mode"}, TERMS, "hedge mode"),
        (
            {"leverage": 20, "is_isolated": False},
            TERMS,
            "the exchange has leverage 20 and crossed margin, the entry wants leverage 5 and isolated margin",
        ),
    ],
)
def test_an_entry_on_other_terms_is_denied_and_reserves_nothing(position, known, terms, words):
    if known is not None:
        agreed(position, **known)

    denial = intended(position, replace(ENTRY, terms=terms))

    assert (denial.code, denial.detail) == (Code.TERMS, words)
    assert not Order.objects.exists()


def test_an_exit_and_spot_need_no_terms(position):
    leaving = replace(ENTRY, purpose=Order.Purpose.EXIT, side=Side.SELL, terms=None)
    position.quantity = Decimal("0.01")
    position.save()

    assert intended(position, leaving).reduce_only
    assert intended(PositionFactory(), replace(ENTRY, terms=None)).status == "intended"


@pytest.mark.parametrize(
    ("is_isolated", "backing", "denied"),
    [(True, 1000, True), (False, 1000, False), (False, 60, True)],
)
def test_isolated_an_entrys_own_margin_counts_and_crossed_the_capital_behind_it(position, is_isolated, backing, denied):
    agreed(position, leverage=10, is_isolated=is_isolated)
    terms = Terms(leverage=10, is_isolated=is_isolated, backing=Decimal(backing), stop_percent=Decimal(12))

    made = intended(position, replace(ENTRY, terms=terms))

    assert (getattr(made, "code", None) == Code.LIQUIDATION) is denied


@pytest.mark.parametrize(
    ("code", "asked_anew", "reconciled"),
    [(-4061, True, True), (-2027, True, True), (-2019, False, True), (-2022, False, False)],
)
def test_a_refusal_says_what_we_no_longer_know(position, code, asked_anew, reconciled):
    agreed(position)
    ExchangeAccount.objects.update(reconciled_at=NOON)
    order = OrderFactory(position=position)

    submit_order(order, gateway=FakeGateway(answer=OrderRejected("no", code=code)), now=NOON)

    assert (TermsInForce.objects.get().asked_at is None) is asked_anew
    assert (ExchangeAccount.objects.get().reconciled_at is not None) is reconciled


def test_on_spot_the_same_number_means_something_else():
    ExchangeAccountFactory()
    order = OrderFactory()
    ExchangeAccount.objects.update(reconciled_at=NOON)

    submit_order(order, gateway=FakeGateway(answer=OrderRejected("no", code=-2022)), now=NOON)

    assert not ExchangeAccount.objects.filter(reconciled_at=None).exists()


def test_what_stood_in_the_way_counts_for_a_while(position):
    terms = agreed(position, problem="hedge mode")

    assert terms.trouble(position.account, NOON) == "hedge mode"
    assert terms.trouble(position.account, NOON + ASK_AGAIN_AFTER - timedelta(seconds=1)) == "hedge mode"
    assert terms.trouble(position.account, NOON + ASK_AGAIN_AFTER) == ""

"""A futures symbol of an account is a bot's or the hand's, never both: the exchange nets them, at one leverage."""

from dataclasses import replace
from decimal import Decimal
from threading import Thread

import pytest
from django.db import connection
from django.utils import timezone

from bots.models import BotConfig, BotState, Decision
from bots.tests.factories import BotFactory
from bots.tests.futures import at_the_exchange, position_of, run, setup_of
from market.exchange import gateway_for
from market.exchange.errors import ExchangeUnavailable
from market.tests.factories import ExchangeAccountFactory
from market.types import OrderType, Side
from trades import services
from trades.checks import Code
from trades.models import Order, Position, TermsInForce
from trades.services import HandOrder, OrderDenied, agree_on_terms, cancel_order, place_order
from trades.services.hands import Terms
from trades.tests.factories import PositionFactory

pytestmark = pytest.mark.django_db(transaction=True)
BUY = HandOrder("BTCUSDT", Side.BUY, Decimal("0.01"), leverage=8)
SELL = replace(BUY, side=Side.SELL)
LOW = replace(BUY, type=OrderType.LIMIT, price=Decimal(49_000))


def place(account, wanted, key="a"):
    return place_order(account.owner, account, wanted, key=key, now=timezone.now())


def refused(account, wanted):
    with pytest.raises(OrderDenied) as denied:
        place(account, wanted)
    return denied.value.denial


@pytest.fixture
def account(paper, futures_price_is):
    """A futures account without a bot, while BTC stands at 50,000."""
    futures_price_is(50_000)
    key = paper.open_account(futures={"USDT": "10000"})
    return ExchangeAccountFactory(market="futures", api_key=key["api_key"], api_secret=key["api_secret"])


def bot_on(account, **changes):
    return BotFactory(account=account, strategy="buying", leverage=5, stop_loss_percent=Decimal(2), **changes)


@pytest.mark.parametrize("wanted", [BUY, SELL])
@pytest.mark.parametrize("holds", [True, False])
def test_the_hand_enters_no_symbol_that_a_bot_trades_and_leaves_its_leverage_alone(account, strategies, holds, wanted):
    bot = bot_on(account)
    run(bot)
    if not holds:
        Position.objects.update(quantity=0)
    before = at_the_exchange(bot)

    denial = refused(account, wanted)

    assert denial.code == Code.SYMBOL_TAKEN
    assert "a bot of this account trades BTCUSDT" in denial.detail
    assert (setup_of(bot), at_the_exchange(bot)) == ((5, True), before)
    assert not Order.objects.filter(position__by_hand=True).exists()
    assert TermsInForce.objects.get().are(bot.account, leverage=5, is_isolated=True)


def test_a_bot_that_was_deleted_is_in_nobodys_way(account):
    bot_on(account)
    BotConfig.objects.all().delete()

    assert place(account, BUY).status == "filled"


def test_another_symbol_of_the_account_is_the_hands(account):
    bot_on(account, symbol="ETHUSDT")

    assert place(account, BUY).status == "filled"


def agreed(bot):
    """As if the exchange had confirmed the bot's terms before the hand came."""
    known = {"leverage": 5, "is_isolated": True, "asked_at": timezone.now(), "key_mark": bot.account.key_mark}
    TermsInForce.objects.update_or_create(position=bot.position, defaults=known | {"brackets": [["0.004", "0"]]})


@pytest.mark.parametrize("how", ["held", "ordered"])
def test_a_bot_enters_no_symbol_that_the_hand_is_in_until_that_is_closed(account, strategies, how):
    mine = place(account, BUY if how == "held" else LOW)
    bot = bot_on(account)
    agreed(bot)

    run(bot)

    state, decision = BotState.objects.get(), Decision.objects.get()
    assert (state.status, decision.denial_code) == ("waiting", Code.SYMBOL_TAKEN)
    assert "by hand on this account" in state.message
    assert not Order.objects.filter(position=bot.position).exists()
    if how == "held":
        assert place(account, SELL, key="b").purpose == "exit"  # leaving is never denied
    else:
        cancel_order(mine, gateway=gateway_for(account), now=timezone.now())
    TermsInForce.objects.filter(position=bot.position).delete()
    run(bot)
    assert position_of(bot).quantity > 0


def test_who_changes_the_terms_of_a_symbol_makes_the_others_ask_anew(account):
    mine, other = PositionFactory(account=account), PositionFactory(account=account, by_hand=True)
    elsewhere = PositionFactory(account=account, symbol="ETHUSDT")
    gateway, now = gateway_for(account), timezone.now()
    for position, leverage in ((elsewhere, 3), (other, 7), (mine, 9)):
        terms = Terms(leverage, is_isolated=True, backing=Decimal(1000), stop_percent=None)
        agree_on_terms(position, terms, gateway=gateway, key_mark=account.key_mark, now=now)

    known = {row.position: (row.leverage, row.asked_at is not None) for row in TermsInForce.objects.all()}
    assert known == {elsewhere: (3, True), other: (7, False), mine: (9, True)}


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT"])
def test_the_terms_of_a_symbol_are_agreed_on_for_one_at_a_time(account, monkeypatch, symbol):
    mine, other = PositionFactory(account=account), PositionFactory(account=account, by_hand=True, symbol=symbol)
    terms = Terms(7, is_isolated=True, backing=Decimal(1000), stop_percent=None)
    bring_about, said = services.terms._brought_about, []

    def agree(position):
        gateway, now = gateway_for(account), timezone.now()
        agree_on_terms(position, terms, gateway=gateway, key_mark=account.key_mark, now=now)

    def come_between():
        try:
            agree(other)
            said.append("agreed")
        except ExchangeUnavailable as error:
            said.append(str(error))
        finally:
            connection.close()

    def bring_about_slowly(*args):
        monkeypatch.setattr(services.terms, "_brought_about", bring_about)
        thread = Thread(target=come_between)
        thread.start()
        thread.join(20)
        return bring_about(*args)

    monkeypatch.setattr(services.terms, "_brought_about", bring_about_slowly)
    agree(mine)

    busy = "the terms of BTCUSDT are being agreed on for somebody else just now"
    assert said == [busy if symbol == "BTCUSDT" else "agreed"]
    assert TermsInForce.objects.count() == (1 if symbol == "BTCUSDT" else 2)


@pytest.mark.parametrize("how", ["held", "ordered"])
def test_terms_are_not_changed_under_somebody_elses_position_or_order(account, strategies, how):
    place(account, BUY if how == "held" else LOW)
    bot = bot_on(account)

    run(bot)

    assert setup_of(bot) == (8, True)
    state = BotState.objects.get()
    if state.status == "pending":
        run(bot)
        state = BotState.objects.get()
    assert (state.status, state.reason) == ("error", "futures terms not in force")
    assert "by another bot or by hand" in state.message
    hands = TermsInForce.objects.get(position__by_hand=True)
    assert hands.are(account, leverage=8, is_isolated=True)

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from market.exchange.errors import OrderRejected, OutcomeUnknown, PermissionDenied, RateLimited
from market.models import ExchangeAccount
from market.rules import rules_of
from market.tests.factories import NOON, QUOTE, entry
from market.types import OrderType, Side
from trades.checks import Code, Denial
from trades.lifecycle import LIVE, MOVES, OrderStatus
from trades.models import Event, Order
from trades.services import Intent, exit_key, intend_order, submit_order, take_back_unsent
from trades.tests.factories import FillFactory, OrderFactory, PositionFactory
from trades.tests.gateways import FakeGateway, fill_report, order_report

pytestmark = pytest.mark.django_db(transaction=True)
RULES = rules_of(entry())


def buy(key: str = "entry:a", quantity: str = "0.01") -> Intent:
    return Intent(Order.Purpose.ENTRY, Side.BUY, Decimal(quantity), Decimal(50_000), key, "it looks good", quote=QUOTE)


def sell(key: str, quantity: str = "0.01") -> Intent:
    return Intent(Order.Purpose.EXIT, Side.SELL, Decimal(quantity), Decimal(50_000), key, "enough")


def intend(position, intent, *, now=NOON):
    with transaction.atomic():
        return intend_order(position.pk, intent, rules=RULES, now=now)


def test_an_intended_order_is_written_down_before_anything_is_sent():
    order = intend(PositionFactory(), buy())

    saved = Order.objects.get()
    assert saved == order
    assert (saved.status, saved.quantity, saved.side) == ("intended", Decimal("0.01"), "BUY")
    assert saved.client_order_id.startswith(f"tb-{saved.position_id}-")
    assert len(saved.client_order_id) <= 36


def test_one_signal_makes_one_order_however_often_it_is_delivered():
    position = PositionFactory()
    order = intend(position, buy())
    submit_order(order, gateway=FakeGateway(), now=NOON)

    again = intend(position, buy())

    assert isinstance(again, Denial)
    assert again.code == Code.ALREADY_DONE
    assert Order.objects.count() == 1


def test_a_clear_no_frees_the_signal_for_three_attempts_in_all():
    position = PositionFactory()
    gateway = FakeGateway(answer=OrderRejected("no", code=-2010))

    attempts = []
    for _ in range(3):
        order = intend(position, buy())
        submit_order(order, gateway=gateway, now=NOON)
        attempts.append(order.attempt)
    fourth = intend(position, buy())

    assert attempts == [1, 2, 3]
    assert fourth.code == Code.ATTEMPTS_USED_UP


def test_the_database_itself_refuses_a_second_live_entry_of_a_position():
    first = OrderFactory()

    with pytest.raises(IntegrityError, match="order_one_live_entry_per_position"):
        OrderFactory(position=first.position)


def test_the_database_itself_refuses_a_second_real_order_for_one_signal():
    filled = OrderFactory(status="filled", filled_quantity=Decimal("0.01"), proof_deadline=NOON)

    with pytest.raises(IntegrityError, match="order_signal_key_unique_among_real"):
        OrderFactory(position=filled.position, signal_key=filled.signal_key)


def test_the_database_itself_refuses_more_filled_than_ordered():
    with pytest.raises(IntegrityError, match="order_not_overfilled"):
        OrderFactory(filled_quantity=Decimal("0.02"))


def test_an_order_is_sent_once_whoever_tries_again():
    order = OrderFactory()
    same = Order.objects.get(pk=order.pk)
    gateway = FakeGateway()

    submit_order(order, gateway=gateway, now=NOON)
    submit_order(same, gateway=gateway, now=NOON)

    assert len(gateway.sent) == 1


def test_an_order_without_a_clear_answer_stays_live_and_is_not_sent_again():
    order = OrderFactory()
    gateway = FakeGateway(answer=OutcomeUnknown("read timeout"))

    submit_order(order, gateway=gateway, now=NOON)
    submit_order(Order.objects.get(pk=order.pk), gateway=gateway, now=NOON)

    assert order.status == Order.Status.UNKNOWN
    assert order in Order.objects.live()
    assert len(gateway.sent) == 1


def test_a_rejected_order_is_finished_with_its_code_in_the_news():
    order = OrderFactory()

    submit_order(order, gateway=FakeGateway(answer=OrderRejected("insufficient balance", code=-2010)), now=NOON)

    order.refresh_from_db()
    assert order.status == "rejected"
    assert order.finished_at >= NOON
    event = Event.objects.get()
    assert (event.kind, event.data, event.order) == ("order_rejected", {"code": -2010}, order)


def test_a_rate_limit_silences_the_account_until_it_has_passed():
    order = OrderFactory()
    limit = RateLimited("slow down", code=-1003, retry_after=timedelta(seconds=30))

    submit_order(order, gateway=FakeGateway(answer=limit), now=NOON)

    account = ExchangeAccount.objects.get()
    assert account.is_cooling(NOON + timedelta(seconds=29))
    assert not account.is_cooling(NOON + timedelta(seconds=40))


def test_a_refused_key_is_remembered_at_the_account():
    order = OrderFactory()

    submit_order(order, gateway=FakeGateway(answer=PermissionDenied("Invalid API-key", code=-2015)), now=NOON)

    account = ExchangeAccount.objects.get()
    assert account.key_error == "Invalid API-key (-2015)"
    event = Event.objects.get(kind="key_refused")
    assert (event.account, event.message.endswith("refuses its key: Invalid API-key (-2015)")) == (account, True)


def test_a_key_that_is_refused_again_is_no_news():
    position = PositionFactory()
    for text in ("Invalid API-key", "Invalid API-key", "it is not for this address"):
        refusal = PermissionDenied(text, code=-2015)
        submit_order(OrderFactory(position=position), gateway=FakeGateway(answer=refusal), now=NOON)

    assert Event.objects.filter(kind="key_refused").count() == 1
    assert ExchangeAccount.objects.get().key_error == "it is not for this address (-2015)"


@pytest.mark.parametrize(("state", "sent"), [("active", 1), ("reducing", 0), ("halted", 0)])
def test_the_kill_switch_stops_an_entry_that_is_already_written_down(state, sent):
    order = OrderFactory()
    ExchangeAccount.objects.update(state=state)
    gateway = FakeGateway()

    submit_order(order, gateway=gateway, now=NOON)

    assert len(gateway.sent) == sent
    assert sent or Order.objects.get().status == "canceled"


def test_an_account_that_is_reducing_still_lets_an_exit_go():
    entry_fill = FillFactory(order__status="filled", order__filled_quantity=Decimal("0.01"), order__proof_deadline=NOON)
    position = entry_fill.order.position
    position.quantity = Decimal("0.01")
    position.save()
    ExchangeAccount.objects.update(state="reducing")
    order = intend(position, sell("exit:1:stop_loss:0"))
    gateway = FakeGateway()

    submit_order(order, gateway=gateway, now=NOON)

    assert len(gateway.sent) == 1


def test_an_entry_that_was_taken_back_is_not_sent():
    order = OrderFactory()
    take_back_unsent(order.position_id, signal_exits=False, now=NOON)
    gateway = FakeGateway()

    submit_order(order, gateway=gateway, now=NOON)

    assert gateway.sent == []
    assert Order.objects.get().status == "canceled"


def test_a_second_exit_waits_for_the_first():
    position = PositionFactory(quantity=Decimal("0.01"), round=1)
    intend(position, sell("exit:1:stop_loss:0"))

    second = intend(position, sell("exit:1:signal:0"))

    assert second.code == Code.EXIT_IN_FLIGHT


def test_what_an_exit_left_over_may_leave_once_more():
    position = PositionFactory(quantity=Decimal("0.02"), round=1)
    first_key = exit_key(position, "stop_loss")
    order = intend(position, sell(first_key, "0.02"))
    part = order_report(fill_report(quantity="0.01"), status="expired")
    submit_order(order, gateway=FakeGateway(answer=part), now=NOON)

    position.refresh_from_db()
    second_key = exit_key(position, "stop_loss")

    assert (first_key, second_key) == ("exit:1:stop_loss:0", "exit:1:stop_loss:1")
    assert isinstance(intend(position, sell(second_key, "0.01")), Order)


@pytest.mark.parametrize(
    ("key", "is_a_signals"),
    [
        ("exit:1:signal:0", True),
        ("reduce:grid@1:BTCUSDT:20261121T1200:SELL:0", True),
        ("exit:1:stop_loss:0", False),
        ("exit:1:flatten:0", False),
    ],
)
def test_who_stops_takes_back_the_exits_that_only_the_strategy_wanted(key, is_a_signals):
    order = OrderFactory(purpose="exit", side="SELL", signal_key=key)

    kept = take_back_unsent(order.position_id, signal_exits=False, now=NOON)
    taken = take_back_unsent(order.position_id, signal_exits=True, now=NOON)

    assert (kept, taken) == (0, is_a_signals)


def test_no_transaction_is_open_while_the_exchange_is_asked():
    class Watching(FakeGateway):
        def submit(self, request):
            assert not transaction.get_connection().in_atomic_block
            return super().submit(request)

    gateway = Watching()
    submit_order(OrderFactory(), gateway=gateway, now=NOON)

    assert len(gateway.sent) == 1


def test_no_move_leads_from_an_end_back_to_life_but_late_births():
    back_to_life = {(before, after) for before, after in MOVES if before not in LIVE and after in LIVE}

    assert back_to_life == {(OrderStatus.ABSENT, OrderStatus.OPEN)}


def test_every_status_can_be_left_or_is_an_end():
    left = {before for before, _ in MOVES}

    assert set(OrderStatus) - left == {OrderStatus.FILLED, OrderStatus.EXPIRED, OrderStatus.REJECTED}


@pytest.mark.parametrize("status", ["intended", "submitted", "unknown", "open"])
def test_on_spot_an_exit_waits_for_the_stop_that_could_sell_the_same_coins(status):
    position = PositionFactory(quantity=Decimal("0.01"), round=1)
    stop = {"purpose": "protection", "side": "SELL", "type": "stop", "price": Decimal(49_000)}
    OrderFactory(position=position, status=status, proof_deadline=NOON, **stop)

    assert intend(position, sell("exit:1:signal:0")).code == Code.EXIT_IN_FLIGHT


def test_on_spot_no_two_stops_protect_the_same_coins():
    position = PositionFactory(quantity=Decimal("0.01"), round=1)
    stop = {"purpose": "protection", "side": "SELL", "type": "stop", "price": Decimal(49_000)}
    OrderFactory(position=position, status="open", proof_deadline=NOON, quantity=Decimal("0.006"), **stop)
    another = replace(
        sell("protect:1:1:stop:0", "0.005"),
        purpose=Order.Purpose.PROTECTION,
        type=OrderType.STOP,
        order_price=Decimal(49_000),
    )

    assert intend(position, another).code == Code.WOULD_INCREASE
    assert isinstance(intend(position, replace(another, quantity=Decimal("0.004"))), Order)


def test_a_limit_order_without_a_price_is_no_row(db):
    with pytest.raises(IntegrityError, match="order_price_where_its_type_has_one"):
        OrderFactory(type="limit", price=None)

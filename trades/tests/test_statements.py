"""Statements that are written once do what the ORM's own do."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from market.ready import Ready
from market.tests.factories import NOON
from market.writing import insert_all, update_where
from trades.models import Event, Fill, Order, Position
from trades.tests.factories import FillFactory, OrderFactory, PositionFactory

pytestmark = pytest.mark.django_db(transaction=True)
KINDS = (int, type(NOON))


def fields_of(row):
    """All values of a row; of a secret what is stored."""
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {name: getattr(value, "token", value) for name, value in values.items()}


def test_a_row_is_what_the_orm_reads_with_all_that_belongs_to_it(django_assert_num_queries):
    made = PositionFactory(quantity=Decimal("1.5"), opened_at=NOON, bookmark={"newest": [1, 2]})
    positions = Position.objects.select_related("account", "terms")

    found = Ready(lambda pk: positions.filter(pk=pk), int).get(made.pk)

    expected = positions.get(pk=made.pk)
    assert found == expected
    assert fields_of(found) == fields_of(expected)
    with django_assert_num_queries(0):
        assert fields_of(found.account) == fields_of(expected.account)
        assert getattr(found, "terms", None) is None
    assert not found._state.adding


def test_each_call_is_about_its_own_arguments():
    newer = Ready(lambda position, since: Order.objects.filter(position=position, created_at__gt=since), *KINDS)
    old = OrderFactory(status="canceled")
    new = OrderFactory(position=old.position, created_at=NOON + timedelta(hours=1))
    other = OrderFactory()

    before = NOON - timedelta(hours=1)
    assert set(newer(old.position_id, before)) == {old, new}
    assert newer(old.position_id, NOON) == [new]
    assert newer(other.position_id, before) == [other]
    assert newer(0, before) == []


def test_who_asks_for_one_that_is_not_there_hears_it_from_the_model():
    with pytest.raises(Order.DoesNotExist):
        Ready(lambda pk: Order.objects.filter(pk=pk), int).get(1)


def test_a_query_that_has_no_place_for_an_argument_is_a_bug():
    with pytest.raises(AssertionError, match="an argument is not in the statement"):
        Ready(lambda pk: Order.objects.all(), int)(1)


def test_a_lock_is_taken_and_only_in_a_transaction():
    order = OrderFactory()
    locked = Ready(lambda pk: Order.objects.select_for_update().filter(pk=pk), int)
    with transaction.atomic():
        assert locked.get(order.pk) == order
        assert is_locked(order)

    with pytest.raises(AssertionError, match="a lock ends with its transaction"):
        locked.get(order.pk)


def is_locked(order):
    """What another session finds."""
    found = []

    def look():
        try:
            with transaction.atomic():
                found.append(not Order.objects.select_for_update(skip_locked=True).filter(pk=order.pk))
        finally:
            connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found[0]


def test_what_is_saved_is_what_is_read_back():
    order = OrderFactory(reference_price=Decimal("0.000000000000000001"), finished_at=NOON, reason="it's 100 %s")

    order.status, order.filled_quantity, order.finished_at = Order.Status.CANCELED, Decimal("0.005"), None
    order.save()

    saved = Order.objects.get()
    assert fields_of(saved) == fields_of(order)
    assert (saved.status, saved.finished_at, saved.reference_price) == ("canceled", None, Decimal("1e-18"))


def test_only_the_named_fields_are_saved():
    order = OrderFactory()

    order.status, order.reason = Order.Status.CANCELED, "another"
    order.save(update_fields=["status"])

    assert (Order.objects.get().status, Order.objects.get().reason) == ("canceled", "a test wants it")


def test_an_expression_is_computed_by_the_database():
    position = PositionFactory(round=4)

    position.round = F("round") + 1
    position.save()

    assert Position.objects.get().round == 5


def test_a_row_that_is_gone_is_no_success():
    order = OrderFactory()
    Order.objects.all().delete()

    with pytest.raises(DatabaseError):
        order.save(update_fields=["status"])


def test_several_rows_are_inserted_at_once_and_know_their_ids(django_assert_num_queries):
    order = OrderFactory()
    fills = FillFactory.build_batch(3, order=order)

    with django_assert_num_queries(1):
        insert_all(fills)

    assert [fill.pk for fill in fills] == list(Fill.objects.order_by("pk").values_list("pk", flat=True))
    assert not any(fill._state.adding for fill in fills)
    assert [fields_of(fill) for fill in Fill.objects.order_by("pk")] == [fields_of(fill) for fill in fills]


def test_nothing_to_insert_is_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        insert_all([])


def test_json_and_empty_fields_are_inserted_too():
    insert_all([Event(kind=Event.Kind.ORDER_FILLED, message="m", data={"price": "1.0"}, created_at=NOON)])

    event = Event.objects.get()
    assert (event.data, event.position_id, event.kind) == ({"price": "1.0"}, None, Event.Kind.ORDER_FILLED)


def test_rows_are_changed_where_all_conditions_hold():
    order, other = OrderFactory(), OrderFactory()

    moved = [update_where(Order, {"id": order.pk, "status": "intended"}, {"status": "canceled"}) for _ in range(2)]

    assert moved == [1, 0]
    assert (Order.objects.get(pk=order.pk).status, Order.objects.get(pk=other.pk).status) == ("canceled", "intended")

"""`manage.py db_monitor` on the real database: what it counts, and that each probe finds what it is there for."""

from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from django.db import InternalError, connection, transaction
from django.utils import timezone

from bots.models import BotState
from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory
from ops.monitor import looking
from ops.monitor.probes import PROBES, probed
from ops.monitor.reading import snapshot
from ops.monitor.server import shown
from ops.tests.commands.asking import run, run_json
from trades.models import Event, Order, OrderByHand
from trades.tests.factories import FillFactory, OrderFactory, PositionFactory, TradeFactory

pytestmark = pytest.mark.django_db(transaction=True)


def counts(found):
    return {probe["name"]: probe["count"] for probe in found["probes"]}


def booked(**changes):
    """An order with its fill, its trade and a position that they make; what is named is otherwise."""
    now = timezone.now()
    held = Decimal("0.01")
    position = BotFactory().position
    order = OrderFactory(
        position=position, status="filled", filled_quantity=held, proof_deadline=now, created_at=now, finished_at=now
    )
    FillFactory(order=order, executed_at=now)
    if changes.pop("trade", True):
        TradeFactory(order=order, created_at=now)
    type(position).objects.filter(pk=position.pk).update(**{"quantity": held} | changes)
    return order


def test_a_database_whose_rows_fit_is_well_and_is_counted():
    booked()

    code, found = run_json("db_monitor")

    assert (code, found["healthy"], found["error"]) == (0, True, None)
    assert counts(found) == {probe.name: 0 for probe in PROBES}
    assert found["users"]["all"] == 1
    assert found["bots"] == {"active": 1, "by_status": {"stopped": 1}}
    assert found["trades"]["today"] == 1
    assert [(row["environment"], row["accounts"]) for row in found["accounts"]] == [("paper", 1)]
    assert 0 < len(found["tables"]) <= 15
    assert sum(row["count"] for row in found["connections"]) >= 1
    assert found["database"]["bytes"] > 1_000_000
    assert found["slow_queries"] is not None or "shared_preload_libraries" in found["slow_queries_note"]


def test_books_that_do_not_fit_are_found():
    booked(trade=False)
    booked(quantity=Decimal("0.02"))
    booked(fees=Decimal(1))
    Order.objects.filter(pk=booked().pk).update(filled_quantity=0)

    code, found = run_json("db_monitor")

    seen = {name: count for name, count in counts(found).items() if count}
    assert code == 1
    assert seen == {"fills_without_trade": 1, "positions_not_their_fills": 2, "orders_not_their_fills": 1}


def test_what_hangs_or_has_lost_its_other_half_is_found_and_told_with_its_mend():
    now = timezone.now()
    old = now - timedelta(minutes=11)
    OrderFactory(position=BotFactory().position, created_at=now - timedelta(minutes=3))
    OrderFactory(position=BotFactory().position, status="unknown", proof_deadline=now, created_at=old)
    OrderFactory(position=BotFactory().position, created_at=now)
    BotState.objects.filter(bot=BotFactory()).delete()
    PositionFactory(quantity=Decimal(1))
    Event.objects.create(kind="order_filled", message="nobody told it", created_at=old)
    account = ExchangeAccountFactory()
    OrderByHand.objects.create(
        user=account.owner, asked_by=account.owner, account=account, symbol="BTCUSDT", side="BUY", type="market",
        quantity=Decimal(1), created_at=old,
    )  # fmt: skip

    code, out, _ = run("db_monitor")
    _, found = run_json("db_monitor")

    names = (
        *("orders_intended_too_long", "orders_in_doubt_too_long", "bots_without_state", "positions_without_bot"),
        *("news_nobody_handled", "orders_by_hand_not_ended"),
    )
    assert code == 1
    assert {name: count for name, count in counts(found).items() if count} == dict.fromkeys(names, 1)
    (line,) = [line for line in out.splitlines() if line.startswith("orders in doubt too long")]
    assert "manage.py workers" in line


def test_promises_that_the_database_does_not_keep_any_more_are_found():
    position = PositionFactory()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DROP INDEX order_one_live_entry_per_position")
        cursor.execute("ALTER TABLE trades_fill ADD CONSTRAINT none_yet CHECK (price < 0) NOT VALID")
        OrderFactory.create_batch(2, position=position, created_at=timezone.now())
        found = {probe["name"]: probe["count"] for probe in probed(cursor, now=timezone.now())}
        transaction.set_rollback(True)

    seen = {name: count for name, count in found.items() if count}
    assert seen == {"positions_with_several_live_entries": 1, "promises_not_kept": 1}


def test_a_question_that_takes_too_long_is_unknown_and_the_others_are_answered():
    names = ("host", "user", "password", "dbname", "port")
    parameters = {name: value for name, value in connection.get_connection_params().items() if name in names}
    with psycopg.connect(**parameters) as other:
        other.execute("LOCK TABLE trades_orderbyhand IN ACCESS EXCLUSIVE MODE")
        code, found = run_json("db_monitor")

    unknown = [name for name, count in counts(found).items() if count is None]
    assert (code, found["healthy"], unknown) == (1, False, ["orders_by_hand_not_ended"])
    assert found["users"] is not None


def test_a_look_can_not_write():
    with pytest.raises(InternalError, match="read-only"), snapshot() as cursor:
        cursor.execute("UPDATE trades_order SET reason = 'nobody may'")


def test_a_database_that_is_away_is_one_line(monkeypatch):
    def away(now):
        connection.cursor().execute("SELECT nothing_of_this_name")

    monkeypatch.setattr("ops.management.commands.db_monitor.look_at_database", away)

    code, out, err = run("db_monitor")

    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "runbook" in err


def test_a_database_that_ends_amid_the_look_is_one_line(monkeypatch):
    def ended(cursor, *, now):
        number = cursor.connection.info.backend_pid
        with psycopg.connect(**{name: parameters[name] for name in names if name in parameters}) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [number])
        return counts_before(cursor, now=now)

    names, parameters = ("host", "user", "password", "dbname", "port"), connection.get_connection_params()
    counts_before = looking.counts
    monkeypatch.setattr(looking, "counts", ended)
    try:
        code, out, err = run("db_monitor")
    finally:
        connection.close()

    assert (code, out, len(err.splitlines())) == (1, "", 1)


def test_statements_are_shown_in_part_and_without_secrets():
    text = shown("SELECT *\n  FROM t WHERE password = 'hunter2' AND url = 'redis://u:hunter3@host' " + "x " * 150)

    assert len(text) == 160
    assert "\n" not in text
    assert "hunter" not in text

"""What is old is archived, proved, and only then deleted; the books stay as true as they were."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg.rows import dict_row

from ops import archive
from ops.archive import archiving, files
from ops.audit import position_books
from trades.models import Event, ExternalOrder, Fill, Order, Position, Trade
from trades.tests.factories import FillFactory, OrderFactory, PositionFactory, TradeFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2027, 3, 10, 2, 0, tzinfo=UTC)
OLD = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
AMOUNT = Decimal("0.123456789012345678")


@pytest.fixture
def directory(settings, tmp_path):
    settings.ARCHIVE_DIR, settings.TRADES_KEPT_DAYS = str(tmp_path / "archive"), 365
    return tmp_path / "archive"


@pytest.fixture
def position():
    return PositionFactory()


def news(position, at=OLD, kind=Event.Kind.BOT_STARTED, **fields):
    event = Event.objects.create(kind=kind, position=position, message="it happened", created_at=at, handled_at=at)
    Event.objects.filter(pk=event.pk).update(**fields)
    return event


def traded(position, at):
    Position.objects.filter(pk=position.pk).update(quantity=Decimal("0.01"), entry_price=AMOUNT)
    order = OrderFactory(position=position, finished_at=at, status="filled", proof_deadline=at, filled_quantity="0.01")
    FillFactory(order=order, executed_at=at, price=AMOUNT)
    TradeFactory(order=order, created_at=at)
    return order


def clean_up():
    return archive.clean_up(clock=lambda: NOW)


def rows_of(directory, table):
    packed = [part.path(directory).read_bytes() for part in files.parts(directory, table)]
    return [json.loads(line) for content in packed for line in gzip.decompress(content).splitlines()]


def test_news_go_to_a_file_month_by_month_and_then_from_the_table(directory, position):
    first, second = news(position), news(position, at=OLD + timedelta(days=31))
    young = news(position, at=NOW - timedelta(days=300))

    told = clean_up()

    assert told == {"archived": {"trades_event": 2}, "deleted": {"trades_event": 2}}
    assert [part.name for part in files.parts(directory)] == ["trades_event/2026-01-001", "trades_event/2026-02-001"]
    assert [row["id"] for row in rows_of(directory, "trades_event")] == [first.pk, second.pk]
    assert Event.objects.get() == young
    assert clean_up() == {"archived": {}, "deleted": {}}


def test_a_month_that_is_not_over_for_so_long_is_left_alone(directory, position):
    news(position, at=NOW - timedelta(days=366))

    assert clean_up() == {"archived": {}, "deleted": {}}

    assert Event.objects.count() == 1


def test_what_the_books_are_computed_from_is_archived_to_the_last_digit_and_stays(directory, position):
    order = traded(position, OLD)
    news(position, order=order)
    liquidated = news(position, kind=Event.Kind.LIQUIDATED)
    untold = news(position, handled_at=None)
    assert audited() == []

    told = clean_up()

    assert told["archived"] == {"trades_order": 1, "trades_fill": 1, "trades_trade": 1}
    assert told["deleted"] == {}
    (fill,) = rows_of(directory, "trades_fill")
    assert (fill["price"], fill["order_id"]) == (str(AMOUNT), order.pk)
    assert (Order.objects.count(), Fill.objects.count(), Trade.objects.count()) == (1, 1, 1)
    assert {event.pk for event in Event.objects.all()} >= {liquidated.pk, untold.pk}
    assert audited() == []


def audited():
    """What the audit finds, in the test's own transaction."""
    connection.ensure_connection()
    raw = connection.connection
    usual, raw.row_factory = raw.row_factory, dict_row
    try:
        return list(position_books.differences(position_books.read(raw)))
    finally:
        raw.row_factory = usual


def test_orders_of_others_that_are_gone_go_and_those_that_rest_stay(directory, position):
    order = {"account": position.account, "symbol": "BTCUSDT", "client_order_id": "x", "kind": "LIMIT", "side": "BUY"}
    amounts = {"quantity": 1, "executed_quantity": 0, "price": 1, "seen_at": OLD}
    ExternalOrder.objects.create(exchange_order_id=1, gone_at=OLD, **order, **amounts)
    ExternalOrder.objects.create(exchange_order_id=2, **order, **amounts)

    assert clean_up()["deleted"] == {"trades_externalorder": 1}

    assert ExternalOrder.objects.get().exchange_order_id == 2


@pytest.mark.parametrize("settings_of", [{"ARCHIVE_DIR": ""}, {"TRADES_KEPT_DAYS": 0}])
def test_without_an_archive_nothing_is_deleted_and_the_task_says_so(directory, position, settings, settings_of):
    for name, value in settings_of.items():
        setattr(settings, name, value)
    news(position)

    (why,) = clean_up().values()

    assert next(iter(settings_of)) in why
    assert Event.objects.count() == 1
    assert not directory.exists()


def test_a_directory_that_can_t_be_written_raises_and_deletes_nothing(directory, position):
    directory.write_text("a file where the archive should be")
    news(position)

    with pytest.raises(OSError, match="archive"):
        clean_up()

    assert Event.objects.count() == 1


def test_a_full_disk_raises_and_deletes_nothing_and_the_next_run_does_it_all(directory, position, monkeypatch):
    news(position)
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            clean_up()
    assert (Event.objects.count(), files.parts(directory)) == (1, [])

    assert clean_up() == {"archived": {"trades_event": 1}, "deleted": {"trades_event": 1}}

    assert call_command("archive", "verify") is None


def full(_):
    raise OSError(28, "No space left on device")


class Killed(BaseException):
    """As a kill would end it: nothing of ours cleans up."""


def killed(*_, **__):
    raise Killed


def clean_up_until(monkeypatch, where, name, act=killed):
    """A run that is killed when it comes to this function."""
    with monkeypatch.context() as patch:
        patch.setattr(where, name, act)
        with pytest.raises(Killed):
            clean_up()


@pytest.mark.parametrize(
    ("where", "name"),
    [(files.Path, "replace"), (files, "_write_facts"), (archiving, "_delete"), (archiving, "faults_of")],
)
def test_killed_at_any_point_nothing_is_lost_and_nothing_is_twice_in_the_archive(
    directory, position, monkeypatch, where, name
):
    monkeypatch.setattr(archiving, "CHUNK", 2)
    events = [news(position).pk for _ in range(5)]
    clean_up_until(monkeypatch, where, name)

    clean_up()

    assert [row["id"] for row in rows_of(directory, "trades_event")] == events
    assert not Event.objects.exists()


def test_killed_amid_the_deleting_the_rest_goes_in_the_next_run(directory, position, monkeypatch):
    monkeypatch.setattr(archiving, "CHUNK", 2)
    events, delete, turns = [news(position).pk for _ in range(5)], archiving._delete_some, iter(range(9))
    clean_up_until(monkeypatch, archiving, "_delete_some", lambda *some: killed() if next(turns) else delete(*some))
    assert Event.objects.count() == 3

    assert clean_up() == {"archived": {}, "deleted": {"trades_event": 3}}

    assert [row["id"] for row in rows_of(directory, "trades_event")] == events


def test_many_rows_are_several_files(directory, position, monkeypatch):
    monkeypatch.setattr(archiving, "MOST_ROWS", 2)
    events = [news(position).pk for _ in range(5)]

    assert clean_up()["archived"] == {"trades_event": 5}

    assert [part.rows for part in files.parts(directory)] == [2, 2, 1]
    assert [row["id"] for row in rows_of(directory, "trades_event")] == events


def test_what_a_damaged_file_should_hold_is_not_deleted(directory, position, monkeypatch, capsys):
    events = [news(position).pk for _ in range(3)]
    clean_up_until(monkeypatch, archiving, "_delete")
    (part,) = files.parts(directory)
    content = part.path(directory).read_bytes()
    part.path(directory).write_bytes(content[:-9])

    with pytest.raises(archive.NotProved, match="sha256"):
        clean_up()
    with pytest.raises(CommandError, match="1 of 1 files"):
        call_command("archive", "verify")

    assert Event.objects.count() == len(events)
    assert "its sha256 is another" in capsys.readouterr().out


def test_it_has_to_be_read_back_before_it_counts(directory, position, monkeypatch):
    news(position)
    monkeypatch.setattr(files, "_lines", lambda _: iter([b"what the disk made of it\n"]))

    with pytest.raises(OSError, match="read back"):
        clean_up()

    assert (Event.objects.count(), files.parts(directory)) == (1, [])


def test_a_run_that_takes_long_leaves_the_rest_to_the_next_one(directory, position):
    for months in range(3):
        news(position, at=OLD - months * timedelta(days=31))
    moments = iter([NOW, NOW, NOW + timedelta(minutes=2)])

    told = archive.clean_up(clock=lambda: next(moments))

    assert (told["deleted"], Event.objects.count()) == ({"trades_event": 1}, 2)
    assert "next run" in told["not_done"]


def test_a_month_of_very_many_rows_is_left_to_the_next_run_as_well(directory, position, monkeypatch):
    monkeypatch.setattr(archiving, "MOST_ROWS", 2)
    events = [news(position).pk for _ in range(5)]
    moments = iter([NOW, NOW + timedelta(minutes=2)])

    told = archive.clean_up(clock=lambda: next(moments))

    assert (told["archived"], told["deleted"]) == ({"trades_event": 2}, {})
    assert "next run" in told["not_done"]
    assert clean_up() == {"archived": {"trades_event": 3}, "deleted": {"trades_event": 5}}
    assert [row["id"] for row in rows_of(directory, "trades_event")] == events


def test_the_command_shows_what_there_is(directory, position, capsys):
    news(position)
    clean_up()

    call_command("archive", "show", "--json")

    (shown,) = json.loads(capsys.readouterr().out)["files"]
    assert (shown["file"], shown["rows"], shown["bytes"] > 20) == ("trades_event/2026-01-001", 1, True)

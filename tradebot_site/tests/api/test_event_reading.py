"""What the event stream reads: nothing is passed over, whatever the order in which transactions end."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from bots.models import BotConfig, BotState
from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory, UserFactory
from tradebot_site.event_stream import reading, statements
from tradebot_site.event_stream.changes import Change
from tradebot_site.event_stream.marks import Mark
from tradebot_site.event_stream.reading import Reader, Reading, TooMuch, replay
from trades.models import Event, Position
from trades.tests.factories import FillFactory, OrderFactory, TradeFactory

pytestmark = pytest.mark.django_db(transaction=True)
INSERT = """
    INSERT INTO trades_event (kind, position_id, message, data, created_at)
    SELECT 'order_filled', %s, 'event ' || n, '{}', now() FROM generate_series(%s::int, %s::int) AS n
"""


class Watch:
    """A reader, and what it has told so far, look by look."""

    def __init__(self, owners=None) -> None:
        self.reader, self.owners = Reader(), owners
        self.look()

    def look(self) -> list[Change]:
        told: list[Change] = []
        self.reader.look(self.owners, told.extend)
        return told

    def events(self) -> list[str]:
        return [change.data.decode().split('"message":"')[1].split('"')[0] for change in self.look()]


@pytest.fixture
def position(transactional_db) -> Position:
    return BotFactory().position


@contextmanager
def another(*, autocommit: bool = False) -> Iterator[psycopg.Connection]:
    """A transaction beside those of the test."""
    parameters = connection.get_connection_params()
    named = {name: parameters[name] for name in ("host", "dbname", "user") if parameters.get(name)}
    link = psycopg.connect(**named, autocommit=autocommit)
    try:
        yield link
    finally:
        link.close()


@pytest.fixture(params=["as it is", "at once"])
def settled(request, monkeypatch) -> None:
    """The bounds by number follow the horizon after some seconds, or at once: the order of things alone must do."""
    if request.param == "at once":
        monkeypatch.setattr(reading, "SETTLED_AFTER_MS", 0)
        monkeypatch.setattr(reading, "ORDERS_SETTLED_AFTER_MS", 0)


def test_an_event_that_becomes_visible_after_a_later_one_is_told(position, settled):
    watch = Watch()
    with another() as slow, another(autocommit=True) as quick:
        slow.execute(INSERT, [position.pk, 1, 1])
        quick.execute(INSERT, [position.pk, 2, 3])

        assert watch.events() == ["event 2", "event 3"]
        assert watch.events() == []
        slow.commit()
        assert watch.events() == ["event 1"]
        assert watch.events() == []


def test_however_many_were_told_in_between(position, settled):
    watch = Watch()
    with another() as slow, another(autocommit=True) as quick:
        slow.execute(INSERT, [position.pk, 1, 1])
        for first in range(1_001, 7_000, 1_000):
            quick.execute(INSERT, [position.pk, first, first + 999])
            assert len(watch.look()) == 1_000

        slow.commit()
        assert watch.events() == ["event 1"]


def test_what_was_written_inside_a_savepoint_is_told_when_its_transaction_ends(position, settled):
    watch = Watch()
    with another() as slow, another(autocommit=True) as quick:
        slow.execute(INSERT, [position.pk, 1, 1])
        with slow.transaction():  # its transaction has a number of its own, which no snapshot names
            slow.execute(INSERT, [position.pk, 2, 2])
        quick.execute(INSERT, [position.pk, 3, 3])
        assert watch.events() == ["event 3"]

        slow.commit()
        assert watch.events() == ["event 1", "event 2"]


def test_a_state_that_a_slow_transaction_writes_is_told_once_it_is_there(position):
    bot = position.bot
    watch = Watch()
    with another() as slow, another(autocommit=True) as quick:
        slow.execute("UPDATE bots_botstate SET message = 'slow' WHERE bot_id = %s", [bot.pk])
        quick.execute(INSERT, [position.pk, 1, 1])
        assert [change.kind for change in watch.look()] == ["event"]

        slow.commit()
        assert [b'"message":"slow"' in change.data for change in watch.look()] == [True]
        assert watch.look() == []


def test_what_is_over_is_not_looked_through_again(position, monkeypatch, wait_until):
    monkeypatch.setattr(reading, "SETTLED_AFTER_MS", 0)
    watch = Watch()
    with another(autocommit=True) as quick:
        quick.execute(INSERT, [position.pk, 1, 500])
        assert len(watch.look()) == 500
        quick.execute(INSERT, [position.pk, 501, 501])

    def is_over() -> bool:
        """Transactions of other tests, on the same server, end first."""
        watch.look()
        return watch.reader.mark.event == Event.objects.latest("pk").pk and not watch.reader._told

    wait_until(is_over, 60)


def test_what_is_rolled_back_is_never_told(position):
    watch = Watch()
    with another() as slow:
        slow.execute(INSERT, [position.pk, 1, 1])
        assert watch.look() == []
        slow.rollback()
        assert watch.look() == []


def test_an_event_that_is_ticked_off_is_no_news(position):
    watch = Watch()
    event = Event.objects.create(kind="order_filled", position=position, message="once", created_at=timezone.now())
    assert watch.events() == ["once"]
    assert watch.look() == []

    Event.objects.filter(pk=event.pk).update(handled_at=timezone.now())

    assert watch.look() == []


def test_all_bots_that_change_in_one_moment_are_told(position):
    bots = fleet(owner=position.account.owner, count=4_500)
    watch = Watch([position.account.owner_id])

    BotState.objects.filter(bot__in=bots).update(status="waiting", message="all at once")

    assert {change.bot for change in watch.look()} == {bot.pk for bot in bots}
    assert watch.look() == []


def fleet(*, owner, count: int) -> list[BotConfig]:
    account = ExchangeAccountFactory(owner=owner)
    held = {"symbol": "BTCUSDT", "base_asset": "BTC", "quote_asset": "USDT", "smallest_quantity": "0.00001"}
    positions = Position.objects.bulk_create(Position(account=account, **held) for _ in range(count))
    wanted = {"symbol": "BTCUSDT", "interval": "1m", "initial_capital": 1_000, "sizing_value": 50}
    bots = BotConfig.objects.bulk_create(
        BotConfig(owner=owner, account=account, position=held_by, name=f"b{number}", market="spot", **wanted)
        for number, held_by in enumerate(positions)
    )
    BotState.objects.bulk_create(BotState(bot=bot) for bot in bots)
    return bots


def write_anew(row):
    """As an order does whose fills are booked: what is as it was is not told again while an old transaction runs."""
    connection.cursor().execute(f"UPDATE {row._meta.db_table} SET id = id WHERE id = %s", [row.pk])


def test_a_look_that_failed_is_done_again_for_what_it_had_not_told(position):
    watch = Watch()
    FillFactory(order=OrderFactory(position=position))
    write_anew(position)
    Event.objects.create(kind="order_filled", position=position, message="kept", created_at=timezone.now())
    told = []

    def fail(page):
        if page[0].kind == "event":
            raise RuntimeError("the process is busy")
        told.extend(page)

    with pytest.raises(RuntimeError):
        watch.reader.look(None, fail)

    assert [change.kind for change in told] == ["fill"]
    assert [change.kind for change in watch.look()] == ["event", "order", "bot"]
    assert watch.look() == []


def test_a_fill_tells_its_order_its_trade_and_its_bot(position):
    order = OrderFactory(position=position)
    trade = TradeFactory(order=order)
    watch = Watch()
    watch.look()
    connection.cursor().execute("UPDATE trades_trade SET realized_pnl = 3 WHERE id = %s", [trade.pk])

    FillFactory(order=order)
    write_anew(order)
    write_anew(position)

    assert [change.kind for change in watch.look()] == ["fill", "order", "trade", "bot"]


def test_what_others_own_is_not_even_read(position):
    stranger = UserFactory()
    watch = Watch([stranger.pk])
    FillFactory(order=OrderFactory(position=position))
    Event.objects.create(kind="order_filled", position=position, message="theirs", created_at=timezone.now())
    Event.objects.create(kind="kill_switch", user=stranger, message="mine", created_at=timezone.now())
    Event.objects.create(kind="kill_switch", message="the operators'", created_at=timezone.now())

    assert watch.events() == ["mine"]


def test_an_old_order_that_was_unknown_and_is_open_is_told(position, monkeypatch):
    monkeypatch.setattr(reading, "ORDERS_SETTLED_AFTER_MS", 0)
    order = OrderFactory(position=position, status="unknown", proof_deadline=timezone.now())
    watch = Watch()
    with another(autocommit=True) as quick:  # what is settled has ended before what is written now
        quick.execute(INSERT, [position.pk, 1, 1])
        watch.look(), watch.look()
        assert watch.reader.mark.order >= order.pk
        quick.execute("UPDATE trades_order SET status = 'open' WHERE id = %s", [order.pk])

        assert [change.kind for change in watch.look()] == ["order"]


def test_a_replay_tells_what_was_missed_and_gives_up_on_too_much(position, monkeypatch, wait_until):
    watch = Watch()
    mark = watch.reader.mark
    for number in range(3):
        Event.objects.create(kind="order_filled", position=position, message=f"{number}", created_at=timezone.now())
    watch.look()

    assert len([change for change in replay(mark, [position.account.owner_id]) if change.key.kind == "event"]) == 3
    # Once transactions of other tests, on the same server, that ran at the last look have ended.
    wait_until(lambda: watch.look() == [] and replay(watch.reader.mark, None) == [], 60)
    monkeypatch.setattr(reading, "MOST_REPLAYED", 2)
    with pytest.raises(TooMuch):
        replay(mark, None)


def test_each_table_that_grows_is_read_by_an_index(position):
    watch = Watch()
    mark = watch.reader.mark
    with reading._snapshot(5) as cursor:
        now = reading._position(cursor, mark)
        part = Reading(mark, now, [position.account.owner_id], set(), list)
        cursor.execute("SET LOCAL enable_seqscan = off")
        for sql, table, owner in (
            (statements.FILLS, "fill", "account.owner_id"),
            (statements.EVENTS, "event", "coalesce(account.owner_id, event.user_id)"),
            (statements.ORDERS, "placed", "account.owner_id"),
            (statements.TRADES, "trade", "account.owner_id"),
            (statements.BOTS, "bot", "bot.owner_id"),
        ):
            cursor.execute(f"EXPLAIN {part._filled_in(sql, table, owner)}", part._parameters())
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize("text", ["", "0@0", "0-0-0-0-0-0", "9" * 5_000, "../../etc", "-1", "\u0661-1-1-1-1-1", "null"])
def test_a_mark_that_somebody_made_up_is_none(text):
    assert Mark.read(text) is None


def test_a_mark_is_read_as_it_was_told_unless_it_was_altered():
    mark = Mark(1_700_000_000_000, 12_345, 1, 2, 3)

    assert Mark.read(str(mark)) == mark
    assert Mark.read(str(mark).replace("3039", "3038", 1)) is None
    assert mark.reaches(Mark(1_700_000_500_000, 12_346, 1, 2, 3))
    assert not mark.reaches(Mark(1_700_000_700_000, 12_346, 1, 2, 3))
    assert not mark.reaches(Mark(1_700_000_500_000, 12_344, 1, 2, 3))

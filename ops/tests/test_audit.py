"""The auditor finds what is planted, on books that a real bot made at the real paper exchange."""

import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.utils import timezone
from django_redis import get_redis_connection

from bots import services
from bots.services import operating
from bots.strategies import STRATEGIES, Signal
from bots.tests.conftest import saying
from bots.tests.factories import BotFactory
from ops.audit import audit
from trades.models import Event, Fill, Order, Position, Trade
from trades.services.events import write_event
from trades.tests.factories import FillFactory, OrderFactory

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.django_db(transaction=True)
ANOTHER_ORDER = """
INSERT INTO orders SELECT market, symbol, order_id + 1000000, account_id, {client_order_id}, side, type, time_in_force,
    status, price, orig_qty, executed_qty, cum_quote, time_ms, update_ms, details FROM orders LIMIT 1
"""
CLEAN = {"lost": 0, "duplicated": 0, "phantom": 0, "unequal": 0, "pending": 0}


@pytest.fixture
def ledger(paper, monkeypatch, tmp_path):
    """A copy of the exchange's ledger with one round trip of one bot in it, and in our books."""
    get_redis_connection("default").flushdb()
    monkeypatch.setitem(STRATEGIES, "buying", saying(Signal.ENTER_LONG, "buying"))
    api_key, api_secret = paper.create_account()
    bot = BotFactory(strategy="buying", account__api_key=api_key, account__api_secret=api_secret)
    services.run_bot(bot.pk, now=timezone.now())
    operating.stop_bots(type(bot).objects.all(), flatten=True, now=timezone.now())
    services.run_bot(bot.pk, now=timezone.now())
    assert Trade.objects.count() == 2
    return copy_of(paper.ledger, tmp_path, api_key)


def copy_of(source: Path, directory: Path, api_key: str) -> Path:
    """What the ledger says of one account; other tests of this process have accounts there, too."""
    target = directory / "ledger.sqlite"
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as original, sqlite3.connect(target) as copy:
        original.backup(copy)
        copy.execute("DELETE FROM accounts WHERE api_key <> ?", [api_key])
        tables = copy.execute(
            "SELECT t.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE c.name = 'account_id'"
        )
        for (table,) in tables.fetchall():
            copy.execute(f"DELETE FROM {table} WHERE account_id NOT IN (SELECT id FROM accounts)")
    return target


def earn_too_much():
    """The same wrong profit in trade and position: only the fills tell."""
    for rows in (Trade.objects.filter(side="SELL"), Position.objects.all()):
        rows.update(realized_pnl=F("realized_pnl") + 1)


def tell_of_nothing():
    """News of a fill that never was."""
    order, told = OrderFactory(position=Position.objects.first()), {"quantity": "0.01"}
    write_event(Event.Kind.ORDER_FILLED, order.position, "bought", now=timezone.now(), order=order, **told)


@contextmanager
def forging():
    """What a stranger with the database's password can do: the journal's triggers are off."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield
        cursor.execute("SET session_replication_role = DEFAULT")


def change(ledger, statement):
    with sqlite3.connect(ledger) as copy:
        assert copy.execute(statement).rowcount


def found(ledger, **how):
    names = ("host", "user", "dbname")
    parameters = {name: value for name, value in connection.get_connection_params().items() if name in names}
    return audit(parameters, ledger, **how)


def test_equal_books_are_clean(ledger):
    findings = found(ledger)

    assert findings.counts == CLEAN
    assert findings.is_clean


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        # The exchange executed more than we know.
        (ANOTHER_ORDER.format(client_order_id="'tb-1-stray'"), "lost"),
        (ANOTHER_ORDER.format(client_order_id="client_order_id"), "duplicated"),
        # It knows less, or something else.
        ("DELETE FROM fills WHERE side = 'SELL'", "phantom"),
        ("UPDATE fills SET price = price || '1' WHERE side = 'BUY'", "unequal"),
        ("UPDATE fills SET commission_asset = 'BNB' WHERE side = 'BUY'", "unequal"),
        ("UPDATE fills SET market = 'futures' WHERE side = 'BUY'", "unequal"),
        ("UPDATE balances SET free = free || '1' WHERE asset = 'USDT'", "unequal"),
    ],
)
def test_a_difference_in_the_ledger_is_found(ledger, statement, kind):
    change(ledger, statement)

    findings = found(ledger)

    assert findings.counts[kind] >= 1
    assert not findings.is_clean


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (lambda: Trade.objects.filter(side="SELL").update(quantity_filled=Decimal("0.5")), "unequal"),
        (lambda: Position.objects.update(quantity=Decimal("0.5")), "unequal"),
        (lambda: Position.objects.update(realized_pnl=Decimal("0.5")), "unequal"),
        (lambda: Position.objects.update(entry_price=F("entry_price") + Decimal("1e-18")), "unequal"),
        (lambda: Position.objects.update(funding=Decimal("0.5")), "unequal"),
        (
            lambda: Trade.objects.filter(side="SELL").update(realized_pnl=F("realized_pnl") + Decimal("1e-18")),
            "unequal",
        ),
        (lambda: Fill.objects.filter(order__side="SELL").update(price=Decimal("0.5")), "unequal"),
        (earn_too_much, "unequal"),
        (lambda: FillFactory(order=Order.objects.first()), "phantom"),
        (lambda: Order.objects.filter(side="SELL").update(client_order_id="tb-other"), "lost"),
        (lambda: Event.objects.filter(kind="order_filled", order__side="SELL").delete(), "unequal"),
        (lambda: Event.objects.filter(order__side="BUY").update(data={"quantity": "0.5"}), "unequal"),
        (tell_of_nothing, "unequal"),
    ],
)
def test_a_difference_in_our_books_is_found(ledger, plant, kind):
    with forging():
        plant()

    findings = found(ledger)

    assert findings.counts[kind] >= 1


def test_a_fill_that_is_not_booked_yet_is_pending_and_not_lost(ledger):
    sold = Order.objects.get(side="SELL")
    with forging():
        Trade.objects.filter(order=sold).delete()
        Fill.objects.filter(order=sold).delete()
    Order.objects.filter(pk=sold.pk).update(status="unknown", filled_quantity=0)

    findings = found(ledger)

    assert findings.lost == []
    assert findings.pending == [sold.client_order_id]


def test_at_rest_a_fill_that_is_not_booked_is_lost_whatever_the_status_of_its_order(ledger):
    fills = Fill.objects.filter(order__side="SELL")
    expected = [f"fill {fill.exchange_trade_id} of {fill.order.client_order_id} is not in our books" for fill in fills]
    with forging():
        fills.delete()
    Order.objects.filter(side="SELL").update(status="unknown", filled_quantity=0)

    findings = found(ledger, at_rest=True)

    assert sorted(findings.lost) == sorted(expected)


def test_two_executed_orders_for_one_signal_are_a_duplicate(ledger):
    bought, sold = Order.objects.order_by("pk")
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX order_signal_key_unique_among_real")
    try:
        Order.objects.filter(pk=sold.pk).update(signal_key=bought.signal_key)
        findings = found(ledger)
    finally:
        Order.objects.filter(pk=sold.pk).update(signal_key=sold.signal_key)
        restore_index()

    assert len(findings.duplicated) == 1


def restore_index():
    constraint = next(c for c in Order._meta.constraints if c.name == "order_signal_key_unique_among_real")
    with connection.schema_editor() as editor:
        editor.add_constraint(Order, constraint)


def test_the_command_prints_one_json_object_and_fails_on_differences(ledger, settings, capsys):
    settings.PAPER_LEDGER = str(ledger)
    call_command("audit", "--json")
    clean = capsys.readouterr().out.splitlines()[-1]
    OrderFactory(status="filled", proof_deadline=timezone.now())
    Position.objects.update(fees=1)

    with pytest.raises(SystemExit) as stopped:
        call_command("audit", "--json")

    assert clean == '{"lost": 0, "duplicated": 0, "phantom": 0, "unequal": 0, "pending": 0}'
    assert stopped.value.code == 1


def test_without_a_ledger_the_command_says_which_setting_is_missing(settings):
    settings.PAPER_LEDGER = ""

    with pytest.raises(CommandError, match="PAPER_LEDGER: '' is no file"):
        call_command("audit")


def test_the_auditor_shares_no_code_with_what_it_judges():
    script = "import sys, ops.audit; print(*(name for name in sys.modules), sep='\\n')"

    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    tops = {name.partition(".")[0] for name in loaded.splitlines()}
    ours = {name for name in loaded.splitlines() if (ROOT / name.partition(".")[0]).is_dir()}
    assert {name for name in ours if not name.startswith("ops.audit")} == {"ops"}
    assert not tops & {"django", "celery", "binance", "requests"}

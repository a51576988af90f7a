"""What the auditor of chaos says of orders by hand: nothing while all is well, and of what is not a sentence."""

import sqlite3
from decimal import Decimal

import pytest

from tests.chaos.system import hands_judged

DONE = ("a", "task-a", "done", "", "tb-1")
DENIED = ("b", "task-b", "denied", "filter", None)
SUCCESS = {"status": "success", "result": {"executed_quantity": "0.01"}, "error": None}
REFUSED = {"status": "failed", "result": None, "error": {"code": "filter"}}


class Database:
    """Answers the two statements of the judge."""

    def __init__(self, rows, orphans):
        self._answers = {hands_judged.ROWS_SQL: rows, hands_judged.ORPHANS_SQL: orphans}

    def execute(self, statement):
        self._rows = self._answers[statement]
        return self

    def fetchall(self):
        return self._rows


@pytest.fixture
def judge(tmp_path, monkeypatch):
    def judge(
        rows=(DONE, DENIED), *, orphans=(), promised="a task-a\nb task-b\n", at_exchange=("FILLED", "0.01"), told=None
    ):
        ledger, accepted = tmp_path / "ledger", tmp_path / "accepted"
        ledger.unlink(missing_ok=True)
        with sqlite3.connect(ledger) as connection:
            connection.execute("CREATE TABLE orders (client_order_id, status, executed_qty)")
            if at_exchange:
                connection.execute("INSERT INTO orders VALUES ('tb-1', ?, ?)", at_exchange)
        accepted.write_text(promised)
        answers = {"task-a": SUCCESS, "task-b": REFUSED} | (told or {})
        monkeypatch.setattr(hands_judged.Web, "ask", lambda self, method, path: (200, answers[path.rpartition("/")[2]]))
        return hands_judged.judge(Database(list(rows), list(orphans)), ledger, accepted, "http://site", "token")

    return judge


def kinds(verdict):
    found = {kind: getattr(verdict, kind) for kind in ("lost", "duplicated", "unresolved", "untrue")}
    return {kind for kind, sentences in found.items() if sentences}


def test_nothing_is_wrong_while_all_is_well(judge):
    verdict = judge()

    assert kinds(verdict) == set()
    assert verdict.counts == {"accepted": 2, "done": 1, "denied": 1}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"rows": [DENIED]}, "lost"),
        ({"promised": "a another-task\n"}, "lost"),
        ({"rows": [DONE, DONE, DENIED]}, "duplicated"),
        ({"orphans": [("tb-2", "hand:task-a")]}, "duplicated"),
        ({"rows": [DONE, ("b", "task-b", "running", "", None)]}, "unresolved"),
        ({"told": {"task-a": SUCCESS | {"result": {"executed_quantity": "0"}}}}, "untrue"),
        ({"told": {"task-a": SUCCESS | {"status": "failed"}}}, "untrue"),
        ({"told": {"task-a": SUCCESS | {"status": "running"}}}, "untrue"),
        ({"told": {"task-b": REFUSED | {"status": "success"}}}, "untrue"),
        ({"told": {"task-b": REFUSED | {"error": {"code": "balance"}}}}, "untrue"),
        ({"at_exchange": ("PARTIALLY_FILLED", "0.004")}, "untrue"),
        ({"at_exchange": None}, "untrue"),
    ],
)
def test_what_is_wrong_is_said(judge, changes, kind):
    assert kinds(judge(**changes)) == {kind}


@pytest.mark.parametrize(
    ("state", "executed", "status", "error", "is_true"),
    [
        ("NEW", "0", "success", None, True),
        ("CANCELED", "0", "success", None, True),  # on demand
        ("CANCELED", "0", "failed", {"code": "canceled"}, True),
        ("CANCELED", "0.004", "success", None, True),
        ("EXPIRED", "0", "success", None, False),
        ("", "0", "success", None, False),
        ("", "0", "failed", {"code": "absent"}, True),
        ("NEW", "0", "failed", {"code": "absent"}, False),
    ],
)
def test_what_the_exchange_has_decides_what_is_true(state, executed, status, error, is_true):
    told = {"status": status, "result": {"executed_quantity": executed}, "error": error}

    assert hands_judged._is_this_order(told, state, Decimal(executed)) is is_true

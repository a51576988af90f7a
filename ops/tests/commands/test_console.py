"""Tables on a terminal and in a pipe."""

import json

import pytest

from ops.console import Table, age, judged, rendered, size
from ops.health import Level
from ops.tests.commands.asking import run

LONG = "a sentence that is longer than any terminal is wide, " * 4
TABLE = Table(
    "Things", ["name", "count", "state"], [["[bold]one[/]", 1234, judged("bad", Level.CRITICAL)], [LONG, 5, "ok"]]
)


def test_in_a_pipe_a_table_is_plain_text_in_its_full_width():
    text = rendered(TABLE, is_terminal=False)

    assert text.isascii()
    assert "\x1b" not in text
    title, head, first, second = text.splitlines()
    assert (title, head.split()) == ("Things", ["name", "count", "state"])
    assert first.split() == ["[bold]one[/]", "1,234", "bad"]
    assert second.startswith(LONG.rstrip())
    assert second.endswith("5  ok")


def test_on_a_terminal_it_has_a_frame_and_colours_and_fits(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    text = rendered(TABLE, is_terminal=True)
    plain = rendered(TABLE, is_terminal=True, colour=False)

    assert "╭" in text
    assert "\x1b[1;31mbad" in text
    assert "31m" not in plain
    assert all(len(line) <= 60 for line in plain.splitlines() if "│" in line and "\x1b" not in line)


def test_what_a_cell_says_does_not_steer_the_terminal():
    text = rendered(Table("t", ["name"], [["evil\x1b[2J\nname"]]), is_terminal=False)

    assert "\x1b" not in text
    assert "evil [2J name" in text


def test_a_table_without_rows_says_so():
    assert rendered(Table("Things", ["a"], [], "nothing yet"), is_terminal=False) == "Things\n  nothing yet\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0.0042, "4 ms"), (59, "59 s"), (300, "5 min"), (9000, "2.5 h"), (180_000, "2.1 d")],
)
def test_ages_are_told_as_people_say_them(seconds, text):
    assert age(seconds) == text


def test_sizes_are_told_as_people_say_them():
    assert [size(it) for it in (None, 12, 3_400_000, 5 * 10**12)] == ["-", "12 B", "3.4 MB", "5.0 TB"]


@pytest.mark.django_db(transaction=True)
def test_stats_is_a_table_for_people_and_keeps_its_keys_for_machines(broker):
    code, out, _ = run("stats")
    _, told, _ = run("stats", "--json")
    _, on_terminal, _ = run("stats", terminal=True)

    found = json.loads(told.splitlines()[-1])
    assert code == 0
    assert {"bots", "bots_active", "orders", "trades", "realized_pnl", "queues", "request_weight"} <= found.keys()
    assert [line for line in out.splitlines() if line.split() == ["bots", "active", "0"]]
    assert "│" not in out
    assert "│" in on_terminal

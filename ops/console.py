"""How commands tell what they found: tables for people, one JSON object as the last line for machines.

A table on a terminal is as wide as the terminal and has colours. In a pipe, a file or a log it is plain text in its
full width, a line for each row, so that grep and awk find what they look for. The exit status is 0 when all is well.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand
from django.core.serializers.json import DjangoJSONEncoder
from rich.box import ROUNDED
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table as RichTable
from rich.text import Text

from ops.health import Level

STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.CRITICAL: "bold red"}
FULL_WIDTH = 100_000  # columns of something that is no terminal
LONGEST_CELL = 400  # characters

Cell = str | int | float | Decimal | datetime | Text | None


@dataclass(frozen=True)
class Table:
    """Rows with names for their columns; what to say when there are none."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: str = "none"


def judged(text: object, level: Level) -> Text:
    """A cell that shows by its colour how bad it is, where there are colours."""
    return Text(_readable(text), style=STYLES[level])


def age(seconds: float | None) -> str:
    """A duration as people say it: 850 ms, 12 s, 5 min, 3.5 h, 2.1 d."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86_400), ("h", 3_600)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 1 or not seconds else f"{seconds * 1000:.0f} ms"


def size(count: int | None) -> str:
    """Bytes as people say them: 512 B, 3.4 MB."""
    if count is None:
        return "-"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def rendered(table: Table, *, is_terminal: bool, colour: bool = True) -> str:
    """The table as text that ends with a newline."""
    out = StringIO()
    console = _console(out, is_terminal=is_terminal, colour=colour)
    console.print(Text(table.title, style="bold"), soft_wrap=True)
    if table.rows:
        console.print(as_rich(table, is_terminal=is_terminal))
    else:
        console.print(Text(f"  {table.empty}"), soft_wrap=True)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def as_rich(table: Table, *, is_terminal: bool) -> RichTable:
    """The table for rich, without its title. Columns of figures stand to the right."""
    box = ROUNDED if is_terminal else None
    made = RichTable(box=box, pad_edge=is_terminal, padding=(0, 1) if is_terminal else (0, 2, 0, 0))
    for place, name in enumerate(table.columns):
        figures = all(isinstance(row[place], int | float | Decimal | None) for row in table.rows)
        made.add_column(name, justify="right" if figures else "left", overflow="fold")
    for row in table.rows:
        made.add_row(*map(_cell, row))
    return made


class ReportingCommand(BaseCommand):
    """A command that looks at something and tells of it; it changes nothing.

    A subclass looks (`look` returns what `--json` prints), shows it to people (`show`), and says what is well.
    """

    requires_system_checks: list[str] = []  # a look at something broken must not end before it has begun

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object, as the last line")

    def handle(self, **options: Any) -> None:
        self.finish(self.look(**options), **options)

    def finish(self, found: dict[str, Any], **options: Any) -> None:
        """Tell what was found, and end with the exit status that it deserves."""
        if options["json"]:
            self.stdout.write(json.dumps(found, cls=DjangoJSONEncoder, allow_nan=False))
        else:
            self.show(found)
        if not self.is_healthy(found):
            self.stdout.flush()
            sys.exit(1)

    def look(self, **options: Any) -> dict[str, Any]:
        """What was found, as it goes into JSON."""
        raise NotImplementedError

    def show(self, found: dict[str, Any]) -> None:
        """Print it for people."""
        raise NotImplementedError

    def is_healthy(self, found: dict[str, Any]) -> bool:
        """Whether the exit status is 0."""
        return bool(found["healthy"])

    @property
    def is_terminal(self) -> bool:
        return bool(self.stdout.isatty())

    def print_table(self, table: Table) -> None:
        """A table, with an empty line behind it."""
        text = rendered(table, is_terminal=self.is_terminal, colour=not self.style_is_plain)
        self.stdout.write(f"{text}\n", ending="")

    def print_line(self, text: str, level: Level | None = None) -> None:
        """A sentence on a line of its own."""
        out = StringIO()
        line = Text(_readable(text), style=STYLES[level] if level else "")
        _console(out, is_terminal=self.is_terminal, colour=not self.style_is_plain).print(line, soft_wrap=True)
        self.stdout.write(out.getvalue(), ending="")

    @property
    def style_is_plain(self) -> bool:
        """True after --no-color, or with NO_COLOR in the environment, as Django takes them."""
        return self.style.SUCCESS("x") == "x"


def follow(look: Callable[[], Sequence[Table]], *, every_seconds: float) -> None:
    """Show tables on this terminal and renew them, until Ctrl-C."""
    with Live(_drawn(look()), auto_refresh=False) as live:
        while not Event().wait(every_seconds):
            live.update(_drawn(look()), refresh=True)


def _drawn(tables: Sequence[Table]) -> Group:
    parts: list[Text | RichTable] = []
    for table in tables:
        shown = as_rich(table, is_terminal=True) if table.rows else Text(f"  {table.empty}")
        parts += [Text(table.title, style="bold"), shown]
    return Group(*parts)


def _console(out: StringIO, *, is_terminal: bool, colour: bool) -> Console:
    plain: dict[str, Any] = {} if is_terminal else {"width": FULL_WIDTH, "legacy_windows": False}
    return Console(
        file=out,
        force_terminal=is_terminal,
        no_color=not (is_terminal and colour),
        markup=False,
        highlight=False,
        emoji=False,
        **plain,
    )


def _cell(value: Cell) -> Text:
    if isinstance(value, Text):
        return value
    if value is None:
        return Text("-")
    if isinstance(value, datetime):
        return Text(f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}")
    if isinstance(value, int):
        return Text(f"{value:,}")
    if isinstance(value, float):
        return Text(f"{value:,.1f}")
    return Text(_readable(value))


def _readable(value: object) -> str:
    """One line without control characters: what a bot is called must not steer a terminal."""
    text = "".join(char if char.isprintable() else " " for char in str(value))
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"

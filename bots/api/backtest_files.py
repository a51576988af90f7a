"""What came of a backtest as files for spreadsheets, sent line by line."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse

from bots.models import Backtest
from market.spreadsheets import escaped

LINES = 200  # that are sent together


class _Line:
    """Takes what the writer writes, and hands it on."""

    def write(self, line: str) -> str:
        return line


def csv_file(backtest: Backtest, kind: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Any:
    """The answer."""
    name = f"backtest-{backtest.pk}-{kind}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return StreamingHttpResponse(_lines(columns, rows), content_type="text/csv; charset=utf-8", headers=headers)


def _lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer, waiting = csv.writer(_Line()), list[str]()
    waiting.append(writer.writerow(columns))
    for row in rows:
        waiting.append(writer.writerow([_cell(value) for value in row]))
        if len(waiting) == LINES:
            yield "".join(waiting)
            waiting.clear()
    yield "".join(waiting)


def _cell(value: Any) -> Any:
    """A number is none of the things that a spreadsheet would run, whatever its sign."""
    if value is None or isinstance(value, int | float):
        return value
    return value if _is_number(value) else escaped(value)


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdecimal()

"""Reading a file of bots: its lines and columns, before anybody looks at what they say."""

import csv
import io
from typing import Any

import tablib
from import_export.formats import base_formats

from bots.admin.files.values import COLUMNS

MOST_BYTES = 1_000_000
MOST_BOTS = 1_000


class FileRefused(ValueError):
    """The file is no table of bots; the message says where, and why."""


class BotFile(base_formats.CSV):
    """CSV in UTF-8, comma separated, with a line of column names."""

    def create_dataset(self, in_stream: bytes | str, **kwargs: Any) -> tablib.Dataset:
        """The lines of a file, and in ``lines`` where each begins. Raises FileRefused."""
        header, *rows = _rows(_text(in_stream))
        dataset = tablib.Dataset(headers=_columns(header[1]))
        dataset.lines = [line for line, _ in rows]
        for line, cells in rows:
            if len(cells) != len(dataset.headers):
                raise FileRefused(f"line {line} has {len(cells)} cells, the first line names {len(dataset.headers)}")
            dataset.append(cells)
        return dataset


def _text(data: bytes | str) -> str:
    if isinstance(data, str):
        return data
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileRefused(f"byte {error.start + 1} is no UTF-8: save the file as CSV in UTF-8") from error


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """The lines that are not empty, each with the number of its first line."""
    rows, reader, line = [], csv.reader(io.StringIO(text, newline=""), strict=True), 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise FileRefused(f"line {line} can't be read: {error}") from error
        if cells is None:
            break
        if any("\0" in cell for cell in cells):
            raise FileRefused(f"line {line} has a zero byte: this is no text")
        if any(cell.strip() for cell in cells):
            rows.append((line, cells))
        line = reader.line_num + 1
    if len(rows) < 2:
        raise FileRefused("a line of column names and at least one bot are needed")
    if len(rows) - 1 > MOST_BOTS:
        raise FileRefused(f"the file has {len(rows) - 1} bots, at most {MOST_BOTS} are taken at once")
    return rows


def _columns(names: list[str]) -> list[str]:
    names = [name.strip() for name in names]
    if unknown := [name for name in names if name not in COLUMNS]:
        raise FileRefused(f"line 1: the column {unknown[0]!r} is unknown; there are {', '.join(COLUMNS)}")
    if twice := [name for name in names if names.count(name) > 1]:
        raise FileRefused(f"line 1: the column {twice[0]!r} is there twice")
    if missing := [name for name in ("owner", "name") if name not in names]:
        raise FileRefused(f"line 1: the column {missing[0]!r} is missing: owner and name say which bot is meant")
    return names

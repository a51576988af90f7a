"""One file of an archive: JSON lines under gzip. It has its name when it has been read back, and its facts beside it.

    ARCHIVE_DIR/trades_trade/2025-06-001.jsonl.gz    a row a line, its amounts as texts
    ARCHIVE_DIR/trades_trade/2025-06-001.json        rows, first and last id, sha256

A file without its facts was not finished: the next run writes it anew.
"""

import gzip
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

Row = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """The facts of one file: some rows of one month of one table, in the order of their ids."""

    table: str
    month: str  # 2025-06
    number: int
    rows: int
    first_id: int
    last_id: int
    sha256: str  # of the file as it lies there
    lines_sha256: str  # of what it holds
    is_last: bool  # of its month, which is over for so long that nothing is added any more

    @property
    def name(self) -> str:
        return f"{self.table}/{self.month}-{self.number:03}"

    def path(self, directory: Path) -> Path:
        return directory / f"{self.name}.jsonl.gz"

    def ids(self, directory: Path) -> list[int]:
        return [int(json.loads(line)["id"]) for line in _lines(self.path(directory))]


def parts(directory: Path, table: str = "*") -> list[Part]:
    """All that are finished."""
    return [Part(**json.loads(path.read_text())) for path in sorted(directory.glob(f"{table}/*.json"))]


def write_part(directory: Path, rows: Iterable[Row], *, table: str, month: str, number: int, is_last: bool) -> Part:
    """Write a file and prove it. Raises OSError, also when what is read back is not what was written."""
    folder = directory / table
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{month}-{number:03}"
    unfinished = folder / f".{name}.unfinished"
    lines, ids = hashlib.sha256(), list[int]()
    with _new(unfinished) as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed:
        for row in rows:
            line = _line(row)
            packed.write(line)
            lines.update(line)
            ids.append(row["id"])
        packed.close()
        raw.flush()
        os.fsync(raw.fileno())
    part = Part(
        table=table,
        month=month,
        number=number,
        rows=len(ids),
        first_id=ids[0],
        last_id=ids[-1],
        sha256=hashlib.sha256(unfinished.read_bytes()).hexdigest(),
        lines_sha256=lines.hexdigest(),
        is_last=is_last,
    )
    if wrong := _faults(part, unfinished):
        raise OSError(f"{part.name}: read back it is not what was written: {wrong}")
    unfinished.replace(part.path(directory))
    _write_facts(folder, name, part)
    return part


def faults_of(part: Part, directory: Path) -> str:
    """What is wrong with a finished file; empty when it is what its facts say."""
    return _faults(part, part.path(directory))


def _faults(part: Part, path: Path) -> str:
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() != part.sha256:
            return "its sha256 is another"
        lines, rows = hashlib.sha256(), 0
        for line in _lines(path):
            lines.update(line)
            rows += 1
    except (OSError, EOFError) as error:  # a file that is cut off ends too early
        return f"it can't be read: {error}"
    if (lines.hexdigest(), rows) != (part.lines_sha256, part.rows):
        return f"it holds {rows} rows, which are not those that were written"
    return ""


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as packed:
        yield from packed


def _new(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _write_facts(folder: Path, name: str, part: Part) -> None:
    unfinished = folder / f".{name}.facts"
    with _new(unfinished) as raw:
        raw.write(json.dumps(asdict(part)).encode())
        raw.flush()
        os.fsync(raw.fileno())
    unfinished.replace(folder / f"{name}.json")
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)  # the names, too
    finally:
        os.close(handle)


def _line(row: Row) -> bytes:
    return json.dumps(row, default=_text, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _text(value: Any) -> str:
    """Exactly, so that a row can be made from it again."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} in a row that is archived")

"""A record of `logging` becomes a line.

JSON: `{"timestamp", "level", "logger", "event", "service", "pid", ids, fields, "errors"}`, all in one line of at most
LINE_BYTES. So much is written at once into a pipe: processes that share a stdout never tear each other's lines.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import orjson

from market.logs import errors
from market.logs.library import ProcessorFormatter, contextvars
from market.logs.values import safe, text_of, value_of

LINE_BYTES = 4096  # PIPE_BUF, with the end of the line
MOST_EVENT, MOST_FIELDS, MOST_ID = 2_000, 30, 64
IDS = ("request_id", "user", "task", "task_id", "bot", "account", "order")
FIRST = ("timestamp", "level", "logger", "event", "service", "pid")
# What `logging` itself keeps of a record; what is beside it was given as `extra`.
_OWN = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "_logger", "_name"}
_OF_LIBRARIES = {"data"}  # Celery: arguments and results


class Lines(ProcessorFormatter):
    """Writes lines of one service, as JSON or, for people, as `console`. Never raises."""

    def __init__(self, service: str, style: str) -> None:
        self._service = service
        render = _as_text if style == "console" else _as_json
        chain = [contextvars.merge_contextvars, self._facts]
        super().__init__(foreign_pre_chain=chain, processors=[render])

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(record)
        except Exception as error:
            return _unreadable(record, error)

    def _facts(self, _: Any, level: str, told: Any) -> dict[str, Any]:
        """The fields in their order, without secrets."""
        record: logging.LogRecord = told.pop("_record")
        trouble = told.pop("exc_info", None)
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "timestamp": f"{moment[:-6]}Z",
            "level": level,
            "logger": record.name,
            "event": safe(told.pop("event"), MOST_EVENT),
            "service": self._service,
            "pid": record.process,
        }
        for name in ("_from_structlog", "stack_info"):
            told.pop(name, None)
        fields = told | _extra(record)
        for name in sorted(fields, key=_rank)[:MOST_FIELDS]:
            value = fields[name]
            known = name in IDS and isinstance(value, str) and len(value) <= MOST_ID and value.isascii()
            line[name if name not in FIRST else f"{name}_"] = value if known else value_of(value, name)
        if trouble and trouble[1] is not None:
            line["errors"] = errors.told(trouble[1])
        return line


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    given = {safe(name, 40): value for name, value in vars(record).items() if name not in _OWN}
    if not given:
        return given
    if record.name.startswith("celery"):
        given = {name: value for name, value in given.items() if name not in _OF_LIBRARIES}
    asked = given.pop("request", None)  # Django's; as a whole it would tell the query, too
    if hasattr(asked, "path"):
        given["path"] = asked.path
    return given


def _rank(name: str) -> int:
    return IDS.index(name) if name in IDS else len(IDS)


def _as_json(_: Any, __: str, line: Any) -> str:
    text = orjson.dumps(line)
    return (text if len(text) < LINE_BYTES else _shortened(line)).decode()


def _shortened(line: dict[str, Any]) -> bytes:
    """The line as JSON of less than LINE_BYTES: first errors and fields go short, then fields away."""
    for most, places, has_fields in ((200, 6, True), (60, 3, True), (60, 2, False)):
        kept = {name: value for name, value in line.items() if has_fields or name in (*FIRST, *IDS)}
        short = {name: _cut(value, 4 * most if name == "event" else most) for name, value in kept.items()}
        short["errors"] = [
            {"type": _cut(error["type"], most), "text": _cut(error["text"], most), "at": error["at"][-places:]}
            for error in line.get("errors", [])[:places]
        ]
        text = orjson.dumps(short | {"cut": True})
        if len(text) < LINE_BYTES:
            return text
    return orjson.dumps({name: _cut(line[name], 60) for name in FIRST} | {"cut": True})


def _cut(value: Any, most: int) -> Any:
    text = str(value) if isinstance(value, dict | list) else value
    return f"{text[:most]}…" if isinstance(text, str) and len(text) > most else value


def _as_text(_: Any, __: str, line: Any) -> str:
    """For people: `2026-11-21 05:00:00.123Z WARNING trades.services: position 5: odd  bot=5`, errors below it."""
    trouble = line.pop("errors", [])
    moment, level, logger, event, _service, _pid = (line.pop(name) for name in FIRST)
    fields = "".join(f" {name}={value}" for name, value in line.items())
    head = _one_line(f"{moment.replace('T', ' ')} {level.upper()} {logger}: {event}{fields and '  '}{fields.lstrip()}")
    return "\n".join([head, *(_one_line(text) for error in trouble for text in _error(error))])


def _error(error: dict[str, Any]) -> list[str]:
    return [f"    {error['type']}: {error['text']}", *(f"        {place}" for place in error["at"])]


def _one_line(text: str) -> str:
    """Whatever would begin another line, or move the cursor, is shown as what it is."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _unreadable(record: logging.LogRecord, error: Exception) -> str:
    """What can still be said of a record that can't be told, such as one whose arguments do not fit its message."""
    line = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": text_of(record.levelname).lower(),
        "logger": text_of(record.name),
        "event": text_of(record.msg),
        "unreadable": f"{type(error).__name__}: {text_of(error, 200)}",
    }
    return json.dumps(line)

"""An exception in a line: what it was, and where, without source and without the values of variables."""

import traceback
from types import TracebackType
from typing import Any

from market.logs.values import text_of

MOST_ERRORS, MOST_PLACES, MOST_TEXT = 4, 12, 500


def told(error: BaseException | None) -> list[dict[str, Any]]:
    """The error and what led to it, the last one first: type, text, and where, from the outermost call on."""
    found: list[dict[str, Any]] = []
    waiting, seen = [error], set[int]()
    while waiting and len(found) < MOST_ERRORS:
        error = waiting.pop(0)
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        found.append({"type": type(error).__name__, "text": text_of(error, MOST_TEXT), "at": _places(error)})
        if isinstance(error, BaseExceptionGroup):
            waiting += error.exceptions[:MOST_ERRORS]
        waiting.append(error.__cause__ or (None if error.__suppress_context__ else error.__context__))
    return found


def _places(error: BaseException) -> list[str]:
    """`market/candles.py:41 candles_of`; of a long way the last places, which tell most."""
    return [_place(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in _last(error.__traceback__)]


def _last(trace: TracebackType | None) -> list[Any]:
    return list(traceback.walk_tb(trace))[-MOST_PLACES:]


def _place(path: str, line: int, function: str) -> str:
    return f"{'/'.join(path.split('/')[-4:])}:{line} {function}"

"""What every endpoint of /api/v3 has in common: parameters nobody reads are refused, times come as the client wants."""

from __future__ import annotations

from functools import wraps
from typing import Any

import orjson

from market.paper.web.call import Call, Handler, Reply
from market.paper.web.errors import ApiError

TIMES = frozenset(
    (
        *("time", "updateTime", "transactTime", "transactionTime", "workingTime", "trailingTime"),
        *("serverTime", "openTime", "closeTime", "T"),
    )
)
KLINE_OPEN, KLINE_CLOSE = 0, 6


def api(handler: Handler) -> Handler:
    """Stand around a handler of /api/v3. Those that change something ask for unread parameters before they do."""

    @wraps(handler)
    def answer(call: Call) -> Any:
        fine = _wants_microseconds(call)
        result = handler(call)
        if call.endpoint.method == "GET":
            call.params.require_all_read()
        return _in_microseconds(result) if fine else result

    return answer


def _wants_microseconds(call: Call) -> bool:
    unit = call.time_unit or "MILLISECOND"
    if unit.upper() not in ("MICROSECOND", "MILLISECOND"):
        raise ApiError(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")
    return unit.upper() == "MICROSECOND"


def _in_microseconds(result: Any) -> Any:
    if isinstance(result, bytes):
        return [_fine_kline(row) for row in orjson.loads(result)]
    if isinstance(result, Reply):
        return Reply(orjson.dumps(_fine(orjson.loads(result.body))), result.status, result.headers)
    return _fine(result)


def _fine(thing: Any) -> Any:
    if isinstance(thing, list):
        return [_fine(each) for each in thing]
    if not isinstance(thing, dict):
        return thing
    return {
        name: value * 1000 if name in TIMES and type(value) is int and value > 0 else _fine(value)
        for name, value in thing.items()
    }


def _fine_kline(row: list[Any]) -> list[Any]:
    row[KLINE_OPEN] *= 1000
    row[KLINE_CLOSE] = row[KLINE_CLOSE] * 1000 + 999
    return row

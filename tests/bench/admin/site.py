"""Production's site, which says of each answer how many statements it took: ``tests.bench.admin.site:application``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import local
from typing import Any

from django.db import connection

from tests.bench.admin.measure import STATEMENTS
from tradebot_site.wsgi import application as production

_sent = local()


def _count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    _sent.number += 1
    return execute(sql, params, many, context)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer as production does."""
    _sent.number = 0

    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        return start_response(status, [*headers, (STATEMENTS, str(_sent.number))], *rest)

    with connection.execute_wrapper(_count):
        answer: Iterable[bytes] = production(environ, start)
        return answer

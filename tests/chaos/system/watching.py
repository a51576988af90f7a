"""Failpoints around the steps of the order protocol, put into a worker from outside: production knows none of them."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from tests.chaos.system.failpoints import hit

# Methods of DatabaseBooks. The last two are one statement each, which commits itself.
TRANSACTIONS = ("claim", "record", "reject", "doubt", "prove_absent")
STATEMENTS = ("drop", "note_not_found")
ORDERS = ("/api/v3/order", "/api/v3/orderList/oco", "/fapi/v1/order", "/fapi/v1/algoOrder")

_local = threading.local()  # a web server has several threads


def _open() -> list[str]:
    """The steps that the transaction which is open now in this thread belongs to."""
    if not hasattr(_local, "steps"):
        _local.steps = []
    steps: list[str] = _local.steps
    return steps


def watch_books(books: Any) -> None:
    """The transactions of steps 2 and 4, and of everything that ends otherwise."""
    for name in TRANSACTIONS:
        setattr(books, name, _in_transaction(name, getattr(books, name)))
    for name in STATEMENTS:
        setattr(books, name, _as_statement(name, getattr(books, name)))


def watch_intents(order: Any) -> None:
    """Step 1, whoever intends the order: the row is inserted in a transaction that began before."""
    save = order.save

    @wraps(save)
    def watched(self: Any, *args: Any, **kwargs: Any) -> None:
        is_new = self._state.adding
        if is_new:
            hit("intend.begun")
        save(self, *args, **kwargs)
        if is_new:
            _open().append("intend")
            hit("intend.written")

    order.save = watched


def watch_wishes(asked: Any) -> None:
    """Orders by hand: asked for in the web server, begun by a worker."""
    save = asked.save

    @wraps(save)
    def watched(self: Any, *args: Any, **kwargs: Any) -> None:
        is_new = self._state.adding
        if is_new:
            hit("wish.begun")
        save(self, *args, **kwargs)
        if is_new:
            _open().append("wish")

    asked.save, asked.begin = watched, _then(asked.begin, "wish.running")


def watch_commits(database: Any) -> None:
    """Just before and just after COMMIT, before Django runs what waits for it."""
    commit, rollback = database._commit, database._rollback

    def watched_commit(self: Any) -> None:
        steps = list(dict.fromkeys(_open()))
        for step in steps:
            if step != "intend":  # that was hit when its row was written
                hit(f"{step}.written")
        commit(self)
        _open().clear()
        for step in steps:
            hit(f"{step}.committed")

    def watched_rollback(self: Any) -> None:
        _open().clear()
        rollback(self)

    database._commit, database._rollback = watched_commit, watched_rollback


class WatchedGateway:
    """A gateway with failpoints around its calls about orders."""

    def __init__(self, gateway: Any) -> None:
        self._gateway = gateway

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)

    def submit(self, *args: Any) -> Any:
        """Send one order."""
        report = self._gateway.submit(*args)
        hit("send.answered")
        return report

    def submit_pair(self, *args: Any) -> Any:
        """Send two."""
        reports = self._gateway.submit_pair(*args)
        hit("send.answered")
        return reports

    def find_order(self, *args: Any) -> Any:
        """Ask for one."""
        hit("ask.begun")
        try:
            return self._gateway.find_order(*args)
        finally:
            hit("ask.answered")


def watch_sockets(connection: type[http.client.HTTPConnection]) -> None:
    """Step 3, byte by byte: requests that place an order."""
    put, send = connection.putrequest, connection.send

    def watched_put(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        self.chaos_parts = 0 if method == "POST" and url.split("?")[0] in ORDERS else None
        put(self, method, url, *args, **kwargs)

    def watched_send(self: Any, data: Any) -> None:
        part = getattr(self, "chaos_parts", None)
        if part is None or not isinstance(data, bytes):
            send(self, data)
            return
        self.chaos_parts = part + 1
        if part == 0:
            hit("send.begun")
            send(self, data)
            hit("send.headers")
        else:
            half = len(data) // 2
            send(self, data[:half])
            hit("send.half_body")
            send(self, data[half:])
            hit("send.all_bytes")

    connection.putrequest, connection.send = watched_put, watched_send  # type: ignore[method-assign]


def watch_tick(services: Any) -> None:
    """The round over the fleet, between its claim, its evaluation, and the tasks that come of them."""
    services.run_all_active_bots = _then(services.run_all_active_bots, "tick.claimed")
    evaluate = services.evaluate

    @wraps(evaluate)
    def watched(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for evaluated in evaluate(*args, **kwargs):
            hit("tick.evaluated")
            yield evaluated

    services.evaluate = watched


def _then(function: Callable[..., Any], step: str) -> Callable[..., Any]:
    @wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        hit(step)
        return result

    return watched


def _in_transaction(step: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def watched(*args: Any, **kwargs: Any) -> Any:
        hit(f"{step}.begun")
        with _belonging_to(step):
            return method(*args, **kwargs)

    return watched


def _as_statement(step: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def watched(*args: Any, **kwargs: Any) -> Any:
        hit(f"{step}.begun")
        result = method(*args, **kwargs)
        hit(f"{step}.committed")
        return result

    return watched


@contextmanager
def _belonging_to(step: str) -> Iterator[None]:
    _open().append(step)
    try:
        yield
    finally:
        if step in _open():
            _open().remove(step)

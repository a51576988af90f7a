"""The deck: everything that is done to the system, one card for each round. A new injury is a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.chaos.system.failpoints import FREEZE, KILL, STEPS
from tests.chaos.system.stack import WEB, WORKERS
from tests.chaos.system.ward import Check, Ward

Fault = dict[str, Any]
ORDER = {"method": "POST", "path": "/api/v3/order"}
QUERY = {"method": "GET", "path": "/api/v3/order"}
EVERYTHING_AT_ONCE = ("postgres", "redis", "paper", *WORKERS, "beat", WEB)


@dataclass(frozen=True)
class Injury:
    """``inflict`` does it, and returns how to see that it has taken place; None: it has."""

    name: str
    inflict: Callable[[Ward], Check | None]


def deck() -> list[Injury]:
    """Every injury once."""
    return [*_deaths_at_steps(), *_freezes_at_steps(), *_deaths(), *_faults(), *_disorders()]


# --- at a named step

LOST: Fault = {"fault": "drop_before", "match": ORDER, "times": 3}  # the request
UNANSWERED: Fault = {"fault": "drop_after", "match": ORDER, "times": 3}  # executed
REFUSED: Fault = {"fault": "error_before", "match": ORDER, "times": 3, "status": 400, "code": -2010, "msg": "no"}
# What brings workers to the steps that a day without trouble does not come to.
PROVOKED_BY = {
    "reject": [REFUSED],
    "doubt": [UNANSWERED, LOST],
    "ask": [UNANSWERED],
    "note_not_found": [LOST],
    "prove_absent": [LOST],
}


def _deaths_at_steps() -> Iterator[Injury]:
    for step in STEPS:
        yield Injury(f"killed at {step}", _at(step, KILL))


def _freezes_at_steps() -> Iterator[Injury]:
    """Workers that sleep too long: until the sweeper has done their work, or the order's time is over."""
    for step, seconds in (
        *(("intend.committed", 5), ("intend.committed", 4.5), ("claim.begun", 5), ("claim.begun", 4.5)),
        *(("claim.written", 2), ("claim.committed", 1.5), ("claim.committed", 12), ("claim.committed", 15)),
        *(
            ("send.headers", 2),
            ("send.half_body", 12),
            ("send.answered", 6),
            ("record.begun", 6),
            ("record.written", 2),
        ),
        *(("doubt.begun", 6), ("ask.answered", 5), ("prove_absent.begun", 5), ("tick.evaluated", 3)),
    ):
        yield Injury(f"frozen at {step} for {seconds} s", _at(step, f"{FREEZE} {seconds}"))


def _at(step: str, action: str) -> Callable[[Ward], Check]:
    def inflict(ward: Ward) -> Check:
        fired = ward.at_step(step, action)
        kind = step.partition(".")[0]
        if kind in PROVOKED_BY:
            ward.misbehave(PROVOKED_BY[kind])
        elif kind == "tick":
            ward.tick()
        elif kind == "drop":
            _leave_behind(ward)
        elif action != KILL and kind in ("intend", "claim"):
            ward.sweep_soon()
        return fired

    return inflict


def _leave_behind(ward: Ward) -> None:
    """An order is written down by a worker that dies, and nobody sweeps until it is too old."""
    ward.at_step("intend.committed", KILL)
    ward.kill("beat", down_seconds=8)


# --- at any time


def _deaths() -> Iterator[Injury]:
    for name, seconds in (
        *(("worker-1", 0), ("worker-2", 2), ("beat", 0), ("beat", 4), ("paper", 0), ("paper", 2)),
        *((WEB, 0), (WEB, 2)),
        *(("redis", 0), ("redis", 2), ("postgres", 0), ("postgres", 2)),
    ):
        yield Injury(f"{name} killed, away for {seconds} s", _killing(name, seconds=seconds))
    yield Injury("both workers killed", _killing(*WORKERS))
    yield Injury("everything killed at once", _killing(*EVERYTHING_AT_ONCE))
    yield from (Injury(f"a worker's child killed, {n}", lambda ward: ward.kill_child()) for n in ("once", "again"))
    yield Injury("a backend of PostgreSQL killed", lambda ward: ward.kill_backend())
    yield Injury("a worker killed while the exchange loses requests", _at_bad_time("worker-1", LOST))
    yield Injury("Redis killed while replies are lost", _at_bad_time("redis", UNANSWERED))
    yield Injury("PostgreSQL killed while replies are lost", _at_bad_time("postgres", UNANSWERED))


def _killing(*names: str, seconds: float = 0) -> Callable[[Ward], None]:
    def inflict(ward: Ward) -> None:
        for name in names:
            ward.kill(name, down_seconds=seconds)

    return inflict


def _at_bad_time(name: str, fault: Fault) -> Callable[[Ward], Check]:
    def inflict(ward: Ward) -> Check:
        happened = ward.misbehave([fault])
        ward.kill(name)
        return happened

    return inflict


# --- the paper exchange's menu


def _faults() -> Iterator[Injury]:
    for step in ORDER_FAULTS:
        yield _fault({"match": ORDER, "times": 3} | step)
    for step in QUERY_FAULTS:
        yield _fault(UNANSWERED, {"match": QUERY, "times": 4} | step)
    for step in TIMED_FAULTS:
        yield _fault({"for_seconds": 2} | step)
    yield _fault({"fault": "late_visibility", "delay_seconds": 2, "for_seconds": 6}, UNANSWERED)
    yield _fault({"fault": "late_visibility", "delay_seconds": 1, "for_seconds": 6}, {**UNANSWERED, "times": 10})


ORDER_FAULTS: tuple[Fault, ...] = (
    {"fault": "drop_before"},
    {"fault": "drop_before", "times": 10},
    {"fault": "drop_after"},
    {"fault": "drop_after", "times": 10},
    # What these say is true when nothing was done; "unavailable" and "throttled" promise that it was not.
    *({"fault": "error_before", "like": like} for like in ("unknown", "unavailable", "internal", "throttled")),
    *({"fault": "error_before", "like": like} for like in ("timeout", "bad_gateway")),
    *({"fault": "error_after", "like": like} for like in ("unknown", "timeout", "bad_gateway")),
    {"fault": "error_after", "status": 408, "code": -1007, "msg": "Timeout."},
    {"fault": "error_before", "status": 400, "code": -2010, "msg": "Account has insufficient balance."},
    {"fault": "error_before", "status": 400, "code": -1013, "msg": "Filter failure: NOTIONAL"},
    {"fault": "delay_before", "delay_seconds": 0.4},  # still valid
    {"fault": "delay_before", "delay_seconds": 1.5},  # not any more
    {"fault": "delay_before", "delay_seconds": 4},  # and its sender has hung up
    {"fault": "delay_after", "delay_seconds": 1.5},
    {"fault": "delay_after", "delay_seconds": 4},
    {"fault": "too_many_requests", "retry_after_seconds": 1},
    {"fault": "too_many_requests", "retry_after_seconds": 1, "kind": "orders"},
    {"fault": "ip_banned", "retry_after_seconds": 2},
    {"fault": "waf_block"},
    {"fault": "key_revoked"},
    {"fault": "nan"},
    {"fault": "nan", "field": "commission"},
    {"fault": "truncated"},
    {"fault": "html_after"},
    {"fault": "partial_fill"},
    {"fault": "partial_fill", "fill_percent": 70, "times": 10},
)
# Of questions about orders whose reply was lost.
QUERY_FAULTS: tuple[Fault, ...] = (
    {"fault": "drop_before"},
    {"fault": "error_before", "like": "internal"},
    {"fault": "delay_after", "delay_seconds": 3},
    {"fault": "nan"},
    {"fault": "truncated"},
    {"fault": "html_after"},
    {"fault": "too_many_requests", "retry_after_seconds": 1},
    {"fault": "key_revoked"},
    {"fault": "drop_before", "match": {"path": "/api/v3/myTrades"}},
    {"fault": "truncated", "match": {"path": "/api/v3/myTrades"}},
)
TIMED_FAULTS: tuple[Fault, ...] = (
    {"fault": "drop_before", "match": {"path": "/api/v3/*"}},
    {"fault": "error_before", "like": "internal", "match": {"path": "/api/v3/*"}},
    {"fault": "too_many_requests", "retry_after_seconds": 1, "match": {"path": "/api/v3/*"}},
    {"fault": "delay_before", "delay_seconds": 0.7, "match": {"path": "/api/v3/*"}},
    {"fault": "key_revoked"},
    {"fault": "clock_skew", "skew_ms": 900},
    {"fault": "clock_skew", "skew_ms": -4000},
    {"fault": "clock_skew", "skew_ms": 4000},
    {"fault": "frozen_data"},
    {"fault": "frozen_price"},
    {"fault": "price_jump", "percent": -3},
    {"fault": "thin_book", "level_quote": 100, "levels": 5},
    {"fault": "halted", "match": {"symbol": "BTCUSDT"}},
    {"fault": "cancel_loses"},
    {"fault": "duplicate_events"},
    {"fault": "late_events", "delay_seconds": 1},
    {"fault": "missing_events"},
    {"fault": "garbage_events"},
    {"fault": "pause"},
)


def _fault(*steps: Fault) -> Injury:
    name = " + ".join(" ".join(str(value) for value in step.values() if value is not ORDER) for step in steps)
    return Injury(f"fault {name}", lambda ward: ward.misbehave(steps))


# --- disorder


def _disorders() -> Iterator[Injury]:
    yield Injury("FLUSHALL", lambda ward: ward.flush())
    yield Injury("a second beat", lambda ward: ward.second_beat(8))
    yield Injury("run_bot delivered three times", _again)
    yield Injury("reconcile_orders delivered four times", _sweeping)
    yield Injury("execute_trade_async delivered three times", _handing)
    yield Injury("the minute delivered three times", lambda ward: ward.tick(times=3))
    yield from (Injury(f"{name} frozen for 3 s", _freezing(name)) for name in (*WORKERS, WEB))
    for seconds in (3, 6, 8, 10):
        for state in ("halted", "reducing"):
            yield Injury(f"accounts {state} for {seconds} s", _pressing(state, seconds))


def _again(ward: Ward) -> None:
    for bot in ward.dice.sample(ward.bots, 10):
        ward.send_again("bots.tasks.run_bot", bot, times=3)


def _handing(ward: Ward) -> None:
    """The newest orders by hand, whatever has become of them."""
    for (asked,) in ward.sql("SELECT id FROM trades_orderbyhand ORDER BY id DESC LIMIT 5"):
        ward.send_again("trades.tasks.execute_trade_async", asked, times=3)


def _sweeping(ward: Ward) -> Check:
    happened = ward.misbehave([UNANSWERED, LOST])
    ward.send_again("trades.tasks.reconcile_orders", times=4)
    return happened


def _pressing(state: str, seconds: float) -> Callable[[Ward], None]:
    return lambda ward: ward.press(state, seconds)


def _freezing(name: str) -> Callable[[Ward], None]:
    return lambda ward: ward.freeze(name, 3)

"""The menu: every fault by its name. A new one is a dataclass beside its neighbours and one line here."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from market.paper.faults import answers, calls, events, markets, orders
from market.paper.faults.kinds import CallFault, EventFault, Fault, MarketFault, Next
from market.paper.faults.params import defaults_of, kinds_of
from market.paper.web.call import Call, Reply


@dataclass(frozen=True)
class Pause(CallFault):
    """Nothing happens: a quiet stretch of a script, for so many calls (times) or seconds (for_seconds)."""

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        return await proceed(call)


FAULTS: dict[str, type[Fault]] = {
    "drop_before": calls.DropBefore,
    "drop_after": calls.DropAfter,
    "error_before": calls.ErrorBefore,
    "error_after": calls.ErrorAfter,
    "delay_before": calls.DelayBefore,
    "delay_after": calls.DelayAfter,
    "too_many_requests": calls.TooManyRequests,
    "ip_banned": calls.IpBanned,
    "waf_block": answers.WafBlock,
    "key_revoked": calls.KeyRevoked,
    "clock_skew": calls.ClockSkew,
    "nan": answers.Nan,
    "truncated": answers.Truncated,
    "html_after": answers.HtmlAfter,
    "late_visibility": answers.LateVisibility,
    "frozen_data": answers.FrozenData,
    "partial_fill": orders.PartialFill,
    "cancel_loses": orders.CancelLoses,
    "frozen_price": markets.FrozenPrice,
    "price_jump": markets.PriceJump,
    "thin_book": markets.ThinBook,
    "halted": markets.Halted,
    "duplicate_events": events.DuplicateEvents,
    "late_events": events.LateEvents,
    "missing_events": events.MissingEvents,
    "garbage_events": events.GarbageEvents,
    "pause": Pause,
}

HAPPENS_TO: dict[type[Fault], str] = {CallFault: "calls", EventFault: "events", MarketFault: "the market"}


def menu() -> list[dict[str, Any]]:
    """Every fault: what it happens to, what it does, its parameters with bounds and defaults."""
    return [
        {
            "fault": name,
            "happens_to": happens_to(fault),
            "does": " ".join((inspect.getdoc(fault) or "").replace("``", "").split()),
            "params": {
                param: {"legal": kind.legal, "default": defaults_of(fault)[param]}
                for param, kind in kinds_of(fault).items()
            },
        }
        for name, fault in FAULTS.items()
    ]


def happens_to(fault: type[Fault]) -> str:
    """Calls, events, or the market."""
    return next(name for kind, name in HAPPENS_TO.items() if issubclass(fault, kind))

"""Why a bot did what it did: its decisions, told and computed once more."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bots.models import BotConfig, Decision, ExternalSignal, Tick
from bots.services.look import finite
from bots.strategies import STRATEGIES
from market.exchange import public_gateway
from market.exchange.errors import ExchangeUnavailable
from market.feed.copies import MOST
from market.types import Candles

EQUAL_TO = 1e-9
OF_DECISION = ("status", "reason", "text", "strategy", "parameters", "revision", "indicators")


@dataclass(frozen=True)
class Replayed:
    """A decision's reading computed anew; ``differences`` are sentences, none when it is the same."""

    decision: int
    text: str
    indicators: dict[str, float]
    differences: list[str]


class NothingToReplay(Exception):
    """A decision that rests on nothing that is kept, or on a strategy that is gone."""


def explain(bot: BotConfig, *, at: datetime) -> dict[str, Any]:
    """What the bot thought at a moment, since when, and what it had thought before: plain values, as JSON has them."""
    known = list(bot.decisions.filter(created_at__lte=at).order_by("-created_at", "-pk")[:6])
    told: dict[str, Any] = {"bot": bot.pk, "name": bot.name, "at": at.isoformat()}
    if not known:
        return told | {"decision": None, "before": []}
    newest = known[0]
    # The same thought is not written twice: how often it was thought, the ticks know.
    ticks = Tick.objects.filter(started_at__gt=newest.created_at, started_at__lte=at).count()
    events = bot.position.events.filter(created_at__range=(newest.created_at, at)).order_by("created_at")
    return told | {
        "decision": _told(newest) | {"thought_again": ticks},
        "events": [f"{event.created_at:%H:%M:%S} {event.kind}: {event.message}" for event in events[:20]],
        "before": [_told(decision) for decision in known[1:]],
    }


def _told(decision: Decision) -> dict[str, Any]:
    closed_at = decision.candle_close_at
    told = {"id": decision.pk, "at": decision.created_at.isoformat()}
    told |= {name: getattr(decision, name) for name in OF_DECISION}
    told |= {
        "candle_close_at": closed_at.isoformat() if closed_at else None,
        "price": None if decision.price is None else f"{decision.price:f}",
        "order": decision.order_id,
    }
    if decision.denial_code:
        told["denied"] = {
            "code": decision.denial_code,
            "limit": decision.denial_limit,
            "value": decision.denial_value,
        }
    return told


def replay(decision: Decision) -> Replayed:
    """Compute what the strategy said at a decision's candle, from the exchange's candles, and compare.

    Raises NothingToReplay, ExchangeError, or what the strategy raises.
    """
    strategy, closed_at = STRATEGIES.get(decision.strategy), decision.candle_close_at
    if strategy and strategy.listens:
        return _heard_again(decision)
    if strategy is None or closed_at is None or not decision.indicators:
        raise NothingToReplay(f"decision {decision.pk} rests on no reading of a strategy that is here")
    reading = strategy.read(_candles_until(decision.bot, closed_at), strategy.complete(decision.parameters))
    indicators = finite(reading.indicators)
    return Replayed(decision.pk, reading.text, indicators, _differences(decision, reading.text, indicators))


def _heard_again(decision: Decision) -> Replayed:
    """The signal from outside that a decision rests on, as it was written down when it came."""
    number = decision.indicators.get("signal")
    if number is None:
        raise NothingToReplay(f"decision {decision.pk} rests on no signal: {decision.strategy} reads no candles")
    signal = ExternalSignal.objects.filter(pk=int(number), bot=decision.bot_id).first()
    if signal is None:
        raise NothingToReplay(f"decision {decision.pk} rests on signal {number:g}, which is not kept any more")
    text, indicators = str(signal), decision.indicators
    return Replayed(decision.pk, text, indicators, _differences(decision, text, indicators))


def _candles_until(bot: BotConfig, closed_at: datetime) -> Candles:
    series = bot.series
    gateway = public_gateway(*series.exchange)
    rows = gateway.candles(series.symbol, series.interval, limit=MOST, until=closed_at)
    if not len(rows) or Candles.from_rows(rows).close_at(series.duration) != closed_at:
        raise ExchangeUnavailable(f"the exchange has no candle of {series} that closed at {closed_at:%Y-%m-%d %H:%M}")
    return Candles.from_rows(rows)


def _differences(decision: Decision, text: str, indicators: dict[str, float]) -> list[str]:
    found = [
        f"{name} was {decision.indicators.get(name)}, is {indicators.get(name)}"
        for name in sorted(decision.indicators.keys() | indicators.keys())
        if not _are_equal(decision.indicators.get(name), indicators.get(name))
    ]
    if text not in decision.text and decision.text[:400] != text[:400]:
        found.append(f"it was said {decision.text!r}, now {text!r}")
    return found


def _are_equal(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and math.isclose(one, other, rel_tol=EQUAL_TO)

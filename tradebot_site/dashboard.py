"""The admin's index: how the fleet stands, in real figures, without asking the exchange."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from bots.types import Status
from market.admin import text
from market.admin.base import sees_all
from market.admin.columns import COLOURS
from ops.statistics import TICK_TOO_OLD_SECONDS, fleet_statistics

Card = dict[str, str]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK. Staff who see only their own rows get only their own figures."""
    owner = None if sees_all(request) else request.user
    statistics = fleet_statistics(now=timezone.now(), owner=owner, ask_exchange=False)  # type: ignore[arg-type]
    return context | {
        "cards": _cards(statistics),
        "statuses": _statuses(statistics["bots"]),
        "queues": statistics["queues"],
        "whose": "" if owner is None else "your own bots",
    }


def _cards(statistics: dict[str, Any]) -> list[Card]:
    bots, trades = sum(statistics["bots"].values()), statistics["trades"]
    return [
        _card("Bots", f"{bots:,}", f"{statistics['bots_active']:,} active", "bots_botconfig"),
        _card("Open positions", f"{statistics['open_positions']:,}", f"{trades:,} trades so far", "trades_position"),
        _card("Realised P&L", _usdt(statistics["realized_pnl"]), "net of fees", "trades_trade"),
        _card("Unrealised P&L", _usdt(statistics["unrealized_pnl"]), "at the last tick's prices", "trades_position"),
        _tick(statistics),
    ]


def _card(title: str, value: str, detail: str, model: str) -> Card:
    return {"title": title, "value": value, "detail": detail, "href": reverse(f"admin:{model}_changelist")}


def _tick(statistics: dict[str, Any]) -> Card:
    age, took = statistics["last_tick_age_seconds"], statistics["last_tick_seconds"]
    if age is None:
        return _card("Last tick", "never", "does beat run?", "bots_tick")
    detail = "still at work" if took is None else f"took {took:.2f} s"
    if missed := statistics["ticks_missed_last_hour"]:
        detail += f"; {missed} missed in the last hour"
    if doubled := statistics["ticks_doubled_last_hour"]:
        detail += f"; {doubled} begun twice, is there a second beat?"
    if age > TICK_TOO_OLD_SECONDS:
        detail = "too old: do beat and workers run?"
    return _card("Last tick", f"{text.span(timedelta(seconds=age))} ago", detail, "bots_tick")


def _usdt(amount: str | None) -> str:
    return "unknown" if amount is None else f"{text.signed(Decimal(amount))} USDT"


def _statuses(counts: dict[str, int]) -> list[dict[str, Any]]:
    """Every status in the order of a bot's life, with a link to its bots."""
    bots = reverse("admin:bots_botconfig_changelist")
    return [
        {
            "name": f"{status.value} {counts.get(status, 0):,}",
            "colour": COLOURS[status],
            "href": f"{bots}?status={status.value}",
        }
        for status in Status
    ]

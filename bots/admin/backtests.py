"""Backtests: their list, and the page of one with its figures, its equity and its files."""

from collections.abc import Callable, Iterable
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import display

from bots.admin.page import Card
from bots.models import Backtest
from bots.services import backtests, faults_in_words
from bots.services.backtests.results import ALL_FIGURES
from bots.strategies import STRATEGIES
from bots.tasks import send_backtests
from market.admin import text
from market.admin.base import ReadOnlyAdmin
from market.admin.columns import COLOURS
from market.admin.filters import (
    chosen,
    days,
    dropdown,
    environment_filter,
    interval_filter,
    market_filter,
    owner_filter,
)

FILES = ("trades", "fills", "daily", "monthly")
LIST = "admin:bots_backtest_changelist"
# What is shown first, with its unit; the other figures are in the table below.
SHOWN = {
    "Return": ("return_percent", " %"),
    "Net profit": ("net_profit", ""),
    "Deepest fall": ("max_drawdown_percent", " %"),
    "Won": ("win_rate_percent", " %"),
    "Positions closed": ("closed", ""),
    "Profit factor": ("profit_factor", ""),
    "Sharpe": ("sharpe", ""),
    "Sortino": ("sortino", ""),
    "Fees": ("fees", ""),
    "Held": ("exposure_percent", " % of the time"),
}


def figure(value: float | None, unit: str = "") -> str:
    """Two decimals at most; a dash where there is too little to tell."""
    return text.NOTHING if value is None else f"{value:,.2f}".removesuffix(".00") + unit


def percent_column(name: str, title: str) -> Callable[[Any, Backtest], str]:
    """A column of a figure, which sorts as that does."""

    def column(self: Any, backtest: Backtest) -> str:
        return figure(getattr(backtest, name), " %")

    return display(description=title, ordering=name)(column)


@admin.register(Backtest)
class BacktestAdmin(ReadOnlyAdmin):
    """What was tested is not edited: to test something else is another backtest."""

    nothing_yet = "Press Backtest on the page of a bot: it trades past candles by the same rules."
    owner_path = "owner"
    list_display = [
        "name",
        "owner",
        "symbol",
        "interval",
        "strategy",
        "status",
        "progress",
        "came_to",
        "fell",
        "asked_at",
    ]
    list_filter = [
        *(chosen("status"), dropdown("strategy", "strategy", lambda request: [(name, name) for name in STRATEGIES])),
        *(owner_filter("owner"), environment_filter("environment"), market_filter("market"), interval_filter()),
        days("asked_at"),
    ]
    list_select_related = ["owner"]
    search_fields = ["name", "symbol", "owner__username"]
    ordering = ["-asked_at"]
    actions = ["run_again", "cancel"]  # type: ignore[assignment]
    fields = [
        *("owner", "bot", "environment", "market", "symbol", "interval", "strategy", "begin_at", "end_at"),
        *("fee_percent", "slippage_percent", "funding_percent", "asked_at", "started_at", "ended_at", "attempts"),
    ]
    change_form_outer_before_template = "admin/bots/backtest.html"

    came_to, fell = percent_column("return_percent", "return"), percent_column("max_drawdown_percent", "deepest fall")

    @display(description="progress")
    def progress(self, backtest: Backtest) -> str:
        return f"{backtest.progress_percent} %" if backtest.is_unfinished else ""

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        backtest = self.get_object(request, object_id) if object_id else None
        page = page_of(backtest) if backtest else None
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), "page": page})

    # --- what is done

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Its owner decides how long it is kept."""
        return request.user.has_perm("bots.delete_backtest")

    def has_ask_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("bots.add_backtest")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("bots.change_backtest")

    @admin.action(description="Run again", permissions=["ask"])
    def run_again(self, request: HttpRequest, rows: QuerySet[Backtest]) -> HttpResponse:
        by, now, asked = cast(User, request.user), timezone.now(), list[int]()
        for row in rows.select_related("owner", "bot"):
            try:
                asked.append(backtests.ask_again(row, by=by, now=now).pk)
            except ValidationError as error:
                self.message_user(request, f"{row}: {' '.join(faults_in_words(error))}", messages.ERROR)
            except backtests.TooManyBacktests as error:
                self.message_user(request, f"{row}: {error}.", messages.ERROR)
        send_backtests(asked)
        self.message_user(request, f"Backtests asked for: {len(asked)}.", _level(asked))
        return HttpResponseRedirect(reverse(LIST))

    @admin.action(description="Cancel", permissions=["cancel"])
    def cancel(self, request: HttpRequest, rows: QuerySet[Backtest]) -> HttpResponse:
        by, now, ended = cast(User, request.user), timezone.now(), list[int]()
        for row in rows:
            try:
                backtests.cancel_backtest(row, by=by, now=now)
                ended.append(row.pk)
            except backtests.HasEnded as error:
                self.message_user(request, f"{error}.", messages.WARNING)
        self.message_user(request, f"Backtests canceled: {len(ended)}.", _level(ended))
        return HttpResponseRedirect(reverse(LIST))


def page_of(backtest: Backtest) -> dict[str, Any]:
    """What its page shows beside what was asked for."""
    figures, tested = backtest.figures, backtest.chosen
    return {
        "status": backtest.status,
        "colour": COLOURS.get(backtest.status, ""),
        "message": backtest.error or (f"{backtest.progress_percent} %" if backtest.is_unfinished else ""),
        "is_unfinished": backtest.is_unfinished,
        "cards": [Card(title, figure(figures.get(name), unit)) for title, (name, unit) in SHOWN.items()],
        "equity": _drawn(backtest),
        "files": [(name, reverse(f"backtest-{name}-csv", args=[backtest.pk])) for name in FILES],
        "tables": [
            _table("Figures", ((_words(name), figure(figures[name])) for name in ALL_FIGURES if name in figures)),
            _table("What held entries back, in candles", ((name, f"{n:,}") for name, n in backtest.reasons.items())),
            _table("Settings", ((_words(name), _setting(tested[name])) for name in backtests.COPIED if name in tested)),
        ],
        "is_done": backtest.status == Backtest.Status.DONE,
    }


def _drawn(backtest: Backtest) -> dict[str, Any]:
    """As the chart takes it: seconds, each once."""
    capital = backtest.figures.get("initial_capital", 0)
    return {
        "base": capital,
        "title": "equity",
        "equity": [[at // 1000, value] for at, value in backtests.equity_of(backtest)],
    }


def _table(title: str, rows: Iterable[tuple[str, str]]) -> dict[str, Any]:
    return {"title": title, "table": {"headers": ["", ""], "rows": [list(row) for row in rows]}}


def _words(name: str) -> str:
    return name.replace("_", " ")


def _setting(value: Any) -> str:
    if value in (None, "", [], {}):
        return text.NOTHING
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    return str(value)


def _level(done: list[int]) -> int:
    return messages.SUCCESS if done else messages.WARNING

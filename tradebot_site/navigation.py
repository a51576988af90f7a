"""The admin's sidebar: what belongs together, and only what a user may see."""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

# Group → (title, model, icon).
GROUPS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Fleet": (
        ("Bots", "bots.botconfig", "smart_toy"),
        ("Backtests", "bots.backtest", "science"),
        ("Reports", "ops.report", "analytics"),
        ("Decisions", "bots.decision", "psychology"),
        ("Signals", "bots.externalsignal", "podcasts"),
        ("Ticks", "bots.tick", "timer"),
    ),
    "Trading": (
        ("Positions", "trades.position", "account_balance_wallet"),
        ("Orders", "trades.order", "receipt_long"),
        ("Orders by hand", "trades.orderbyhand", "touch_app"),
        ("Fills", "trades.fill", "done_all"),
        ("Trades", "trades.trade", "swap_horiz"),
        ("Transfers", "trades.transfer", "move_up"),
        ("Events", "trades.event", "notifications"),
    ),
    "Notifications": (
        ("Notifications", "ops.notification", "inbox"),
        ("Channels", "ops.channel", "send"),
        ("Deliveries", "ops.delivery", "outgoing_mail"),
    ),
    "Market": (
        ("Accounts", "market.exchangeaccount", "key"),
        ("Kill switches", "market.switch", "emergency_home"),
        ("Risk limits", "market.risklimits", "speed"),
        ("Symbol rules", "market.symbolrules", "rule"),
        ("Readings", "bots.seriesreading", "candlestick_chart"),
    ),
    "System": (
        ("Health", "ops.healthreport", "monitor_heart"),
        ("Periodic tasks", "django_celery_beat.periodictask", "schedule"),
        ("Intervals", "django_celery_beat.intervalschedule", "hourglass_empty"),
        ("Crontabs", "django_celery_beat.crontabschedule", "calendar_month"),
        ("Task results", "django_celery_results.taskresult", "task_alt"),
        ("Alerts", "ops.alert", "warning"),
        ("Dead letters", "ops.deadletter", "mark_email_unread"),
        ("Changes", "ops.change", "history"),
        ("Verbose logging", "ops.logverbosity", "subject"),
        ("API tokens", "ops.apitoken", "vpn_key"),
        ("Users", "auth.user", "person"),
        ("Groups", "auth.group", "group"),
        ("Lock-outs", "axes.accessattempt", "lock"),
    ),
}


def favicon(request: HttpRequest) -> str:
    """The address of the icon; without one browsers ask for a /favicon.ico that does not exist."""
    return static("tradebot/favicon.svg")


def stylesheet(request: HttpRequest) -> str:
    return static("tradebot/cockpit.css")


def script(request: HttpRequest) -> str:
    return static("tradebot/cockpit.js")


def own_links(request: HttpRequest) -> list[dict[str, str]]:
    """The menu of the user: what one changes of oneself, and how programs do."""
    pages = {"Change password": "admin:password_change", "Second factor": "second-factor", "API": "api-docs"}
    return [{"title": title, "link": reverse(page)} for title, page in pages.items()]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Unfold's sidebar groups."""
    home = {"title": "Dashboard", "icon": "dashboard", "link": reverse("admin:index")}
    groups = [
        {"title": title, "separator": True, "items": [_item(*item) for item in items]}
        for title, items in GROUPS.items()
    ]
    book = {"title": "Runbook", "icon": "menu_book", "link": reverse("runbook")}
    return [{"items": [home, book]}, *groups]


def _item(title: str, label: str, icon: str) -> dict[str, Any]:
    link = reverse(f"admin:{label.replace('.', '_')}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": _may_see(label)}


def _may_see(label: str) -> Callable[[HttpRequest], bool]:
    def permission(request: HttpRequest) -> bool:
        model_admin = admin.site.get_model_admin(apps.get_model(label))
        return bool(model_admin.has_view_permission(request))

    return permission

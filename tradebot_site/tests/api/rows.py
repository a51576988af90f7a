"""Which rows the addresses and bodies of the API name: by the part of the address before a name, and by the name."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from tradebot_site.tests.api.routes import Route
from tradebot_site.tests.api.world import Tenant

# What is there for nobody, in the shape of what is there.
NO_NUMBER, NO_TEXT = 987654321, "nobody-has-this-0000000"

# By the address up to the name, or by method and address.
ROWS: dict[str, Callable[[Tenant], Any]] = {
    "/api/v1/alerts/<pk>": lambda tenant: tenant.alert.pk,
    "/api/v1/tokens/<pk>": lambda tenant: tenant.token.pk,
    "DELETE /api/v1/accounts/<pk>": lambda tenant: tenant.unused.pk,
    "DELETE /api/v1/bots/<pk>": lambda tenant: tenant.spare.pk,
    "/api/v1/accounts/<pk>": lambda tenant: tenant.account.pk,
    "/api/v1/limits/<pk>": lambda tenant: tenant.limits.pk,
    "/api/v1/symbols/<pk>": lambda tenant: tenant.rules.pk,
    "/api/v1/bots/<pk>": lambda tenant: tenant.bot.pk,
    "POST /api/v1/bots/<pk>/resume": lambda tenant: tenant.paused.pk,
    "POST /api/v1/bots/<pk>/start": lambda tenant: tenant.spare.pk,
    "/api/v1/backtests/<pk>": lambda tenant: tenant.backtest.pk,
    "POST /api/v1/backtests/<pk>/cancel": lambda tenant: tenant.queued.pk,
    "/api/v1/decisions/<pk>": lambda tenant: tenant.decision.pk,
    "/api/v1/signals/<pk>": lambda tenant: tenant.signal.pk,
    "/api/v1/strategies/<name>": lambda tenant: "ema_rsi",
    "/api/v1/orders/<pk>": lambda tenant: tenant.order.pk,
    "/api/v1/fills/<pk>": lambda tenant: tenant.fill.pk,
    "/api/v1/trades/<pk>": lambda tenant: tenant.trade.pk,
    "/api/v1/positions/<pk>": lambda tenant: tenant.bot.position_id,
    "/api/v1/reports/<pk>": lambda tenant: tenant.report.pk,
    "/api/v1/news/<pk>": lambda tenant: tenant.event.pk,
    "/api/v1/transfers/<pk>": lambda tenant: tenant.transfer.pk,
    "/api/v1/notifications/<pk>": lambda tenant: tenant.note.pk,
    "/api/v1/notification-channels/<pk>": lambda tenant: tenant.channel.pk,
    "/api/v1/notification-channels/<pk>/test": lambda tenant: tenant.unconfirmed.pk,
    "/api/v1/notification-channels/<pk>/send-code": lambda tenant: tenant.unconfirmed.pk,
    "/api/v1/notification-channels/<pk>/confirm": lambda tenant: tenant.unconfirmed.pk,
    "/api/v1/orders/<pk>/cancel": lambda tenant: tenant.by_hand.order.pk,
    "/api/tasks/status/<task_id>": lambda tenant: tenant.by_hand.task_id,
    "/hooks/v1/bots/<public_id>": lambda tenant: tenant.webhook.public_id,
}
# By the name of a field in a body or a query.
FIELDS: dict[str, Callable[[Tenant], Any]] = {
    "account": lambda tenant: tenant.account.pk,
    "bot": lambda tenant: tenant.bot.pk,
    "user_id": lambda tenant: tenant.user.pk,
    "user": lambda tenant: tenant.user.username,
    "username": lambda tenant: tenant.user.username,
    "symbol": lambda tenant: tenant.bot.symbol,
    "ids": lambda tenant: [tenant.bot.pk],
}


NOBODYS: dict[type, Any] = {int: NO_NUMBER, str: NO_TEXT, UUID: UUID(int=0)}


def named(route: Route, tenant: Tenant) -> dict[str, Any]:
    """The values of the names in an address, so that it leads to what is a tenant's. KeyError: a name is not told."""
    return {name: _row(route, name)(tenant) for name in route.names()}


def _row(route: Route, name: str) -> Callable[[Tenant], Any]:
    prefix = route.path.partition(f"<{name}>")[0] + f"<{name}>"
    return ROWS.get(str(route)) or ROWS.get(route.path) or ROWS[prefix]


def nobodys(route: Route, tenant: Tenant) -> dict[str, Any]:
    """The same of something that does not exist."""
    return {name: NOBODYS[type(value)] for name, value in named(route, tenant).items()}

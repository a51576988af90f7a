"""Which rows the addresses and bodies of the API name: by the part of the address before a name, and by the name."""

from collections.abc import Callable
from typing import Any

from tradebot_site.tests.api.routes import Route
from tradebot_site.tests.api.world import Tenant

# What is there for nobody, in the shape of what is there.
NO_NUMBER, NO_TEXT = 987654321987654, "nobody-has-this-0000000"

# By the address up to the name.
ROWS: dict[str, Callable[[Tenant], Any]] = {
    "/api/v1/tokens/<pk>": lambda tenant: tenant.token.pk,
    "/hooks/v1/bots/<public_id>": lambda tenant: tenant.public_id,
}
# By the name of a field in a body or a query.
FIELDS: dict[str, Callable[[Tenant], Any]] = {
    "account": lambda tenant: tenant.account.pk,
    "bot": lambda tenant: tenant.bot.pk,
    "user": lambda tenant: tenant.user.username,
    "username": lambda tenant: tenant.user.username,
    "symbol": lambda tenant: tenant.bot.symbol,
}


def named(route: Route, tenant: Tenant) -> dict[str, Any]:
    """The values of the names in an address, so that it leads to what is a tenant's. KeyError: a name is not told."""
    return {name: ROWS[route.path.partition(f"<{name}>")[0] + f"<{name}>"](tenant) for name in route.names()}


def nobodys(route: Route, tenant: Tenant) -> dict[str, Any]:
    """The same of something that does not exist; what does not belong to anybody stays."""
    values = named(route, tenant)
    return {name: NO_NUMBER if isinstance(value, int) else NO_TEXT[: len(str(value))] for name, value in values.items()}

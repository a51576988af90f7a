"""Who may do what through the API: each act of a view names the right that a role gives, and the scope of a token.

A view that names nothing for an act lets nobody in; `tradebot_site/tests/api/test_tenants.py` asks them all.
No view is imported here: REST framework asks for this class while it makes its own.
"""

from typing import Any, NamedTuple, cast

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from market.access import TokenScope


class Need(NamedTuple):
    """What an act asks of its caller: a permission, empty for anybody who is logged in, and a token's scope."""

    right: str
    scope: TokenScope


def reads(right: str = "") -> Need:
    return Need(right, TokenScope.READ)


def trades(right: str = "") -> Need:
    return Need(right, TokenScope.TRADE)


def administers(right: str = "") -> Need:
    return Need(right, TokenScope.ADMIN)


class Access(BasePermission):
    """Lets in whose role has the right and whose token, if it is one, has the scope."""

    def has_permission(self, request: Request, view: Any) -> bool:
        need = need_of(view, request)
        if need is None and (request.method or "") not in view.allowed_methods:
            raise MethodNotAllowed(request.method or "")
        if need is None or not (request.user and request.user.is_authenticated):
            return False
        scope = scope_of(request)
        if not scope.includes(need.scope):
            self.message = f"This token's scope is {scope}; {need.scope} is needed."
            return False
        if need.right and not request.user.has_perm(need.right):
            self.message = f"Your role does not let you do this; it needs the permission {need.right}."
            return False
        return True


def need_of(view: Any, request: Request) -> Need | None:
    """What the act needs that the request is about: of a view set by the name of its action, else by method."""
    method = "get" if request.method == "HEAD" else (request.method or "").lower()
    act = getattr(view, "action", None) or method
    return getattr(view, "needs", {}).get(act)


def scope_of(request: Request) -> TokenScope:
    """A session has all that its user may do; whatever else proves who asks has to say how far it reaches."""
    if request.auth is None:
        return TokenScope.ADMIN
    return TokenScope(cast(Any, request.auth).scope)

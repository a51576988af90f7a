"""The tokens of programs: who has which, how far they reach, and their end. None is made here, none is shown."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from market.admin.base import ReadOnlyAdmin
from market.admin.filters import chosen
from ops import tokens
from ops.models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    nothing_yet = "Programs come in with a token: POST /api/v1/tokens makes one, with name, password and code."
    owner_path = "user"
    list_display = ["name", "user", "scope", "created_at", "expires_at", "last_used_at"]
    list_filter = [chosen("scope")]
    list_select_related = ["user"]
    search_fields = ["name", "user__username"]
    ordering = ["-pk"]
    fields = ["name", "user", "scope", "created", "expiry", "last_used_at"]
    actions = ["revoke"]  # type: ignore[assignment]

    @display(description="created", ordering="created")
    def created_at(self, token: ApiToken) -> Any:
        return token.created

    @display(description="expires", ordering="expiry")
    def expires_at(self, token: ApiToken) -> Any:
        return token.expiry

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Nobody deletes a row here; who may has that permission all the same."""
        return request.user.has_perm("ops.delete_apitoken")

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, chosen_ones: QuerySet[ApiToken]) -> None:
        """At once and for good; those of others only by who may take away their exchange keys, too."""
        by, left = cast(User, request.user), 0
        done = 0
        for token in chosen_ones.select_related("user"):
            if tokens.may_revoke(by, token):
                tokens.revoke(token)
                done += 1
            else:
                left += 1
        if left:
            self.message_user(request, f"Left as they are, not yours: {left}.", messages.WARNING)
        self.message_user(request, f"Revoked: {done}.", messages.SUCCESS if done else messages.WARNING)

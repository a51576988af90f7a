"""Kill switches: how they stand, and how they are pressed."""

from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from market.access import TokenScope, visible
from market.api.access import Need, reads, scope_of, trades
from market.api.filtering import require_known
from market.api.serializing import StrictSerializer
from market.api.views import ApiView
from market.models import ExchangeAccount, Switch
from market.switches import Scope, SwitchState
from trades import services

# Who only looks presses nothing, not even what is his own.
RIGHTS = {
    Scope.ACCOUNT: "market.change_exchangeaccount",
    Scope.USER: "market.change_switch",
    Scope.PLATFORM: "market.change_switch",
}
STATES = [state.value for state in SwitchState]
SCOPES = [scope.value for scope in Scope]
MOST_SHOWN = 1000
ONLY_STOPS = "a token of the scope trade stops, but releases nothing: that needs the scope admin"


class PressSerializer(StrictSerializer):
    """A press: `scope` names what stops, `user` or `account` which one."""

    state = serializers.ChoiceField(
        STATES, help_text="`reducing` lets exits through, `halted` nothing, `active` lets go."
    )
    scope = serializers.ChoiceField(SCOPES)
    user = serializers.CharField(required=False, max_length=150, help_text="A user's name; with the scope user.")
    account = serializers.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="With the scope account."
    )
    reason = serializers.CharField(max_length=200, help_text="Told to everybody whom it stops.")

    def validate(self, press: dict[str, Any]) -> dict[str, Any]:
        for scope in (Scope.USER, Scope.ACCOUNT):
            if (press["scope"] == scope) != (scope.value in press):
                wrong = "needed with" if press["scope"] == scope else "does not go with"
                raise serializers.ValidationError({scope.value: f"{wrong} the scope {press['scope']}."})
        return press


class PressedSerializer(serializers.Serializer):
    """What a press has done: entries that are not sent are taken back, open ones canceled at the exchange."""

    target = serializers.CharField(help_text="What was pressed.")
    state = serializers.ChoiceField(STATES, help_text="How it stands now.")
    taken_back = serializers.IntegerField(help_text="Entries that were not sent yet, and never will be.")
    canceled = serializers.IntegerField(help_text="Open entries that the exchange has canceled.")
    pending = serializers.IntegerField(
        help_text="Entries that a sweep will cancel, within seconds if the exchange answers."
    )


class SwitchSerializer(serializers.Serializer):
    """How one switch stands. Of those above an order the strictest counts."""

    scope = serializers.ChoiceField(SCOPES)
    user = serializers.CharField(allow_null=True, help_text="Whose trading it stops; null: everybody's.")
    account = serializers.IntegerField(allow_null=True, help_text="The account that it stops, if it is an account's.")
    target = serializers.CharField(help_text="The same in words.")
    state = serializers.ChoiceField(STATES)
    reason = serializers.CharField(allow_blank=True)
    pressed_by = serializers.CharField(allow_null=True, help_text="null: nobody, the system itself or a command.")
    pressed_at = serializers.DateTimeField(allow_null=True)


class SwitchesSerializer(serializers.Serializer):
    """The platform's switch, then users', then accounts'."""

    switches = SwitchSerializer(many=True)
    is_cut = serializers.BooleanField(
        help_text=f"Whether there are more than {MOST_SHOWN} users or accounts: `pressed=true` shows what is stopped."
    )


PRESS = {"state": "halted", "scope": "account", "account": 7, "reason": "the market is mad"}
PRESSED = {"target": "account mine of bob", "state": "halted", "taken_back": 1, "canceled": 2, "pending": 0}
STANDING = {
    "scope": "user",
    "user": "bob",
    "account": None,
    "target": "user bob",
    "state": "halted",
    "reason": "the market is mad",
    "pressed_by": "bob",
    "pressed_at": "2026-01-31T12:00:00Z",
}


class KillSwitchView(ApiView):
    """The caller's own switches and the platform's; for operators everybody's."""

    needs: ClassVar[dict[str, Need]] = {
        "get": reads("market.view_switch"),
        "post": trades(),  # whether the role does depends on the scope of the switch
    }
    also_refuses: ClassVar[dict[str, set[int]]] = {"post": {404}}

    @extend_schema(
        operation_id="kill_switch_standings",
        summary="How the kill switches stand",
        parameters=[
            OpenApiParameter("pressed", bool, description="Only those that stop something.", default=False),
        ],
        responses={200: SwitchesSerializer},
        examples=[
            OpenApiExample("halted", value={"switches": [STANDING], "is_cut": False}, response_only=True),
        ],
    )
    def get(self, request: Request) -> Response:
        require_known(request, {"pressed"})
        told = request.query_params.get("pressed", "false")
        if told not in ("true", "false"):
            raise serializers.ValidationError({"pressed": [f"{told[:40]!r} is neither true nor false."]})
        users, accounts = _seen_by(cast(User, request.user), only_pressed=told == "true")
        targets = [services.PLATFORM]
        targets += [services.Target(user=user) for user in users[:MOST_SHOWN]]
        targets += [services.Target(account=account) for account in accounts[:MOST_SHOWN]]
        found = [_shown(*item) for item in services.standings(targets).items()]
        wanted = [row for row in found if told == "false" or row["state"] != SwitchState.ACTIVE]
        return Response({"switches": wanted, "is_cut": max(len(users), len(accounts)) > MOST_SHOWN})

    @extend_schema(
        operation_id="kill_switch_press",
        summary="Press a kill switch",
        description="Owners press their own. A token of the scope trade makes a switch stricter, but lets none go.",
        request=PressSerializer,
        responses={200: PressedSerializer},
        examples=[
            OpenApiExample("halt an account", value=PRESS, request_only=True),
            OpenApiExample("halted", value=PRESSED, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        asked = PressSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        press = asked.validated_data
        caller, state = cast(User, request.user), SwitchState(press["state"])
        may_ease = scope_of(request).includes(TokenScope.ADMIN)
        if not caller.has_perm(RIGHTS[press["scope"]]):
            raise PermissionDenied("your role lets you press no kill switch: a trader's does")
        if state is SwitchState.ACTIVE and not may_ease:
            raise PermissionDenied(ONLY_STOPS)
        target = _target(caller, press)
        try:
            done = services.press(
                target,
                state,
                by=caller,
                reason=press["reason"],
                now=timezone.now(),
                may_ease=may_ease,
                in_haste=True,
            )
        except services.MayNotEase as error:
            raise PermissionDenied(ONLY_STOPS) from error
        except services.NotYourSwitch as error:
            raise PermissionDenied(str(error)) from error
        return Response({"target": str(target), **vars(done)})


def _target(caller: User, press: dict[str, Any]) -> services.Target:
    """What the press is about. What belongs to another user does not exist for the caller."""
    if press["scope"] == Scope.ACCOUNT:
        accounts = ExchangeAccount.objects.select_related("owner")
        account = visible(accounts, caller).filter(pk=press["account"]).first()
        if account is None:
            raise Http404("there is no such account")
        return services.Target(account=account)
    if press["scope"] == Scope.USER:
        user = visible(User.objects.filter(username=press["user"]), caller, owner="pk").first()
        if user is None:
            raise Http404("there is no such user")
        return services.Target(user=user)
    return services.PLATFORM


def _seen_by(caller: User, *, only_pressed: bool) -> tuple[list[User], list[ExchangeAccount]]:
    """Users and accounts whose switches somebody may see, one more of each than is shown."""
    users = visible(User.objects.filter(is_active=True), caller, owner="pk").order_by("username")
    accounts = visible(ExchangeAccount.objects.select_related("owner"), caller).order_by("owner__username", "name")
    if only_pressed:
        pressed = Switch.objects.exclude(state=SwitchState.ACTIVE).exclude(user=None)
        users, accounts = users.filter(pk__in=pressed.values("user")), accounts.exclude(state=SwitchState.ACTIVE)
    return list(users[: MOST_SHOWN + 1]), list(accounts[: MOST_SHOWN + 1])


def _shown(target: services.Target, standing: services.Standing) -> dict[str, Any]:
    owner = target.account.owner if target.account else target.user
    return {
        "scope": target.scope.value,
        "user": owner.username if owner else None,
        "account": target.account.pk if target.account else None,
        "target": str(target),
        "state": standing.state.value,
        "reason": standing.reason,
        "pressed_by": standing.by.username if standing.by else None,
        "pressed_at": standing.at,
    }

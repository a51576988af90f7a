"""The REST face of the trades."""

from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from market.access import TokenScope
from market.api.access import Need, scope_of, trades
from market.api.serializing import StrictSerializer
from market.api.views import ApiView
from market.models import ExchangeAccount
from market.switches import Scope, SwitchState
from trades import services

# Who only looks presses nothing, not even what is his own.
RIGHTS = {
    Scope.ACCOUNT: "market.change_exchangeaccount",
    Scope.USER: "market.change_switch",
    Scope.PLATFORM: "market.change_switch",
}


class PressSerializer(StrictSerializer):
    """A press: `scope` names what stops, `user` or `account` which one."""

    state = serializers.ChoiceField(choices=[state.value for state in SwitchState])
    scope = serializers.ChoiceField(choices=[scope.value for scope in Scope])
    user = serializers.CharField(required=False, max_length=150)
    account = serializers.IntegerField(required=False, min_value=1)
    reason = serializers.CharField(max_length=200)

    def validate(self, press: dict[str, Any]) -> dict[str, Any]:
        for scope in (Scope.USER, Scope.ACCOUNT):
            if (press["scope"] == scope) != (scope.value in press):
                wrong = "needed with" if press["scope"] == scope else "does not go with"
                raise serializers.ValidationError({scope.value: f"{wrong} the scope {press['scope']}."})
        return press


class PressedSerializer(serializers.Serializer):
    target = serializers.CharField(help_text="What was pressed.")


class KillSwitchView(ApiView):
    """POST presses a kill switch: the caller's own, for operators everybody's and the platform's."""

    needs: ClassVar[dict[str, Need]] = {"post": trades()}  # whether the role does depends on the scope
    also_refuses = {404}

    @extend_schema(summary="Press a kill switch", request=PressSerializer, responses={200: PressedSerializer})
    def post(self, request: Request) -> Response:
        asked = PressSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        press = asked.validated_data
        caller = cast(User, request.user)
        if not caller.has_perm(RIGHTS[press["scope"]]):
            raise PermissionDenied("your role lets you press no kill switch: a trader's does")
        if press["state"] == SwitchState.ACTIVE and not scope_of(request).includes(TokenScope.ADMIN):
            raise PermissionDenied("a token of the scope trade stops, but releases nothing: that needs the scope admin")
        target = _target(caller, press)
        try:
            done = services.press(
                target,
                SwitchState(press["state"]),
                by=caller,
                reason=press["reason"],
                now=timezone.now(),
            )
        except services.NotYourSwitch as error:
            raise PermissionDenied(str(error)) from error
        return Response({"target": str(target), **vars(done)})


def _target(caller: User, press: dict[str, Any]) -> services.Target:
    """What the press is about. What belongs to another user does not exist for the caller."""
    everybody = services.is_operator(caller)
    if press["scope"] == Scope.ACCOUNT:
        accounts = ExchangeAccount.objects.select_related("owner")
        mine = accounts if everybody else accounts.filter(owner=caller)
        account = mine.filter(pk=press["account"]).first()
        if account is None:
            raise Http404("there is no such account")
        return services.Target(account=account)
    if press["scope"] == Scope.USER:
        users = User.objects.filter(username=press["user"])
        user = (users if everybody else users.filter(pk=caller.pk)).first()
        if user is None:
            raise Http404("there is no such user")
        return services.Target(user=user)
    return services.PLATFORM

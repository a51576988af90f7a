"""Tokens: made with a password and a code, listed, revoked."""

from datetime import timedelta
from typing import Any, ClassVar, cast

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import APIException, AuthenticationFailed, ValidationError
from rest_framework.mixins import DestroyModelMixin, ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from market.access import TokenScope
from market.api.access import Access, Need, administers, reads
from market.api.refusals import Conflict
from market.api.serializing import StrictModelSerializer, StrictSerializer
from market.api.throttles import address_key, wait_of
from market.api.views import ApiViewSet
from market.fields import SecretUnreadable
from ops import second_factor, tokens
from ops.models import ApiToken
from tradebot_site import lockout
from tradebot_site.api.authentication import ApiTokenAuthentication
from tradebot_site.second_factor import as_typed

WRONG = "Name, password or code is wrong."


class TooManyTokens(Conflict):
    default_code = "too_many_tokens"


class SecondFactorNeeded(APIException):
    status_code = 403
    default_code = "second_factor_required"
    default_detail = "Set up your second factor first: log in to the admin once."


class TokenSerializer(StrictModelSerializer):
    created_at = serializers.DateTimeField(source="created", read_only=True)
    expires_at = serializers.DateTimeField(source="expiry", read_only=True)

    class Meta:
        model = ApiToken
        fields = ["id", "name", "scope", "created_at", "expires_at", "last_used_at"]
        read_only_fields = fields


class NewTokenSerializer(StrictSerializer):
    """A token is asked for with everything that the login asks for."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1_000, write_only=True, trim_whitespace=False)
    code = serializers.CharField(
        max_length=20, write_only=True, required=False, default="", allow_blank=True,
        help_text="What your app shows now, or a recovery code; needed if you have a second factor.",
    )  # fmt: skip
    name = serializers.CharField(max_length=60, help_text="What it is for.")
    scope = serializers.ChoiceField([scope.value for scope in TokenScope], default=TokenScope.READ.value)
    expires_in_days = serializers.IntegerField(min_value=1, max_value=tokens.MOST_DAYS, default=90)


class MadeTokenSerializer(TokenSerializer):
    token = serializers.CharField(read_only=True, help_text="Shown this once.")

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]
        read_only_fields = fields


class LoginThrottle(BaseThrottle):
    """Tries of passwords from one address, whoever they are for; axes locks the name beside it."""

    waits: int | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        key = f"login:{address_key(lockout.client_ip(request))}"
        self.waits = wait_of({key: settings.THROTTLE_LOGIN}, must_count=True)
        return self.waits is None

    def wait(self) -> float | None:
        return self.waits


@extend_schema_view(
    list=extend_schema(summary="Your tokens"),
    retrieve=extend_schema(summary="One of your tokens"),
    destroy=extend_schema(summary="Revoke a token"),
)
class TokenViewSet(ListModelMixin, RetrieveModelMixin, DestroyModelMixin, ApiViewSet):
    """The caller's own tokens; an operator does not see those of others here."""

    queryset = ApiToken.objects.all()
    serializer_class = TokenSerializer
    owner = ""
    shows_secret = frozenset({"create"})
    also_refuses: ClassVar[dict[str, set[int]]] = {"create": {403, 409}}
    needs: ClassVar[dict[str, Need]] = {"list": reads(), "retrieve": reads(), "destroy": administers()}

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows.filter(user=self.request.user.pk).select_related("user")

    def get_permissions(self) -> list[Any]:
        return [AllowAny() if self.action == "create" else Access()]

    def get_authenticators(self) -> list[Any]:
        """With a password in hand nobody has to prove anything else, and a wrong token is in nobody's way."""
        return [] if self.request and self.request.method == "POST" else super().get_authenticators()

    def get_authenticate_header(self, request: Any) -> str:
        """What a 401 tells to try, also where nobody else is asked: without it REST framework answers 403."""
        return ApiTokenAuthentication().authenticate_header(request)

    def get_throttles(self) -> list[BaseThrottle]:
        return [LoginThrottle()] if self.action == "create" else super().get_throttles()

    @extend_schema(
        summary="Make a token",
        request=NewTokenSerializer,
        responses={201: MadeTokenSerializer},
        auth=[],
        description="With your password, and the code of your second factor if you have one. It is shown this once.",
    )
    def create(self, request: Request) -> Response:
        asked = NewTokenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        user = _proven(request, wanted["username"], wanted["password"], wanted["code"])
        request.user = user  # it is they who make it, whoever is logged in beside
        try:
            token, text = tokens.make_token(
                user,
                name=wanted["name"],
                scope=TokenScope(wanted["scope"]),
                lives=timedelta(days=wanted["expires_in_days"]),
                now=timezone.now(),
            )
        except tokens.NameTaken as error:
            raise ValidationError({"name": [str(error)]}) from error
        except tokens.TooManyTokens as error:
            raise TooManyTokens(str(error)) from error
        return Response(TokenSerializer(token).data | {"token": text}, status=201)

    def perform_destroy(self, instance: ApiToken) -> None:
        tokens.revoke(instance)


def _proven(request: Request, username: str, password: str, code: str) -> User:
    """The user that name, password and code belong to. Raises AuthenticationFailed, SecondFactorNeeded.

    axes counts with Django's own request; when it has locked the name its middleware puts 429 in the place of our 401.
    """
    asked = cast(Any, request)._request
    user = authenticate(asked, username=username, password=password)
    if user is None:
        raise AuthenticationFailed(WRONG)
    if second_factor.has_second_factor(user):
        if not as_typed(code):  # no guess: none is counted
            raise AuthenticationFailed(WRONG)
        try:
            second_factor.prove(user, as_typed(code))
        except (second_factor.WrongToken, SecretUnreadable) as error:
            raise AuthenticationFailed(WRONG) from error
    elif user.is_staff and settings.SECOND_FACTOR_REQUIRED:
        raise SecondFactorNeeded
    lockout.forget_failures(asked, username)
    return user

"""Accounts: added once the exchange knows their key, tested, rotated, wiped, deleted."""

from collections.abc import Callable
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError as WrongField
from django.utils import timezone
from django_filters import CharFilter
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from market import services
from market.api.access import Need, administers, reads, trades
from market.api.account_rows import (
    AccountSerializer,
    BalanceSerializer,
    BalancesSerializer,
    KeysSerializer,
    NewAccountSerializer,
    PermissionsSerializer,
    RenameSerializer,
    RotatedSerializer,
    TestedSerializer,
    shown,
)
from market.api.asking import asking_the_exchange
from market.api.filtering import require_known
from market.api.filtersets import Choice, StrictFilterSet, Word
from market.api.refusals import Conflict, Unavailable, Unprocessable
from market.api.views import ApiViewSet
from market.models import ExchangeAccount
from market.types import Environment, Market

CHANGE = "market.change_exchangeaccount"
EXAMPLE = {"name": "my bots", "environment": "live", "market": "spot", "api_key": "…", "api_secret": "…"}


class NewKeyRefused(Unprocessable):
    default_code = "key_refused"
    default_detail = "The exchange refuses the key; the likely causes are told."


class AccountFilters(StrictFilterSet):
    environment = Choice(choices=Environment)
    market = Choice(choices=Market)
    owner = Word("owner__username", help_text="A user's name; for those who see everybody's rows.")
    state = Choice(choices=ExchangeAccount.State, help_text="Of the account's own switch.")
    search = CharFilter("name", "icontains", max_length=60, help_text="A part of the name.")


@extend_schema_view(
    list=extend_schema(summary="Your accounts", responses={200: AccountSerializer(many=True)}),
    retrieve=extend_schema(summary="One account"),
)
class AccountViewSet(ApiViewSet):
    """Accounts at exchanges. A key goes in, and is never told again."""

    queryset = ExchangeAccount.objects.select_related("owner", "last_balances")
    serializer_class = AccountSerializer
    filterset_class = AccountFilters
    ordering_fields = ("name", "created_at")
    needs: ClassVar[dict[str, Need]] = {
        "list": reads("market.view_exchangeaccount"),
        "retrieve": reads("market.view_exchangeaccount"),
        "balances": reads("market.view_exchangeaccount"),
        "test": trades(CHANGE),
        "create": administers("market.add_exchangeaccount"),
        "partial_update": administers(CHANGE),
        "rotate": administers(CHANGE),
        "wipe": administers(CHANGE),
        "destroy": administers("market.delete_exchangeaccount"),
    }
    also_refuses: ClassVar[dict[str, set[int]]] = {
        "balances": {409, 503},
        "test": {503},
        "create": {503},
        "rotate": {503},
        "destroy": {409},
    }

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(shown(page or [], self.get_serializer_context()))

    def retrieve(self, request: Request, pk: str) -> Response:
        require_known(request, {"fields"})
        return Response(self._shown(self.get_object()))

    @extend_schema(
        summary="Add an account",
        request=NewAccountSerializer,
        responses={201: AccountSerializer},
        examples=[OpenApiExample("live", EXAMPLE | {"live_consent": True}, request_only=True)],
        description="The exchange is asked first: if it refuses the key, or does not answer, nothing is saved. A paper"
        " account without keys is opened at our paper exchange with 10,000 USDT of play money.",
    )
    def create(self, request: Request) -> Response:
        wanted = _read(NewAccountSerializer, request)
        with asking_the_exchange(request):
            account = _done(lambda: services.add_account(_caller(request), **wanted, now=timezone.now()))
        return Response(self._shown(account), status=201)

    @extend_schema(summary="Rename an account", request=RenameSerializer, responses={200: AccountSerializer})
    def partial_update(self, request: Request, pk: str) -> Response:
        account, wanted = self.get_object(), _read(RenameSerializer, request)
        _done(lambda: services.rename_account(account, wanted["name"], by=_caller(request)))
        return Response(self._shown(account))

    @extend_schema(
        summary="Delete an account",
        responses={204: None},
        description="Refused while bots or history refer to it: history outlives keys, which can be wiped.",
    )
    def destroy(self, request: Request, pk: str) -> Response:
        account = self.get_object()
        _done(lambda: services.delete_account(account, by=_caller(request)))
        return Response(status=204)

    @extend_schema(summary="Test the connection", request=None, responses={200: TestedSerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        """Ask the exchange what the account holds and what its key may do. Nothing is traded."""
        account = self.get_object()
        with asking_the_exchange(request):
            balances, permissions = services.examine(account, now=timezone.now())
        told = PermissionsSerializer(permissions).data if permissions else None
        return Response({**self._with_balances(account, balances), "permissions": told})

    @extend_schema(summary="Give new keys", request=KeysSerializer, responses={200: RotatedSerializer})
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: str) -> Response:
        """Take a new pair of the same account at the exchange, once that has answered to it. Else the old one stays."""
        account, keys = self.get_object(), _read(KeysSerializer, request)
        with asking_the_exchange(request):
            balances = _done(lambda: services.replace_keys(account, **keys, by=_caller(request), now=timezone.now()))
        return Response(self._with_balances(account, balances))

    @extend_schema(summary="Forget the keys", request=None, responses={200: AccountSerializer})
    @action(detail=True, methods=["post"])
    def wipe(self, request: Request, pk: str) -> Response:
        """Forget key and secret at once. Its bots can't trade from then on, nor leave what they hold; history stays."""
        account = self.get_object()
        _done(lambda: services.wipe_keys(account, by=_caller(request)))
        return Response(self._shown(account))

    @extend_schema(summary="What an account holds", responses={200: BalancesSerializer})
    @action(detail=True, methods=["get"])
    def balances(self, request: Request, pk: str) -> Response:
        """What the account holds at the exchange, at most a few seconds ago. Of one that does not answer what it told
        last, as stale.
        """
        require_known(request, set())
        account, now, trouble = self.get_object(), timezone.now(), ""
        held = services.known_holdings(account, now=now)
        if held is None:
            try:
                with asking_the_exchange(request):
                    held = services.holdings(account, now=now)
            except Unavailable as error:
                held, trouble = _last_known(account, otherwise=error), str(error)
        told = {"at": held.at, "balances": held.balances, "is_stale": bool(trouble), "trouble": trouble}
        return Response(BalancesSerializer(told).data)

    def _shown(self, account: ExchangeAccount) -> dict[str, Any]:
        return shown([account], self.get_serializer_context())[0]

    def _with_balances(self, account: ExchangeAccount, balances: Any) -> dict[str, Any]:
        return {"account": self._shown(account), "balances": BalanceSerializer(balances, many=True).data}


def _last_known(account: ExchangeAccount, *, otherwise: Unavailable) -> services.Holdings:
    """What the exchange told last, however long ago. Raises what is in the way when it never told anything."""
    last = services.last_balances(account)
    if last is None or last.synced_at is None:
        raise otherwise
    return services.Holdings(last.synced_at, last.balances)


def _caller(request: Request) -> User:
    return cast(User, request.user)


def _read(serializer: type[Any], request: Request) -> dict[str, Any]:
    told = serializer(data=request.data)
    told.is_valid(raise_exception=True)
    return dict(told.validated_data)


def _done(act: Callable[[], Any]) -> Any:
    """What a service returns; its refusals as ours."""
    try:
        return act()
    except services.KeyRefused as error:
        raise NewKeyRefused(str(error)) from error
    except services.NameTaken as error:
        raise ValidationError({"name": [f"{error}."]}) from error
    except services.AccountInUse as error:
        raise Conflict(str(error)) from error
    except services.NotYourAccount as error:
        raise PermissionDenied(str(error)) from error
    except services.AccountGone as error:
        raise NotFound from error
    except WrongField as error:
        raise ValidationError(error.message_dict) from error

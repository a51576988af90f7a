"""Orders that a person places: asked for, watched by the number of their task, canceled."""

from functools import partial
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from market.api.access import Need, trades
from market.api.filtering import require_known
from market.api.idempotency import KeyReused
from market.api.refusals import Conflict
from market.api.relations import named_user
from market.api.serializing import Amount
from market.api.views import ApiView
from market.models import ExchangeAccount
from market.services import NotYourAccount
from market.types import OrderType, Side
from trades import services
from trades.api.asking import AskedSerializer, WantedSerializer, state_of
from trades.models import Order, OrderByHand
from trades.tasks import send_order_by_hand

QUEUED = "Trade execution queued"
KNOWN = "This key's order was asked for before; ask for its task what has become of it"


class TooManyWaiting(APIException):
    status_code = 429
    default_code = "too_many_waiting"
    wait = 5  # seconds, told as Retry-After


class NotByHand(Conflict):
    default_code = "not_by_hand"


class ExecuteTradeView(ApiView):
    """POST writes an order down; a task places it, with the checks and the protocol of every order."""

    needs: ClassVar[dict[str, Need]] = {"post": trades(services.PLACES_ORDERS)}
    also_refuses = {404}

    @extend_schema(
        operation_id="tasks_execute_trade",
        summary="Place an order",
        description="It is written down and placed by a task, at once or, after 60 seconds, not at all. "
        "Ask `GET /api/tasks/status/{task_id}` what has become of it.",
        request=WantedSerializer,
        responses={202: AskedSerializer},
        examples=[
            OpenApiExample(
                "at the market",
                value={"symbol": "BTCUSDT", "side": "buy", "quantity": "0.01", "order_type": "market"},
                request_only=True,
            ),
            OpenApiExample(
                "queued",
                value={"task_id": "5f0c1d5e-6e0f-4f0e-9f43-0d4a5c1e7a10", "status": "pending", "message": QUEUED},
                response_only=True,
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        require_known(request, set())
        asking = WantedSerializer(data=request.data)
        asking.is_valid(raise_exception=True)
        told, caller = asking.validated_data, cast(User, request.user)
        wanted = services.HandOrder(
            symbol=told["symbol"],
            side=Side(told["side"].upper()),
            quantity=told["quantity"],
            type=OrderType(told["order_type"]),
            price=told.get("price"),
            leverage=told["leverage"],
        )
        asked = self._ask(wanted, caller, told.get("user_id"), told.get("account"))
        if asked.status == OrderByHand.Status.PENDING:
            transaction.on_commit(partial(send_order_by_hand, asked))
        status = state_of(asked)["status"]  # of a key that was used before it may have ended since
        message = QUEUED if status == "pending" else KNOWN
        answer = {"task_id": asked.task_id, "status": status, "message": message}
        return Response(AskedSerializer(answer).data, status=202)

    def _ask(
        self, wanted: services.HandOrder, caller: User, user_id: int | None, account_id: int | None
    ) -> OrderByHand:
        """The key first: what it stands for was placed, whatever has become of user and accounts since."""
        key, now = self.claimed.key if self.claimed else "", timezone.now()
        try:
            known = services.asked_before(
                caller, wanted, key=key, user_id=user_id or caller.pk, account_id=account_id, now=now
            )
            if known:
                return known
            user = named_user(caller, user_id)
            account = _account(user, wanted, account_id)
            token_id = self.request.auth.pk if self.request.auth else None
            return services.ask_for_order(user, account, wanted, asked_by=caller, key=key, token_id=token_id, now=now)
        except NotYourAccount as error:
            raise Http404 from error
        except services.TooManyUnfinished as error:
            raise TooManyWaiting(str(error)) from error
        except services.KeyNamesAnother as error:
            raise KeyReused from error


def _account(user: User, wanted: services.HandOrder, account_id: int | None) -> ExchangeAccount:
    """The one that is named, or the only one on which it can be traded."""
    if account_id is not None:
        account = ExchangeAccount.objects.filter(pk=account_id, owner=user).first()
        if account is None:
            raise Http404("there is no such account")
        return account
    possible = list(services.accounts_for(user, wanted)[:11])
    if len(possible) == 1:
        return possible[0]
    if not possible:
        raise ValidationError({"account": [f"{wanted.symbol} can be traded like this on none of your accounts."]})
    named = ", ".join(f"{account.pk} ({account})" for account in possible[:10])
    more = " and more" if len(possible) > 10 else ""
    raise ValidationError({"account": [f"is needed: {wanted.symbol} can be traded on {named}{more}."]})


class CanceledSerializer(serializers.Serializer):
    """How the order stands now."""

    order_id = serializers.IntegerField()
    order_status = serializers.CharField()
    executed_quantity = Amount()
    detail = serializers.CharField(help_text="What is in the way, while it is not clear that it is canceled.")


class CancelOrderView(ApiView):
    """POST cancels an order that was placed by hand."""

    needs: ClassVar[dict[str, Need]] = {"post": trades(services.PLACES_ORDERS)}

    @extend_schema(
        operation_id="orders_cancel",
        summary="Cancel an order by hand",
        description="200: it is over, canceled or perhaps filled before. 202: the exchange gave no clear answer within "
        "some seconds, or has not answered to the order itself yet; the wish is written down, and carried out as soon "
        "as the order is found open.",
        request=None,
        responses={200: CanceledSerializer, 202: OpenApiResponse(CanceledSerializer, description="Not clear yet.")},
    )
    def post(self, request: Request, pk: str) -> Response:
        require_known(request, set())
        try:
            order, detail = services.cancel_by_hand(int(pk), by=cast(User, request.user), now=timezone.now())
        except Order.DoesNotExist as missing:
            raise Http404("there is no such order") from missing
        except services.NotByHand as refusal:
            raise NotByHand(str(refusal)) from refusal
        except services.CantBeCanceled as refusal:
            raise Conflict(str(refusal)) from refusal
        told: dict[str, Any] = {
            "order_id": order.pk,
            "order_status": order.status,
            "executed_quantity": order.filled_quantity,
            "detail": detail,
        }
        return Response(CanceledSerializer(told).data, status=200 if order.finished_at else 202)

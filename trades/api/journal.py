"""The journal: what was ordered, executed, booked, held and told. There to be read."""

from typing import Any, ClassVar

from django.db.models import Prefetch, Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from market.access import sees_all
from market.api.access import Need, reads
from market.api.paging import CursorPages
from market.api.views import ApiViewSet
from market.models import ExchangeAccount
from market.planning import among_few, planned_anew
from trades.api import filters, shapes
from trades.models import Event, Fill, Order, Position, Trade, Transfer


class NewestCreated(CursorPages):
    ordering = ("-created_at",)


class NewestExecuted(CursorPages):
    ordering = ("-executed_at",)


class JournalViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Rows that services have written; planned for the values at hand, as lists of millions have to be."""

    ordering_fields: tuple[str, ...] = ()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with planned_anew():
            return super().list(request, *args, **kwargs)


def told(one: str, many: str) -> Any:
    """The schema of a journal's two operations."""
    return extend_schema_view(
        list=extend_schema(summary=many),
        retrieve=extend_schema(summary=one),
    )


@told("An order, with its fills", "Orders, the newest first")
class OrderViewSet(JournalViewSet):
    """Orders of the caller's; operators see everybody's."""

    queryset = Order.objects.select_related("position__bot", "account").only(
        *("position_id", "account_id", "client_order_id", "exchange_order_id", "purpose", "side", "type", "quantity"),
        *("filled_quantity", "price", "reference_price", "reduce_only", "status", "reason", "error", "created_at"),
        *("cancel_requested_at", "finished_at", "position__symbol", "position__bot__position_id"),
        *("account__environment", "account__market"),
    )
    owner = "account__owner"
    needs: ClassVar[dict[str, Need]] = {"list": reads("trades.view_order"), "retrieve": reads("trades.view_order")}
    filterset_class = filters.OrderFilters
    pagination_class = NewestCreated
    ordering_fields = ("created_at",)

    def get_serializer_class(self) -> type[Serializer]:
        return shapes.OrderDetailSerializer if self.action == "retrieve" else shapes.OrderSerializer

    def get_queryset(self) -> QuerySet[Order]:
        rows = super().get_queryset()
        if self.action != "retrieve":
            return rows
        first = Fill.objects.order_by("executed_at", "pk")[: shapes.FILLS_SHOWN]
        return rows.prefetch_related(Prefetch("fills", first, to_attr="first_fills"), "trade")


@told("A fill", "Fills, the newest first")
class FillViewSet(JournalViewSet):
    """Executions, as the exchange reported them."""

    queryset = Fill.objects.select_related("position__bot", "account", "order").only(
        *("order_id", "position_id", "account_id", "symbol", "exchange_trade_id", "price", "quantity"),
        *("quote_quantity", "commission", "commission_asset", "commission_quote", "executed_at", "order__side"),
        *("position__bot__position_id", "account__environment", "account__market"),
    )
    owner = "account__owner"
    serializer_class = shapes.FillSerializer
    needs: ClassVar[dict[str, Need]] = {"list": reads("trades.view_fill"), "retrieve": reads("trades.view_fill")}
    filterset_class = filters.FillFilters
    pagination_class = NewestExecuted
    ordering_fields = ("executed_at",)


@told("A trade", "Trades, the newest first")
class TradeViewSet(JournalViewSet):
    """What executed orders came to."""

    queryset = Trade.objects.select_related("position__bot").only(
        *(field.attname for field in Trade._meta.concrete_fields),
        *("position__account_id", "position__bot__position_id"),
    )
    owner = "position__account__owner"
    serializer_class = shapes.TradeSerializer
    needs: ClassVar[dict[str, Need]] = {"list": reads("trades.view_trade"), "retrieve": reads("trades.view_trade")}
    filterset_class = filters.TradeFilters
    pagination_class = NewestCreated
    ordering_fields = ("created_at",)


@told("A position", "Positions, the newest first")
class PositionViewSet(JournalViewSet):
    """What bots and hands hold; a flat one stays, with what it has earned."""

    queryset = (
        Position.objects.select_related("bot", "account")
        .only(
            *(field.attname for field in Position._meta.concrete_fields if field.name != "bookmark"),
            *("bot__position_id", "account__environment", "account__market"),
        )
    )  # fmt: skip
    owner = "account__owner"
    serializer_class = shapes.PositionSerializer
    needs: ClassVar[dict[str, Need]] = {
        "list": reads("trades.view_position"),
        "retrieve": reads("trades.view_position"),
    }
    filterset_class = filters.PositionFilters
    ordering_fields = ("id",)


@told("A piece of news", "News, the newest first")
class EventViewSet(JournalViewSet):
    """News of the caller's positions, accounts, and of the caller; operators see everybody's and the platform's."""

    queryset = Event.objects.select_related("position__bot", "user").only(
        *(field.attname for field in Event._meta.concrete_fields),
        *("position__symbol", "position__account_id", "position__bot__position_id", "user__username"),
    )
    owner = ""
    serializer_class = shapes.EventSerializer
    needs: ClassVar[dict[str, Need]] = {"list": reads("trades.view_event"), "retrieve": reads("trades.view_event")}
    filterset_class = filters.EventFilters
    pagination_class = NewestCreated
    ordering_fields = ("created_at",)

    def get_queryset(self) -> QuerySet[Event]:
        rows, user = super().get_queryset(), self.request.user
        if getattr(self, "swagger_fake_view", False) or sees_all(user):
            return rows
        positions = Position.objects.filter(account__owner=user.pk)
        accounts = ExchangeAccount.objects.filter(owner=user.pk)
        return rows.filter(
            among_few("position", positions, Q(position__account__owner=user.pk))
            | among_few("account", accounts, Q(account__owner=user.pk))
            | Q(user=user.pk)
        )


@told("A transfer", "Transfers, the newest first")
class TransferViewSet(JournalViewSet):
    """Money moved between spot and futures."""

    queryset = Transfer.objects.all()
    serializer_class = shapes.TransferSerializer
    needs: ClassVar[dict[str, Need]] = {
        "list": reads("trades.view_transfer"),
        "retrieve": reads("trades.view_transfer"),
    }
    filterset_class = filters.TransferFilters
    ordering_fields = ("id",)

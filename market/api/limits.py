"""Risk limits: those of accounts, those that operators set on users, and the platform's own."""

from typing import Any, ClassVar, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from market import services
from market.access import sees_all
from market.api.access import Need, administers, reads
from market.api.filtering import require_known
from market.api.filtersets import Number, StrictFilterSet, Word
from market.api.refusals import Conflict
from market.api.relations import OwnAccount
from market.api.serializing import Amount, StrictModelSerializer
from market.api.views import ApiViewSet
from market.models import RiskLimits

AMOUNTS = ("max_order_notional", "max_exposure", "max_symbol_exposure", "max_daily_loss")
COUNTS = ("max_open_positions", "max_open_orders", "max_orders_per_minute")
PLATFORM_AMOUNTS = (
    "MAX_ORDER_NOTIONAL",
    "MAX_SYMBOL_EXPOSURE",
    "MAX_ACCOUNT_EXPOSURE",
    "MAX_USER_EXPOSURE",
    "MAX_SLIPPAGE_PERCENT",
    "PRICE_COLLAR_PERCENT",
    "MIN_LIQUIDATION_DISTANCE_PERCENT",
)
PLATFORM_COUNTS = (
    "MAX_OPEN_POSITIONS",
    "MAX_OPEN_ORDERS",
    "MAX_ORDERS_PER_MINUTE",
    "MAX_BOT_ORDERS_PER_MINUTE",
    "MAX_BOT_ENTRIES_PER_HOUR",
    "MAX_LEVERAGE",
)


class LimitsSerializer(StrictModelSerializer):
    """Limits of an account, or of a user. null: none beside the platform's. The strictest counts."""

    account: Any = serializers.PrimaryKeyRelatedField(read_only=True, allow_null=True, help_text="Null: the user's.")
    user: Any = serializers.CharField(
        source="user.username", read_only=True, allow_null=True, help_text="Whose accounts together."
    )

    class Meta:
        model = RiskLimits
        fields = ["id", "account", "user", *AMOUNTS, *COUNTS, "time_zone"]
        extra_kwargs: ClassVar[dict[str, Any]] = {name: {"min_value": 0} for name in AMOUNTS}


class KnownUser(serializers.SlugRelatedField):
    """The name of a user; others than operators know none but themselves."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="username", queryset=User.objects.filter(is_active=True), **kwargs)

    def get_queryset(self) -> QuerySet[User]:
        users, caller = User.objects.filter(is_active=True), self.context["request"].user
        return users if sees_all(caller) else users.filter(pk=caller.pk)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class NewLimitsSerializer(LimitsSerializer):
    """New limits: of the account, or of the user that is named. Users are an operator's to bound."""

    account = OwnAccount(required=False)
    user = KnownUser(required=False)

    def validate(self, limits: dict[str, Any]) -> dict[str, Any]:
        if ("account" in limits) == ("user" in limits):
            raise serializers.ValidationError({"account": "name either an account or a user."})
        return limits


class PlatformLimitsSerializer(serializers.Serializer):
    """The bounds of the platform. Limits of accounts and users only ever make them stricter."""

    def get_fields(self) -> dict[str, serializers.Field]:
        amounts = {name.lower(): Amount() for name in PLATFORM_AMOUNTS}
        counts = {name.lower(): serializers.IntegerField() for name in PLATFORM_COUNTS}
        symbols = serializers.ListField(child=serializers.CharField(), help_text="Exits only.")
        return {**amounts, **counts, "restricted_symbols": symbols}


class LimitFilters(StrictFilterSet):
    account = Number(help_text="Of this account.")
    owner = Word(method="of_owner", help_text="Whose accounts, or who is bounded: a user's name.")

    def of_owner(self, rows: QuerySet[RiskLimits], _name: str, value: str) -> QuerySet[RiskLimits]:
        return rows.filter(Q(account__owner__username=value) | Q(user__username=value))


@extend_schema_view(list=extend_schema(summary="Limits on your accounts, and on you"))
class LimitsViewSet(ListModelMixin, ApiViewSet):
    """What may be at stake: owners bound their accounts, operators anybody's, and users as a whole."""

    queryset = RiskLimits.objects.select_related("account__owner", "user")
    serializer_class = LimitsSerializer
    filterset_class = LimitFilters
    owner = ""  # one of two
    needs: ClassVar[dict[str, Need]] = {
        "list": reads("market.view_risklimits"),
        "retrieve": reads("market.view_risklimits"),
        "platform": reads("market.view_risklimits"),
        "create": administers("market.add_risklimits"),
        "partial_update": administers("market.change_risklimits"),
        "destroy": administers("market.delete_risklimits"),
    }

    def get_queryset(self) -> QuerySet[RiskLimits]:
        rows, caller = super().get_queryset(), self.request.user
        return rows if sees_all(caller) else rows.filter(Q(account__owner=caller.pk) | Q(user=caller.pk))

    @extend_schema(summary="Limits of one account or user")
    def retrieve(self, request: Request, pk: str) -> Response:
        require_known(request, {"fields"})
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        summary="Set limits",
        request=NewLimitsSerializer,
        responses={201: LimitsSerializer},
        examples=[OpenApiExample("account", {"account": 1, "max_exposure": "1000", "max_daily_loss": "50"})],
    )
    def create(self, request: Request) -> Response:
        told = NewLimitsSerializer(data=request.data, context=self.get_serializer_context())
        told.is_valid(raise_exception=True)
        limits = RiskLimits(**told.validated_data)
        self._save(limits)
        return Response(self.get_serializer(limits).data, status=201)

    @extend_schema(summary="Change limits", request=LimitsSerializer, responses={200: LimitsSerializer})
    def partial_update(self, request: Request, pk: str) -> Response:
        """What is named is changed; null lifts a limit. Whose they are stays."""
        limits = self.get_object()
        told = self.get_serializer(limits, data=request.data, partial=True)
        told.is_valid(raise_exception=True)
        for name, value in told.validated_data.items():
            setattr(limits, name, value)
        self._save(limits, changed=list(told.validated_data))
        return Response(self.get_serializer(limits).data)

    @extend_schema(summary="Lift all limits of an account or user", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        try:
            services.delete_limits(self.get_object(), by=cast(User, request.user))
        except services.NotYourAccount as error:
            raise PermissionDenied(str(error)) from error
        return Response(status=204)

    @extend_schema(summary="The platform's limits", responses={200: PlatformLimitsSerializer})
    @action(detail=False, methods=["get"], pagination_class=None, filter_backends=[])
    def platform(self, request: Request) -> Response:
        """What bounds everybody, whatever else is set."""
        require_known(request, set())
        names = (*PLATFORM_AMOUNTS, *PLATFORM_COUNTS, "RESTRICTED_SYMBOLS")
        return Response(PlatformLimitsSerializer({name.lower(): getattr(settings, name) for name in names}).data)

    def _save(self, limits: RiskLimits, changed: list[str] | None = None) -> None:
        try:
            services.save_limits(limits, by=cast(User, self.request.user), changed=changed)
        except services.NotYourAccount as error:
            raise PermissionDenied(str(error)) from error
        except services.AlreadyLimited as error:
            raise Conflict(str(error)) from error
        except services.AccountGone as error:
            raise NotFound from error

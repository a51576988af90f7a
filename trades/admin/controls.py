"""Kill switches and risk limits: all of it calls the services."""

from functools import partial
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from market.admin.accounts import ExchangeAccountAdmin
from market.admin.base import OwnedAdmin, sees_all
from market.admin.filters import account_filter, chosen
from market.admin.history import RecordedAdmin
from market.models import ExchangeAccount, RiskLimits, Switch
from market.switches import SwitchState
from trades import services


class SwitchedAdmin(RecordedAdmin, OwnedAdmin):
    """Rows that have a kill switch, each pressed with one click in the list."""

    def target(self, row: Any) -> services.Target:
        """What the row's switch stops."""
        raise NotImplementedError

    def press(self, request: HttpRequest, row: Any, state: SwitchState, reason: str = "pressed in the admin") -> None:
        """Press one switch and say what came of it."""
        target = self.target(row)
        try:
            done = services.press(target, state, by=cast(User, request.user), reason=reason, now=timezone.now())
        except services.NotYourSwitch as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        told = f"{target} is {state}."
        if state is SwitchState.HALTED:
            told += (
                f" Entries taken back: {done.taken_back}, canceled: {done.canceled}, to be canceled: {done.pending}."
            )
        self.message_user(request, told)

    @admin.action(description="Halt: no orders at all, open entries are canceled", permissions=["change"])
    def halt(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        for row in rows:
            self.press(request, row, SwitchState.HALTED)

    @admin.action(description="Reduce: exits only", permissions=["change"])
    def reduce(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        for row in rows:
            self.press(request, row, SwitchState.REDUCING)

    @admin.action(description="Resume trading", permissions=["change"])
    def resume(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        for row in rows:
            self.press(request, row, SwitchState.ACTIVE)


@admin.register(ExchangeAccount)
class SwitchedAccountAdmin(SwitchedAdmin, ExchangeAccountAdmin):
    actions = [*ExchangeAccountAdmin.actions, "halt", "reduce", "resume"]

    def target(self, row: ExchangeAccount) -> services.Target:
        return services.Target(account=row)


@admin.register(Switch)
class SwitchAdmin(SwitchedAdmin):
    """The switches of the platform and of users. One that was never pressed is added by pressing it here."""

    owner_path = "user"
    list_display = ["__str__", "state", "reason", "pressed_by", "pressed_at"]
    list_filter = [chosen("state")]
    list_select_related = ["user", "pressed_by"]
    search_fields = ["user__username", "reason"]
    ordering = ["-user"]
    actions = ["halt", "reduce", "resume"]

    def target(self, row: Switch) -> services.Target:
        return services.Target(user=row.user)

    def get_fields(self, request: HttpRequest, obj: Switch | None = None) -> list[Any]:
        return [*(["user"] if sees_all(request) else []), "state", "reason"]

    def get_readonly_fields(self, request: HttpRequest, obj: Switch | None = None) -> list[str]:
        return ["user"] if obj else []

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Users have one switch, their own."""
        mine = Switch.objects.filter(user=request.user.pk)
        return super().has_add_permission(request) and (sees_all(request) or not mine.exists())

    def save_model(self, request: HttpRequest, obj: Switch, form: Any, change: bool) -> None:
        """Press it once the page's transaction is committed: a press needs its own, before it cancels anything."""
        wanted = SwitchState(obj.state)
        if not change:
            obj.user = obj.user if sees_all(request) else cast(User, request.user)
            obj.state = SwitchState.ACTIVE
            obj.save()
        transaction.on_commit(partial(self.press, request, obj, wanted, obj.reason))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(RiskLimits)
class RiskLimitsAdmin(RecordedAdmin, OwnedAdmin):
    """Owners bound their accounts, operators also the users. The platform's own bounds are settings."""

    owner_path = "account__owner"
    list_display = [
        "__str__",
        "max_order_notional",
        "max_exposure",
        "max_symbol_exposure",
        "max_open_positions",
        "max_open_orders",
        "max_orders_per_minute",
        "max_daily_loss",
        "time_zone",
    ]
    list_filter = [account_filter("account")]
    list_select_related = ["account", "user"]
    search_fields = ["account__name", "user__username"]
    ordering = ["id"]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [] if sees_all(request) else ["user"]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "account" and not sees_all(request):
            kwargs |= {"queryset": ExchangeAccount.objects.filter(owner=request.user.pk), "required": True}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

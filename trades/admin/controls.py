"""Kill switches and risk limits: all of it calls the services."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from market.access import sees_all
from market.admin.account_pages import caller
from market.admin.accounts import ExchangeAccountAdmin
from market.admin.asking import ask
from market.admin.base import OwnedAdmin
from market.admin.columns import readable
from market.admin.filters import account_filter, chosen, whose
from market.admin.history import RecordedAdmin
from market.models import ExchangeAccount, RiskLimits, Switch
from market.services import delete_limits, save_limits
from market.switches import SwitchState
from trades import services
from trades.admin.press import MOST, ask_to_press, page_of


class SwitchedAdmin(RecordedAdmin, OwnedAdmin):
    """Rows that have a kill switch. The list leads to the page that asks for a reason, and whether one is sure."""

    def targets(self, rows: QuerySet[Any]) -> list[services.Target]:
        """The switches of some rows."""
        raise NotImplementedError

    def _lead(self, request: HttpRequest, rows: QuerySet[Any], state: SwitchState) -> HttpResponse | None:
        targets = self.targets(rows[: MOST + 1])
        if targets:
            return ask_to_press(request, targets, state=state, back=request.get_full_path())
        self.message_user(request, "None of these is yours, or is there any more.", messages.ERROR)
        return None

    @admin.action(description="Halt: no orders at all, open entries are canceled", permissions=["change"])
    def halt(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        return self._lead(request, rows, SwitchState.HALTED)

    @admin.action(description="Reduce: exits only", permissions=["change"])
    def reduce(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        return self._lead(request, rows, SwitchState.REDUCING)

    @admin.action(description="Resume trading", permissions=["change"])
    def resume(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        return self._lead(request, rows, SwitchState.ACTIVE)


@admin.register(ExchangeAccount)
class SwitchedAccountAdmin(SwitchedAdmin, ExchangeAccountAdmin):
    actions = [*ExchangeAccountAdmin.actions, "halt", "reduce", "resume"]
    actions_detail = [*ExchangeAccountAdmin.actions_detail, "kill_switch"]

    def targets(self, rows: QuerySet[ExchangeAccount]) -> list[services.Target]:
        return [services.Target(account=account) for account in rows.select_related("owner")]

    @action(description="Kill switch", permissions=["change"], icon="emergency_home", url_path="kill-switch")
    def kill_switch(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(
            page_of(accounts=[object_id], back=reverse("admin:market_exchangeaccount_change", args=[object_id]))
        )


class WhoseForm(forms.Form):
    """Whose switch is to be pressed."""

    user = forms.ModelChoiceField(
        User.objects.filter(is_active=True).order_by("username"),
        required=False,
        empty_label="everybody: the platform",
        widget=UnfoldAdminSelectWidget(),
    )


@admin.register(Switch)
class SwitchAdmin(SwitchedAdmin):
    """The switches of the platform and of users. All lead to the page that presses them; here they are read."""

    nothing_yet = "Nobody has ever pressed one: everything may trade."
    owner_path = "user"
    list_display = ["__str__", "state", "reason", "pressed_by", "pressed_at"]
    list_filter = [chosen("state")]
    list_select_related = ["user", "pressed_by"]
    search_fields = ["user__username", "reason"]
    ordering = ["-user"]
    actions = ["halt", "reduce", "resume"]
    actions_detail = ["kill_switch"]

    def targets(self, rows: QuerySet[Switch]) -> list[services.Target]:
        return [services.Target(user=switch.user) for switch in rows.select_related("user")]

    def get_fields(self, request: HttpRequest, obj: Switch | None = None) -> list[Any]:
        return readable(self.model, ["user", "state", "reason", "pressed_by", "pressed_at"], badges=False)

    def has_change_permission(self, request: HttpRequest, obj: Switch | None = None) -> bool:
        """Of the list's actions, not of a form: one that was opened a while ago would undo what happened meanwhile."""
        return obj is None and super().has_change_permission(request)

    def has_press_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return super().has_change_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Users have one switch, their own."""
        mine = Switch.objects.filter(user=request.user.pk)
        return super().has_add_permission(request) and (sees_all(request.user) or not mine.exists())

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """One that was never pressed is added by pressing it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        back = reverse("admin:market_switch_changelist")
        if not sees_all(request.user):
            return HttpResponseRedirect(page_of(users=[request.user.pk], back=back))
        form = WhoseForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            user = form.cleaned_data["user"]
            return HttpResponseRedirect(page_of(users=[user.pk] if user else [], platform=user is None, back=back))
        return ask(request, title="Whose kill switch?", button="Go on", form=form, back=back)

    @action(description="Press it", permissions=["press"], icon="emergency_home", url_path="kill-switch")
    def kill_switch(self, request: HttpRequest, object_id: str) -> HttpResponse:
        switch = self.get_object(request, object_id)
        if switch is None:
            raise Http404(object_id)
        users = [switch.user_id] if switch.user_id else []
        back = reverse("admin:market_switch_change", args=[switch.pk])
        return HttpResponseRedirect(page_of(users=users, platform=not users, back=back))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(RiskLimits)
class RiskLimitsAdmin(RecordedAdmin, OwnedAdmin):
    """Owners bound their accounts, operators also the users. The platform's own bounds are settings."""

    nothing_yet = "No account has limits beside those of its bots and of the platform."
    owner_path = "account__owner"
    list_display = [
        "of",
        "owner",
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
    list_select_related = ["account__owner", "user"]
    search_fields = ["account__name", "user__username"]
    ordering = ["id"]

    def save_model(self, request: HttpRequest, obj: RiskLimits, form: Any, change: bool) -> None:
        save_limits(obj, by=caller(request))

    def delete_model(self, request: HttpRequest, obj: RiskLimits) -> None:
        delete_limits(obj, by=caller(request))

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [] if sees_all(request.user) else ["user"]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name != "account":
            return super().formfield_for_foreignkey(db_field, request, **kwargs)
        accounts = ExchangeAccount.objects.select_related("owner").order_by("owner__username", "name")
        if sees_all(request.user):
            field = super().formfield_for_foreignkey(db_field, request, queryset=accounts, **kwargs)
            field.label_from_instance = whose
            return field
        mine = accounts.filter(owner=request.user.pk)
        return super().formfield_for_foreignkey(db_field, request, queryset=mine, required=True, **kwargs)

    @display(description="of", ordering="account__name")
    def of(self, limits: RiskLimits) -> str:
        return str(limits.account) if limits.account else "all accounts of the owner"

    @display(description="owner", ordering="account__owner__username")
    def owner(self, limits: RiskLimits) -> str:
        return str(limits.account.owner if limits.account else limits.user)

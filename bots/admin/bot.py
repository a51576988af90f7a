"""Bots: the list, the form, and what an operator does with them. All of it calls the services."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from unfold.forms import ActionForm
from unfold.views import ChangeList

from bots import services
from bots.admin.backtesting import BacktestingAdmin
from bots.admin.changing import GROUPS, ChangingAdmin, change
from bots.admin.cloning import CloningAdmin, clone
from bots.admin.columns import BotColumns
from bots.admin.files import FilesAdmin, export
from bots.admin.filters import BOT_FILTERS
from bots.admin.form import BotForm
from bots.admin.live import LiveAdmin, live_url, with_figures
from bots.admin.operating import operation_action
from bots.admin.page import page_of
from bots.admin.parameters import all_fields, fields_of, leftovers
from bots.admin.saved import tabs_of
from bots.admin.watching import WatchedAdmin
from bots.admin.webhooks import WebhookAdmin
from bots.models import BotConfig
from bots.services import OPERATIONS
from bots.strategies import STRATEGIES
from market.access import sees_all
from market.admin.history import RecordedAdmin
from market.models import ExchangeAccount
from market.types import Market

FIXED = ["owner", "account", "symbol"]  # they belong to the bot's history
FIELDSETS = [(title, {"fields": GROUPS[title]}) for title in ("Size", "Exits", "Limits")]
FUTURES = ("Futures", {"fields": GROUPS["Futures"], "description": "On spot: leverage 1, isolated."})


def parameter_fieldsets() -> list[Any]:
    """The parameters of each strategy. A script shows those of the one that is chosen; without it all are there."""
    return [
        (strategy.label, {"fields": list(fields_of(strategy)), "classes": [f"of-strategy-{strategy.name}"]})
        for strategy in STRATEGIES.values()
        if strategy.parameters
    ]


class BotActionForm(ActionForm):
    """The choice of an action, with a name for those who do not see where it stands."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["action"].widget.attrs["aria-label"] = "What to do with the chosen bots"


class BotChangeList(ChangeList):
    """A page of bots, each with its figures and what it has earned lately."""

    result_list: Any
    live_url = ""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        bots = with_figures(list(self.result_list))
        lines = services.equity_lines([bot.position_id for bot in bots], now=timezone.now())
        for bot in bots:
            bot.equity = lines.get(bot.position_id)
        self.result_list = bots
        self.live_url = live_url(bots[: self.list_per_page])


@admin.register(BotConfig)
class BotConfigAdmin(
    BotColumns,
    FilesAdmin,
    LiveAdmin,
    WatchedAdmin,
    WebhookAdmin,
    BacktestingAdmin,
    CloningAdmin,
    ChangingAdmin,
    RecordedAdmin,
):
    nothing_yet = "Add an account first, then a bot on it: on paper neither needs a key."
    form = BotForm
    action_form = BotActionForm
    owner_path = "owner"
    list_display = ["named", "status", "traded", "strategy", "holding", "today", "week", "last_run"]
    list_before_template = "admin/bots/list_before.html"
    list_filter = BOT_FILTERS
    list_select_related = ["owner", "state", "position", "account"]
    search_fields = ["name", "symbol", "owner__username"]
    ordering = ["owner__username", "name"]
    list_fullwidth = True
    actions = [*map(operation_action, OPERATIONS.values()), clone, change, export]
    actions_detail = ["backtest", "renew_webhook"]
    change_form_outer_before_template = "admin/bots/state.html"
    change_form_outer_after_template = "admin/bots/history.html"

    # --- what is shown ------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[BotConfig]:
        return super().get_queryset(request).select_related(*self.list_select_related)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BotChangeList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().changelist_view(request, {**(extra_context or {}), "tabs": tabs_of(request)})

    def get_fieldsets(self, request: HttpRequest, obj: BotConfig | None = None) -> list[Any]:
        whose = FIXED if obj or sees_all(request.user) else FIXED[1:]
        left = leftovers(obj.strategy, obj.parameters) if obj else ""
        strategy = ("Strategy", {"fields": ["strategy", "interval"], "description": escape(left)})
        futures = [] if obj and obj.market == Market.SPOT else [FUTURES]
        return [
            ("Bot", {"fields": ["name", *whose, "seen_revision"]}),
            strategy,
            *parameter_fieldsets(),
            *futures,
            *FIELDSETS,
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: BotConfig | None = None) -> list[str]:
        return FIXED if obj else []

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        with_parameters = type("BotFormWithParameters", (BotForm,), all_fields())
        form = super().get_form(request, obj, change=change, **{"form": with_parameters, **kwargs})
        form.request = request
        return form

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "account":
            accounts = ExchangeAccount.objects.select_related("owner").order_by("owner__username", "name")
            kwargs["queryset"] = accounts if sees_all(request.user) else accounts.filter(owner=request.user.pk)
        elif db_field.name == "owner":
            kwargs["queryset"] = get_user_model().objects.filter(is_active=True).order_by("username")
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field and db_field.name == "account" and sees_all(request.user):
            field.label_from_instance = lambda account: f"{account.owner}: {account}"
        return field

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        bot = self.get_object(request, object_id) if object_id else None
        page = page_of(bot, now=timezone.now()) if bot and request.method == "GET" else None
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), "page": page})

    # --- what is done -------------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: BotConfig, form: Any, change: bool) -> None:
        by = cast(User, request.user)
        if change:
            services.update_bot(obj, by=by)
        else:
            services.create_bot(obj, now=timezone.now(), by=by)

    # --- deleting -----------------------------------------------------------------------------------------

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """One bot at a time, after its page has said what stays."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[str], dict[str, int], set[str], Any]:
        held = [f"{bot}: it holds a position: stop and close it first" for bot in objs if bot.position.is_open]
        going = [f"{bot} with its state and decisions; its position, orders, fills and trades stay" for bot in objs]
        return going, {"bots": len(going)}, set(), held

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except services.BotHoldsPosition as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:bots_botconfig_change", args=[object_id]))

    def delete_model(self, request: HttpRequest, obj: BotConfig) -> None:
        services.delete_bot(obj, by=cast(User, request.user))

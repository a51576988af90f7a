"""Copies of bots: what they are to be called, and where they trade."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from bots import services
from bots.admin.frozen import NotFrozen, freeze, thaw
from bots.admin.operating import OperatingAdmin, bots_in_words
from bots.models import BotConfig, BotQuerySet
from bots.services import Seen
from market.exchange.errors import ExchangeError
from market.models import ExchangeAccount
from market.symbols import UnknownSymbol

MOST = 20
CHANGED = (
    "Somebody has changed this bot since this page was shown: its copy gets what it has now. Clone again if it may."
)
NAME = BotConfig._meta.get_field("name")


class CloneForm(forms.Form):
    """One copy of ``bot``. The account is its owner's."""

    name = forms.CharField(max_length=NAME.max_length, widget=UnfoldAdminTextInputWidget)
    account = forms.ModelChoiceField(ExchangeAccount.objects.none(), widget=UnfoldAdminSelectWidget, empty_label=None)
    symbol = forms.CharField(max_length=30, widget=UnfoldAdminTextInputWidget)

    def __init__(self, data: Any, *, bot: BotConfig) -> None:
        initial = {"name": services.free_name(bot), "account": bot.account_id, "symbol": bot.symbol}
        super().__init__(data, prefix=f"bot-{bot.pk}", initial=initial)
        self.bot = bot
        accounts = ExchangeAccount.objects.filter(owner=bot.owner_id).order_by("name")
        self.fields["account"].queryset = accounts  # type: ignore[attr-defined]

    def clean_symbol(self) -> str:
        return str(self.cleaned_data["symbol"]).strip().upper()

    def add_faults(self, error: ValidationError) -> None:
        """What the model says of a field that is not here is said above the fields."""
        for name, faults in services.faults_by_field(error).items():
            self.add_error(name if name in self.fields else None, faults)


@admin.action(description="Clone", permissions=["add"])
def clone(model_admin: "CloningAdmin", request: HttpRequest, bots: BotQuerySet) -> HttpResponse | None:
    """Ask for the names of the copies."""
    chosen = list(bots[: MOST + 1])
    if len(chosen) > MOST:
        model_admin.message_user(request, f"Choose at most {MOST} bots to clone.", messages.ERROR)
        return None
    return model_admin.clone_page(request, [CloneForm(None, bot=bot) for bot in chosen])


class CloningAdmin(OperatingAdmin):
    """All of the copies are made, or none."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.clone_view))
        return [path("clone/", view, name="bots_botconfig_clone"), *super().get_urls()]

    def clone_page(self, request: HttpRequest, forms: list[CloneForm]) -> HttpResponse:
        shown = {
            "title": f"Clone: {bots_in_words(len(forms))}",
            "forms": forms,
            "frozen": freeze(request, seen=[Seen.of(form.bot) for form in forms]),
            "address": reverse("admin:bots_botconfig_clone"),
        }
        return self.page(request, "clone", shown)

    def clone_view(self, request: HttpRequest) -> HttpResponse:
        """Make the copies, or say what is wrong and keep what was typed."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        try:
            seen: dict[int, Seen] = {one.bot_id: one for one in thaw(request)["seen"]}
        except NotFrozen as error:
            return self.back(request, str(error), messages.ERROR)
        forms = [CloneForm(request.POST, bot=bot) for bot in self.bots(request).filter(pk__in=seen)]
        for form in forms:
            if Seen.of(form.bot) != seen[form.bot.pk]:
                form.add_error(None, CHANGED)
        invalid = [form for form in forms if not form.is_valid()]
        if invalid or not self._clone(request, forms):
            return self.clone_page(request, forms)
        gone = len(seen) - len(forms)
        self.tell_left_out(request, [("those", "deleted meanwhile")] * bool(gone))
        return self.back(request, f"Bots cloned: {len(forms)}; the copies are stopped.", messages.SUCCESS)

    def _clone(self, request: HttpRequest, forms: list[CloneForm]) -> bool:
        """Make all copies, or none and tell the forms why."""
        with transaction.atomic():
            for form in forms:
                try:
                    services.clone_bot(form.bot, **form.cleaned_data, now=timezone.now(), by=cast(User, request.user))
                except ValidationError as error:
                    form.add_faults(error)
                except (UnknownSymbol, ExchangeError) as error:
                    form.add_error("symbol", str(error))
            is_whole = not any(form.errors for form in forms)
            transaction.set_rollback(not is_whole)
        return is_whole

"""Accounts: keys go in and never come out."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from market import services
from market.access import may_set_keys
from market.admin.account_pages import (
    caller,
    equity_of,
    held,
    permitted,
    rotate_page,
    secret_input,
    test_page,
    trouble_of,
    wipe_page,
)
from market.admin.base import OwnedAdmin
from market.admin.filters import chosen, owner_filter
from market.admin.text import NOTHING, moment
from market.exchange.errors import ExchangeError
from market.fields import SecretUnreadable
from market.models import ExchangeAccount
from market.patience import patiently
from market.types import Environment

FIXED = ["owner", "environment", "market"]  # orders, fills and bots rely on them
OF_THE_KEY = ["key", "key_error", "may_withdraw", "is_ip_restricted", "permissions_checked_at"]
OF_BALANCES = ["holds", "equity", "asked"]
OF_TRADING = ["state", "state_reason", "state_set_by", "state_set_at", "cooldown_until", "reconciled_at"]
GIVEN = "Never shown again."
TESTED_AT_ONCE = 20  # one after the other, while somebody waits for the page


class AccountForm(forms.ModelForm):
    """Of a new account. What one has is changed on pages of its own: a new key has to be tested before."""

    new_api_key = secret_input(required=False, help_text=GIVEN)
    new_api_secret = secret_input(required=False, help_text=GIVEN)
    live_consent = forms.CharField(
        required=False,
        label="Consent to real money",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="Only for a live account: type its name once more. From then on its bots trade real money.",
    )
    request: HttpRequest

    class Meta:
        model = ExchangeAccount
        exclude = ("api_key", "api_secret")  # noqa: DJ006 - the admin names the fields

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding and not may_set_keys(self.request.user):
            self.instance.owner = self.request.user
        if not self.instance._state.adding and not may_set_keys(self.request.user, self.instance):
            del self.fields["new_api_key"], self.fields["new_api_secret"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        given = [name for name in ("new_api_key", "new_api_secret") if cleaned.get(name)]
        if len(given) == 1:
            self.add_error(
                "new_api_secret" if given == ["new_api_key"] else "new_api_key",
                "key and secret come in pairs: give both, or neither.",
            )
        self._require_free_name(cleaned)
        self._require_room()
        if cleaned.get("environment") == Environment.LIVE and Environment.LIVE in settings.ENVIRONMENTS:
            self._take_consent(cleaned)
        return cleaned

    def _take_consent(self, cleaned: dict[str, Any]) -> None:
        """Real money is traded only where the account's name was typed twice."""
        if cleaned.get("name") and cleaned.get("live_consent") == cleaned["name"]:
            self.instance.live_consent_at = timezone.now()
        else:
            self.instance.environment = Environment.PAPER  # the model need not say it a second time
            self.add_error(
                "live_consent",
                f"live_consent: type the account's name, {cleaned.get('name', '')!r}, to trade real money.",
            )

    def _require_free_name(self, cleaned: dict[str, Any]) -> None:
        owner, name = cleaned.get("owner") or getattr(self.instance, "owner", None), cleaned.get("name")
        same = ExchangeAccount.objects.filter(owner=owner, name=name).exclude(pk=self.instance.pk)
        if owner and name and same.exists():
            raise ValidationError({"name": f"name: {owner} has an account {name!r} already."})

    def _require_room(self) -> None:
        """The admin saves in the transaction in which it validates."""
        if self.instance._state.adding:
            try:
                services.require_room_for_account(by=caller(self.request))
            except ValidationError as error:
                self.add_error(None, error.messages)


class ExchangeAccountAdmin(OwnedAdmin):
    """Registered by ``trades.admin``, which adds the kill switch: pressing it cancels orders."""

    nothing_yet = (
        "A bot trades on an account. On paper it needs no key and gets 10,000 USDT of play money; test "
        "its connection, then add a bot on it."
    )
    form = AccountForm
    owner_path = "owner"
    list_display = ["name", "owner", "environment", "market", "state", "key", "key_error", "cooldown_until"]
    list_filter = [owner_filter("owner"), chosen("environment"), chosen("market"), chosen("state")]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
    ordering = ["owner__username", "name"]
    actions = ["test_connection"]
    actions_detail = ["test_account", "rotate_keys", "wipe_keys"]

    def get_fieldsets(self, request: HttpRequest, obj: ExchangeAccount | None = None) -> list[Any]:
        identity = ["name", "environment", "market"]
        if obj or may_set_keys(request.user):
            identity.insert(1, "owner")
        if obj:
            parts = {"Keys": OF_THE_KEY, "At the exchange": OF_BALANCES, "Trading": OF_TRADING}
            return [(None, {"fields": identity}), *((title, {"fields": names}) for title, names in parts.items())]
        real = [("Real money", {"fields": ["live_consent"]})] if Environment.LIVE in settings.ENVIRONMENTS else []
        return [(None, {"fields": identity}), ("Keys", {"fields": ["new_api_key", "new_api_secret"]}), *real]

    def get_readonly_fields(self, request: HttpRequest, obj: ExchangeAccount | None = None) -> list[str]:
        return [*OF_THE_KEY, *OF_BALANCES, *OF_TRADING, *(FIXED if obj else [])]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.request = request
        return form

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "owner":
            kwargs["queryset"] = get_user_model().objects.filter(is_active=True).order_by("username")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExchangeAccount]:
        """Each account with whether its key concerns the user: a column knows no request."""
        concerned = Q() if may_set_keys(request.user) else Q(owner=request.user.pk)
        is_shown = ExpressionWrapper(concerned & Q(pk__isnull=False), output_field=BooleanField())
        rows: QuerySet[ExchangeAccount] = super().get_queryset(request).annotate(shows_key=is_shown)
        return rows

    @display(description="key", empty_value="none")
    def key(self, account: Any) -> str:
        return str(account.masked_key if account.shows_key else account.hidden_key)

    @display(description="it holds")
    def holds(self, account: Any) -> str:
        """As the last who asked was told: the page itself asks nobody."""
        last = services.last_balances(account)
        return held(last.balances) if last else NOTHING

    @display(description="equity")
    def equity(self, account: Any) -> str:
        last = services.last_balances(account)
        return equity_of(last) if last else NOTHING

    @display(description="as of")
    def asked(self, account: Any) -> str:
        last = services.last_balances(account)
        return f"{moment(last.synced_at)} UTC{trouble_of(last)}" if last else NOTHING

    def save_model(self, request: HttpRequest, obj: ExchangeAccount, form: AccountForm, change: bool) -> None:
        if change:
            # What workers write meanwhile, a cooldown or a key's error, is not overwritten.
            fields = {field.name for field in obj._meta.fields} - {"id"}
            obj.save(update_fields=sorted(fields & set(form.changed_data)))
            return
        obj.save()
        if form.cleaned_data["new_api_key"]:
            keys = {"api_key": "new_api_key", "api_secret": "new_api_secret"}
            given = {name: form.cleaned_data[field] for name, field in keys.items()}
            services.set_keys(obj, **given, by=caller(request))
            self.message_user(
                request, f"The keys of {obj.name} are not tested yet: test the connection.", messages.WARNING
            )
        elif obj.environment == Environment.PAPER:
            self._open_paper_account(request, obj)

    def delete_model(self, request: HttpRequest, obj: ExchangeAccount) -> None:
        services.delete_account(obj, by=caller(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ExchangeAccount]) -> None:
        for account in queryset:
            services.delete_account(account, by=caller(request))

    def _open_paper_account(self, request: HttpRequest, account: ExchangeAccount) -> None:
        """A newcomer has no key of the paper exchange, and needs none."""
        try:
            with patiently():
                services.open_paper_keys(account, by=caller(request))
        except ExchangeError as error:
            text = f"{account.name} has no key: {error}. Enter one, or add the account when the paper exchange runs."
            self.message_user(request, text, messages.WARNING)
        else:
            self.message_user(
                request, f"{account.name} was opened at the paper exchange with 10,000 USDT of play money."
            )

    @admin.action(description="Test connection", permissions=["change"])
    def test_connection(self, request: HttpRequest, accounts: QuerySet[ExchangeAccount]) -> None:
        chosen = list(accounts[: TESTED_AT_ONCE + 1])
        if len(chosen) > TESTED_AT_ONCE:
            told = f"Nothing is tested: these are more than {TESTED_AT_ONCE} accounts, each of which is asked in turn."
            self.message_user(request, told, messages.ERROR)
            return
        for account in chosen:
            try:
                with patiently():
                    balances, permissions = services.examine(account, now=timezone.now())
            except (ExchangeError, SecretUnreadable) as error:
                self.message_user(request, f"{account.name}: {error}", messages.ERROR)
            else:
                told = "; ".join(f"{name}: {value}" for name, value in permitted(request, account, permissions))
                level = messages.WARNING if permissions and permissions.may_withdraw else messages.INFO
                self.message_user(request, f"{account.name} holds {held(balances)}. {told}.", level)

    @action(description="Test connection", permissions=["change"], icon="wifi_tethering", url_path="test")
    def test_account(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return test_page(request, self._one(request, object_id))

    @action(description="Rotate keys", permissions=["change"], icon="sync_lock", url_path="rotate")
    def rotate_keys(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return rotate_page(request, self._with_own_keys(request, object_id))

    @action(description="Wipe keys", permissions=["change"], icon="key_off", url_path="wipe")
    def wipe_keys(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return wipe_page(request, self._with_own_keys(request, object_id))

    def _with_own_keys(self, request: HttpRequest, object_id: str) -> ExchangeAccount:
        """One whose keys the user may set. Raises Http404, and PermissionDenied with what to do instead."""
        account = self._one(request, object_id)
        if not may_set_keys(request.user, account):
            text = f"{account.name}: its keys are {account.owner}'s or an administrator's to set; halt it instead."
            raise PermissionDenied(text)
        return account

    def _one(self, request: HttpRequest, object_id: str) -> ExchangeAccount:
        """One of the accounts that the user may see. Raises Http404."""
        account = self.get_object(request, object_id)
        if account is None:
            raise Http404(object_id)
        return account

"""Accounts: keys go in and never come out."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget

from market import services
from market.admin.base import OwnedAdmin
from market.admin.filters import chosen, owner_filter
from market.admin.text import number
from market.exchange.errors import ExchangeError
from market.fields import SecretUnreadable
from market.models import SET_ALL_KEYS, ExchangeAccount
from market.types import Environment

FIXED = ["owner", "environment", "market"]  # orders, fills and bots rely on them
OF_THE_KEY = ["key", "key_error", "may_withdraw", "is_ip_restricted", "permissions_checked_at"]
OF_TRADING = ["state", "state_reason", "state_set_by", "state_set_at", "cooldown_until", "reconciled_at"]
UNCHANGED = "Never shown again. Empty: unchanged."


def may_set_keys(request: HttpRequest, account: ExchangeAccount | None = None) -> bool:
    """Whether a user may give or wipe the keys of this account, or of those that are yet to be made for others."""
    is_own = account is not None and account.owner_id == request.user.pk
    return is_own or request.user.has_perm(SET_ALL_KEYS)


def key_input() -> forms.CharField:
    """A field that takes a secret and shows none, not even one that was just typed."""
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    return forms.CharField(required=False, strip=True, max_length=200, widget=widget, help_text=UNCHANGED)


class AccountForm(forms.ModelForm):
    new_api_key = key_input()
    new_api_secret = key_input()
    request: HttpRequest

    class Meta:
        model = ExchangeAccount
        exclude = ("api_key", "api_secret")  # noqa: DJ006 - the admin names the fields

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding and not may_set_keys(self.request):
            self.instance.owner = self.request.user
        if not self.instance._state.adding and not may_set_keys(self.request, self.instance):
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
        return cleaned

    def _require_free_name(self, cleaned: dict[str, Any]) -> None:
        owner, name = cleaned.get("owner") or getattr(self.instance, "owner", None), cleaned.get("name")
        same = ExchangeAccount.objects.filter(owner=owner, name=name).exclude(pk=self.instance.pk)
        if owner and name and same.exists():
            raise ValidationError({"name": f"name: {owner} has an account {name!r} already."})


class ExchangeAccountAdmin(OwnedAdmin):
    """Registered by ``trades.admin``, which adds the kill switch: pressing it cancels orders."""

    form = AccountForm
    owner_path = "owner"
    list_display = ["name", "owner", "environment", "market", "state", "key", "key_error", "cooldown_until"]
    list_filter = [owner_filter("owner"), chosen("environment"), chosen("market"), chosen("state")]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
    ordering = ["owner__username", "name"]
    actions = ["test_connection", "wipe_keys"]

    def get_fieldsets(self, request: HttpRequest, obj: ExchangeAccount | None = None) -> list[Any]:
        identity = ["name", "environment", "market"]
        if obj or may_set_keys(request):
            identity.insert(1, "owner")
        may_give = not obj or (may_set_keys(request, obj) and self.has_change_permission(request, obj))
        given = ["new_api_key", "new_api_secret"] if may_give else []
        known = [("Keys", {"fields": [*(OF_THE_KEY if obj else []), *given]})]
        if obj:
            known.append(("Trading", {"fields": OF_TRADING}))
        return [(None, {"fields": identity}), *known]

    def get_readonly_fields(self, request: HttpRequest, obj: ExchangeAccount | None = None) -> list[str]:
        return [*OF_THE_KEY, *OF_TRADING, *(FIXED if obj else [])]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.request = request
        return form

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "owner":
            kwargs["queryset"] = get_user_model().objects.filter(is_active=True).order_by("username")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @display(description="key", empty_value="none")
    def key(self, account: ExchangeAccount) -> str:
        return account.masked_key

    def save_model(self, request: HttpRequest, obj: ExchangeAccount, form: AccountForm, change: bool) -> None:
        if change:
            # What workers write meanwhile, a cooldown or a key's error, is not overwritten.
            fields = {field.name for field in obj._meta.fields} - {"id"}
            obj.save(update_fields=sorted(fields & set(form.changed_data)))
        else:
            obj.save()
        if form.cleaned_data.get("new_api_key"):
            keys = {"api_key": "new_api_key", "api_secret": "new_api_secret"}
            services.set_keys(obj, **{name: form.cleaned_data[field] for name, field in keys.items()})
        elif not change and obj.environment == Environment.PAPER:
            self._open_paper_account(request, obj)

    def _open_paper_account(self, request: HttpRequest, account: ExchangeAccount) -> None:
        """A newcomer has no key of the paper exchange, and needs none."""
        try:
            services.open_paper_keys(account)
        except ExchangeError as error:
            text = f"{account.name} has no key: {error}. Enter one, or add the account when the paper exchange runs."
            self.message_user(request, text, messages.WARNING)
        else:
            self.message_user(
                request, f"{account.name} was opened at the paper exchange with 10,000 USDT of play money."
            )

    @admin.action(description="Test connection", permissions=["change"])
    def test_connection(self, request: HttpRequest, accounts: QuerySet[ExchangeAccount]) -> None:
        for account in accounts:
            try:
                balances = services.check_connection(account, now=timezone.now())
            except (ExchangeError, SecretUnreadable) as error:
                self.message_user(request, f"{account.name}: {error}", messages.ERROR)
            else:
                held = ", ".join(f"{number(item.free + item.locked)} {item.asset}" for item in balances[:20])
                self.message_user(request, f"{account.name} holds {held or 'nothing'}.")

    @admin.action(description="Wipe keys (orders and trades stay)", permissions=["change"])
    def wipe_keys(self, request: HttpRequest, accounts: QuerySet[ExchangeAccount]) -> None:
        for account in accounts:
            if not may_set_keys(request, account):
                text = (
                    f"{account.name}: its keys are {account.owner}'s to wipe, or an administrator's; halt it instead."
                )
                self.message_user(request, text, messages.ERROR)
                continue
            services.wipe_keys(account)
            self.message_user(request, f"Keys of {account.name} wiped.")

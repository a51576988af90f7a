"""What is done with one account: test its connection, give or rotate its keys, wipe them. Each on a page that asks."""

from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from market import services
from market.access import shown_key
from market.admin.asking import ask
from market.admin.text import NOTHING, money, number
from market.budget import usage
from market.clock import MS, clock_offset, trouble_with
from market.exchange.errors import ExchangeError
from market.exchange.types import Balance, KeyPermissions
from market.fields import SecretUnreadable
from market.models import AccountBalances, ExchangeAccount
from market.patience import patiently
from market.symbols import QUOTE_ASSET
from market.types import Market

Facts = list[tuple[str, str]]
SHOWN = 20


def secret_input(**kwargs: Any) -> forms.CharField:
    """A field that takes a secret and shows none, not even one that was just typed."""
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    return forms.CharField(strip=True, max_length=200, widget=widget, **kwargs)


class KeysForm(forms.Form):
    api_key = secret_input(label="New API key", help_text="Never shown again.")
    api_secret = secret_input(label="New API secret", help_text="Never shown again.")


class NameForm(forms.Form):
    """Ask for the name of what is about to be done, so that nobody does it by a slip."""

    name = forms.CharField(widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, wanted: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wanted = wanted
        self.fields["name"].label = f"Type the account's name, {wanted}"

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if name != self.wanted:
            raise forms.ValidationError(f"name: {name[:60]!r} is not {self.wanted!r}.")
        return name


def caller(request: HttpRequest) -> User:
    """Who asks: in the admin always somebody who is logged in."""
    return cast(User, request.user)


def address(account: ExchangeAccount) -> str:
    return reverse("admin:market_exchangeaccount_change", args=[account.pk])


def test_page(request: HttpRequest, account: ExchangeAccount) -> HttpResponse:
    """Ask the exchange when the button is pressed, and show what it says."""
    now, told = timezone.now(), list[str]()
    facts: Facts = []
    if request.method == "POST":
        try:
            with patiently():
                balances, permissions = services.examine(account, now=now)
        except (ExchangeError, SecretUnreadable) as error:
            messages.error(request, f"{account.name}: {error}")
            told = [f"If the exchange refused the key: {services.WHY_REFUSED}."]
        else:
            messages.success(request, f"{account.name} holds {held(balances)}.")
            facts = permitted(request, account, permissions)
        facts += _surroundings(account, now=now)
    else:
        told = ["The exchange is asked what the account holds and what its key may do. Nothing is traded."]
    return ask(
        request,
        title=f"Connection of {account.name}",
        button="Test again" if facts else "Test connection",
        says=told,
        facts=facts,
        back=address(account),
    )


def held(balances: list[Balance]) -> str:
    """What an account holds, as a sentence has it."""
    return ", ".join(f"{number(item.free + item.locked)} {item.asset}" for item in balances[:SHOWN]) or "nothing"


def equity_of(last: AccountBalances) -> str:
    """What all of it is worth, and what is left out of that."""
    left_out = f", without {', '.join(last.unpriced[:SHOWN])}" if last.unpriced else ""
    return f"{money(last.equity)} {QUOTE_ASSET}{left_out}" if last.equity is not None else NOTHING


def trouble_of(last: AccountBalances) -> str:
    """Why there is nothing newer, behind the moment."""
    return f"; since then: {last.trouble}" if last.trouble else ""


def permitted(request: HttpRequest, account: ExchangeAccount, permissions: KeyPermissions | None) -> Facts:
    """What the key may do, as the exchange has just told; what it should not is said with the cure."""
    key = ("key", shown_key(request.user, account))
    if permissions is None:
        return [key, ("permissions", "this exchange does not tell them")]
    is_futures = account.market == Market.FUTURES
    may_trade = permissions.may_trade_futures if is_futures else permissions.may_trade_spot
    return [
        key,
        ("may trade", account.key_trouble or ("yes" if may_trade else f"no: allow it to trade {account.market}")),
        ("may withdraw", "yes: make a key that can only trade" if permissions.may_withdraw else "no"),
        ("restricted to our addresses", "yes" if permissions.is_ip_restricted else "no: restrict the key to ours"),
    ]


def _surroundings(account: ExchangeAccount, *, now: datetime) -> Facts:
    """The exchange's clock, and how much of this minute's request weight is used."""
    try:
        offset = clock_offset(account.environment, account.market, now=now)
        clock = f"{offset // MS} ms ahead of ours; {trouble_with(offset) or 'that is close enough'}"
    except ExchangeError as error:
        clock = f"not known: {error}"
    spent = usage(account.environment, account.market, now=now)
    return [
        ("the exchange's clock", clock),
        ("request weight of this minute", f"{spent.used:,} of {spent.limit:,}" if spent else NOTHING),
        ("asked to be silent until", f"{account.cooldown_until:%H:%M:%S} UTC" if account.is_cooling(now) else NOTHING),
    ]


def rotate_page(request: HttpRequest, account: ExchangeAccount) -> HttpResponse:
    """Take a new pair, once the exchange has answered to it."""
    form = KeysForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with patiently():
                balances = services.replace_keys(account, **form.cleaned_data, by=caller(request), now=timezone.now())
        except (services.KeyRefused, ExchangeError) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{account.name} has a new key, {account.masked_key}: it holds {held(balances)}.")
            if account.may_withdraw:
                messages.warning(request, f"{account.name}: the key may withdraw money: make one that can only trade.")
            return HttpResponseRedirect(address(account))
    return ask(
        request,
        title=f"New keys of {account.name}",
        button="Test and take them",
        says=[
            f"The key now: {account.masked_key}. It stays in force until the exchange has answered to the new pair.",
            "Make the new pair for the same account at the exchange: its orders and balances are those of our books.",
        ],
        form=form,
        back=address(account),
    )


def wipe_page(request: HttpRequest, account: ExchangeAccount) -> HttpResponse:
    """Forget both keys, once the account's name is typed."""
    form = NameForm(request.POST or None, wanted=account.name)
    if request.method == "POST" and form.is_valid():
        services.wipe_keys(account, by=caller(request))
        messages.success(request, f"Keys of {account.name} wiped.")
        return HttpResponseRedirect(address(account))
    return ask(
        request,
        title=f"Wipe the keys of {account.name}",
        button="Wipe them",
        says=[
            "Key and secret are forgotten at once. Orders, fills and trades stay.",
            "Its bots can't trade from then on, nor leave what they hold. Stops at the exchange stay there.",
        ],
        form=form,
        danger=True,
        back=address(account),
    )

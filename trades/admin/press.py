"""The page on which a kill switch is pressed, or let go: what it stops, why, and whether one is sure."""

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from market.admin.asking import ask, way_back
from market.admin.base import sees_all
from market.models import ExchangeAccount, Switch
from market.switches import SwitchState
from trades import services
from trades.models import Order, Position

CHOICES = [
    (SwitchState.HALTED.value, "Halt: no orders at all; entries that are at work are canceled"),
    (SwitchState.REDUCING.value, "Reduce: exits only, no entries"),
    (SwitchState.ACTIVE.value, "Release: trade again"),
]
MOST = 100  # accounts on one page


class PressForm(forms.Form):
    state = forms.ChoiceField(
        label="What should happen",
        choices=CHOICES,
        widget=UnfoldAdminRadioSelectWidget(),
        initial=SwitchState.HALTED.value,
    )
    reason = forms.CharField(
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Everybody concerned reads it, for example: the exchange fills at absurd prices.",
    )
    sure = forms.BooleanField(label="I am sure", widget=UnfoldBooleanWidget())


def page_of(
    *,
    accounts: Sequence[Any] = (),
    users: Sequence[Any] = (),
    platform: bool = False,
    state: str = "",
    back: str = "",
) -> str:
    """The address of the page for the switches of some accounts, or of some users and the platform.

    ``back`` is where it leads when all is done; empty: to the index.
    """
    query: list[tuple[str, Any]] = [("account", pk) for pk in accounts]
    query += [("user", pk) for pk in users]
    query += [("platform", 1)] if platform else []
    query += [("state", state)] if state else []
    query += [("next", back)] if back else []
    return reverse("kill-switch-page") + (f"?{urlencode(query)}" if query else "")


def kill_switch(request: HttpRequest) -> HttpResponse:
    """Show the page, or press and say what came of it."""
    targets = _targets(request)
    form = PressForm(request.POST or None, initial=_initial(request))
    back = way_back(request, reverse("admin:index"))
    if request.method == "POST" and form.is_valid():
        press(request, targets, SwitchState(form.cleaned_data["state"]), form.cleaned_data["reason"])
        return HttpResponseRedirect(back)
    return ask(
        request,
        title=f"Kill switch: {targets[0]}" if len(targets) == 1 else f"{len(targets)} kill switches",
        button="Press it",
        form=form,
        facts=_facts(targets),
        danger=True,
        back=back,
    )


def press(request: HttpRequest, targets: Sequence[services.Target], state: SwitchState, reason: str) -> None:
    """Press switches and say what came of each."""
    by = cast(User, request.user)
    for outcome in services.press_all(targets, state, by=by, reason=reason, now=timezone.now()):
        if outcome.error:
            messages.error(request, outcome.error)
        if outcome.pressed:
            messages.success(request, _told(outcome.target, outcome.pressed))


def _told(target: services.Target, done: services.Pressed) -> str:
    told = f"{target} is {done.state}."
    if done.state is SwitchState.HALTED:
        told += f" Entries taken back: {done.taken_back}, canceled: {done.canceled}, to be canceled: {done.pending}."
    return told


def _targets(request: HttpRequest) -> list[services.Target]:
    """What was asked for, as far as it is one's to press. Raises Http404 and PermissionDenied."""
    accounts, users = _numbers(request, "account"), _numbers(request, "user")
    if accounts:
        _require(request, "market.change_exchangeaccount")
        rows = ExchangeAccount.objects.select_related("owner").filter(pk__in=accounts[:MOST])
        rows = rows if sees_all(request) else rows.filter(owner=request.user.pk)
        found = [services.Target(account=row) for row in rows.order_by("pk")]
        if not found:
            raise Http404("no such account")
        return found
    _require(request, "market.change_switch")
    found = []
    if "platform" in request.GET:
        if not sees_all(request):
            raise PermissionDenied("only an operator presses the switch of the platform")
        found.append(services.PLATFORM)
    known = users if sees_all(request) else [pk for pk in users if pk == request.user.pk]
    found += [services.Target(user=person) for person in User.objects.filter(pk__in=known[:MOST]).order_by("pk")]
    if not found:
        raise Http404("no such switch")
    return found


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied(permission)


def _numbers(request: HttpRequest, name: str) -> list[int]:
    return [int(text) for text in request.GET.getlist(name) if text.isdecimal() and len(text) < 18]


def _initial(request: HttpRequest) -> dict[str, str]:
    asked = request.GET.get("state", "")
    return {"state": asked} if asked in set(SwitchState) else {}


def _facts(targets: list[services.Target]) -> list[tuple[str, str]]:
    """How things stand, and what a halt would cancel."""
    stopped = Q(pk__in=[])
    for target in targets:
        stopped = target.orders | stopped if target.orders else Q()
        if not stopped:
            break
    entries = Order.objects.live().filter(stopped, purpose=Order.Purpose.ENTRY).count()
    positions = Position.objects.open().filter(stopped).count()
    return [
        *((str(target), _standing(target)) for target in targets),
        ("entries at work", f"{entries:,}"),
        ("open positions", f"{positions:,}; their stops and targets stay at the exchange"),
    ]


def _standing(target: services.Target) -> str:
    if target.account:
        account = target.account
        state, reason, by, at = account.state, account.state_reason, account.state_set_by, account.state_set_at
    else:
        switch = Switch.objects.filter(user=target.user).select_related("pressed_by").first() or Switch()
        state, reason, by, at = switch.state, switch.reason, switch.pressed_by, switch.pressed_at
    who = f" by {by}" if by else ""
    when = f" at {at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
    return f"{state}{who}{when}{f': {reason}' if reason else ''}"


kill_switch_page = admin.site.admin_view(kill_switch)

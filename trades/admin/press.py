"""The page on which kill switches are pressed, or let go: what they stop, why, and whether one is sure."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from market.admin.asking import ask, way_back
from market.admin.frozen import NotFrozen, freeze, thaw
from market.switches import SwitchState
from trades import services
from trades.admin.targets import Wanted, asked_for, find, marked
from trades.models import Order, Position

CHOICES = [
    (SwitchState.HALTED.value, "Halt: no orders at all; entries that are at work are canceled"),
    (SwitchState.REDUCING.value, "Reduce: exits only, no entries"),
    (SwitchState.ACTIVE.value, "Release: trade again"),
]
MOST = 200  # switches at once: whoever has to stop more stops their users, or the platform
SALT = "trades.admin.press"
GOOD_FOR = timedelta(hours=12)  # a shift: nobody who has to halt at once should be sent back to choose again


class PressForm(forms.Form):
    state = forms.ChoiceField(
        label="What should happen",
        choices=CHOICES,
        widget=UnfoldAdminRadioSelectWidget(),
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
    back: str = "",
) -> str:
    """The address of the page for the switches of some accounts, or of some users and the platform.

    ``back`` is where it leads when all is done; empty: to the index.
    """
    query: list[tuple[str, Any]] = [("account", pk) for pk in accounts]
    query += [("user", pk) for pk in users]
    query += [("platform", 1)] if platform else []
    query += [("next", back)] if back else []
    return reverse("kill-switch-page") + (f"?{urlencode(query)}" if query else "")


def kill_switch(request: HttpRequest) -> HttpResponse:
    """Show the page for what the address names, or press what a page has shown."""
    if request.method == "POST":
        return _answered(request)
    wanted = asked_for(request)
    targets = find(request, wanted[: MOST + 1])
    if not targets:
        raise Http404("no such switch")
    return ask_to_press(request, targets, back=way_back(request, reverse("admin:index")))


def ask_to_press(
    request: HttpRequest,
    targets: Sequence[services.Target],
    *,
    state: SwitchState = SwitchState.HALTED,
    back: str,
    form: PressForm | None = None,
) -> HttpResponse:
    """The page. It carries what it shows, however many there are: an address is too short for that."""
    if len(targets) > MOST:
        told = f"These are more than {MOST} switches: choose fewer, or press that of their user or of the platform."
        messages.error(request, told)
        return HttpResponseRedirect(back)
    standings = services.standings(targets)
    return ask(
        request,
        title=f"Kill switch: {targets[0]}" if len(targets) == 1 else f"{len(targets)} kill switches",
        button="Press it",
        form=form or PressForm(initial={"state": state}),
        facts=_facts(targets, standings),
        danger=True,
        back=back,
        address=reverse("kill-switch-page"),
        frozen=freeze(request, salt=SALT, wanted=[Wanted.of(each, stands.mark) for each, stands in standings.items()]),
    )


def _answered(request: HttpRequest) -> HttpResponse:
    """Press what the page has shown and say what came of it."""
    back = way_back(request, reverse("admin:index"))
    try:
        shown = thaw(request, salt=SALT, good_for=GOOD_FOR, what="switches")
    except NotFrozen as error:
        messages.error(request, f"Nothing is pressed: {error}.")
        return HttpResponseRedirect(back)
    wanted = [Wanted(*each) for each in shown["wanted"]]
    targets = find(request, wanted)
    marks, gone = marked(wanted, targets)
    if gone:
        messages.error(request, f"Not pressed, for it is not there any more: {', '.join(gone)}.")
    form = PressForm(request.POST)
    if targets and not form.is_valid():
        return ask_to_press(request, targets, back=back, form=form)
    if targets:
        _press(request, marks, SwitchState(form.cleaned_data["state"]), form.cleaned_data["reason"])
    return HttpResponseRedirect(back)


def _press(request: HttpRequest, marks: dict[services.Target, str], state: SwitchState, reason: str) -> None:
    """Press switches and say what came of each."""
    by = cast(User, request.user)
    for outcome in services.press_all(marks, state, by=by, reason=reason, now=timezone.now()):
        if outcome.error:
            messages.error(request, outcome.error)
        if outcome.pressed:
            messages.success(request, _told(outcome.target, outcome.pressed))


def _told(target: services.Target, done: services.Pressed) -> str:
    told = f"{target} is {done.state}."
    if done.state is SwitchState.HALTED:
        told += f" Entries taken back: {done.taken_back}, canceled: {done.canceled}, to be canceled: {done.pending}."
    return told


def _facts(
    targets: Sequence[services.Target], standings: dict[services.Target, services.Standing]
) -> list[tuple[str, str]]:
    """How things stand, and what a halt would cancel."""
    stopped = _stopped(targets)
    entries = Order.objects.live().filter(stopped, purpose=Order.Purpose.ENTRY).count()
    positions = Position.objects.open().filter(stopped).count()
    return [
        *((str(target), _standing(standing)) for target, standing in standings.items()),
        ("entries at work", f"{entries:,}"),
        ("open positions", f"{positions:,}; their stops and targets stay at the exchange"),
    ]


def _stopped(targets: Sequence[services.Target]) -> Q:
    """The condition for orders, and for positions, that one of them stops."""
    if services.PLATFORM in targets:
        return Q()
    accounts = [target.account.pk for target in targets if target.account]
    users = [target.user.pk for target in targets if target.user]
    of_users = Q(account__owner__in=users) if users else Q(pk__in=[])
    return Q(account__in=accounts) | of_users if accounts else of_users


def _standing(standing: services.Standing) -> str:
    who = f" by {standing.by}" if standing.by else ""
    when = f" at {standing.at:%Y-%m-%d %H:%M:%S} UTC" if standing.at else ""
    return f"{standing.state}{who}{when}{f': {standing.reason}' if standing.reason else ''}"


kill_switch_page = admin.site.admin_view(kill_switch)

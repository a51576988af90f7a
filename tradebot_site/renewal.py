"""Another phone, or new recovery codes, by oneself: prove who one is, keep what is new, show that one has it.

What is new waits in the session, sealed, until then; what one had before counts as long.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_otp import login as remember_device
from unfold.widgets import UnfoldAdminPasswordWidget

from market.admin.asking import ask
from market.fields import Secret, SecretUnreadable
from ops import second_factor
from ops.models import Authenticator
from ops.models.second_factor import SealedDevice, new_codes, new_key
from tradebot_site.second_factor import UNREADABLE, WRONG, TokenForm, as_typed, qr_code, token_field

WAITING = "second_factor_renewal"  # in the session
PATIENCE = timedelta(minutes=10)  # from the proof to the confirmation
Facts = list[tuple[str, str]]


@dataclass(frozen=True)
class Renewal:
    """``make`` gives the new secret, ``show`` tells it, ``put`` lets it count once a token of it was shown."""

    title: str
    says: str
    asks: str
    done: str
    make: Callable[[], str]
    show: Callable[[User, str], Facts]
    put: Callable[[User, str, str], SealedDevice]


def _app_facts(user: User, key: str) -> Facts:
    device = Authenticator(user=user, key=key)
    code = format_html('<div role="img" aria-label="QR code with the key below">{}</div>', qr_code(device.url))
    return [("scan this", code), ("or type this key", device.secret)]


def _code_facts(user: User, codes: str) -> Facts:
    return [(f"code {number}", code) for number, code in enumerate(codes.split(), 1)]


RENEWALS = {
    "app": Renewal(
        title="Move to another phone",
        says="Scan the key with an authenticator app on the new phone. The old app counts until you have confirmed.",
        asks="Six digits that the new app shows now.",
        done="Your second factor has moved; the old app counts no more, nor do sessions that were opened with it.",
        make=new_key,
        show=_app_facts,
        put=second_factor.move,
    ),
    "codes": Renewal(
        title="New recovery codes",
        says="Print them, or write them down: they are shown now only. The old ones count until you have confirmed.",
        asks="Any of the codes above, to show that you have them. It still counts afterwards.",
        done="Your new recovery codes count from now on, the old ones no more.",
        make=lambda: " ".join(new_codes()),
        show=_code_facts,
        put=lambda user, codes, token: second_factor.renew_codes(user, codes.split(), token),
    ),
}


class ProofForm(forms.Form):
    """Password and code once more. Wrong passwords count as at the login, and so do wrong codes."""

    password = forms.CharField(
        strip=False, widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"})
    )
    token = token_field(label="Code", help_text="From the app that counts now, or a recovery code, which is used up.")

    def __init__(self, *args: Any, request: HttpRequest) -> None:
        super().__init__(*args)
        self.request = request

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        user = cast(User, self.request.user)
        if self.errors:
            return cleaned
        if authenticate(self.request, username=user.get_username(), password=cleaned["password"]) != user:
            self.add_error("password", "Wrong password.")
            return cleaned
        try:
            second_factor.prove(user, as_typed(cleaned["token"]))
        except second_factor.WrongToken:
            self.add_error("token", WRONG)
        except SecretUnreadable:
            self.add_error("token", UNREADABLE)
        return cleaned


@sensitive_post_parameters()
@login_required
@require_http_methods(["GET", "POST"])
def renew(request: HttpRequest, what: str) -> HttpResponse:
    """Ask for the proof, then show what is new until it is confirmed."""
    if what not in RENEWALS:
        raise Http404(what)
    user = cast(User, request.user)
    if not (second_factor.has_second_factor(user) and user.is_verified()):  # type: ignore[attr-defined]
        return HttpResponseRedirect(reverse("second-factor"))
    secret = _waiting(request, what)
    return _confirm(request, RENEWALS[what], secret) if secret else _prove(request, what)


def _prove(request: HttpRequest, what: str) -> HttpResponse:
    form = ProofForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        until = timezone.now() + PATIENCE
        secret = Secret.seal(RENEWALS[what].make()).token
        request.session[WAITING] = {"what": what, "secret": secret, "until": until.isoformat()}
        return HttpResponseRedirect(request.path)
    return _page(request, RENEWALS[what], form, button="Go on", says=["First show that it is you."])


def _confirm(request: HttpRequest, renewal: Renewal, secret: str) -> HttpResponse:
    user = cast(User, request.user)
    form = TokenForm(request.POST or None)
    form.fields["token"].help_text = renewal.asks
    if request.method == "POST" and form.is_valid():
        try:
            device = renewal.put(user, secret, form.cleaned_data["token"])
        except second_factor.WrongToken:
            form.add_error("token", "Wrong code: nothing has changed.")
        else:
            del request.session[WAITING]
            remember_device(request, device)
            messages.success(request, renewal.done)
            return HttpResponseRedirect(reverse("second-factor"))
    facts = renewal.show(user, secret)
    return _page(request, renewal, form, button="Confirm", says=[renewal.says], facts=facts)


def _waiting(request: HttpRequest, what: str) -> str | None:
    """The new secret, if one waits for its confirmation, and not for too long."""
    waiting = request.session.get(WAITING)
    if not waiting or waiting["what"] != what:
        return None
    if timezone.now() < datetime.fromisoformat(waiting["until"]):
        try:
            return Secret(waiting["secret"]).reveal()
        except SecretUnreadable:
            pass
    del request.session[WAITING]
    return None


def _page(request: HttpRequest, renewal: Renewal, form: forms.Form, **told: Any) -> HttpResponse:
    return ask(request, title=renewal.title, form=form, back=reverse("second-factor"), **told)

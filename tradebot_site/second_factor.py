"""The second factor at the door: a field of the login form, and the page that sets it up before all others."""

from collections.abc import Callable
from io import BytesIO
from typing import Any, cast

import qrcode
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_otp import login as remember_device
from django_otp.forms import OTPAuthenticationFormMixin
from qrcode.image.svg import SvgPathFillImage
from unfold.forms import AuthenticationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from market.fields import SecretUnreadable
from ops import second_factor
from tradebot_site.api.errors import refuse

# Not the pages that renew it: they are for those who have shown it.
OPEN_TO_ALL = ("admin:login", "admin:logout", "second-factor")
WRONG = "Wrong code, or too soon after a wrong one: enter the next code that your app shows."
UNREADABLE = "Your device can't be read any more: ask an administrator to remove it, then set up a new one."


def token_field(**kwargs: Any) -> forms.CharField:
    attributes = {"autocomplete": "one-time-code", "autocapitalize": "off", "spellcheck": "false"}
    return forms.CharField(max_length=20, widget=UnfoldAdminTextInputWidget(attrs=attributes), **kwargs)


def as_typed(token: str) -> str:
    """A code as it counts: people type blanks and capitals."""
    return "".join(token.split()).lower()


class LoginForm(OTPAuthenticationFormMixin, AuthenticationForm):
    """Name and password; a token of those who have a second factor. Without one the next page sets it up."""

    token = token_field(
        required=False, label="Code", help_text="From your app, or a recovery code. None yet: leave empty."
    )
    otp_error_messages: Any = OTPAuthenticationFormMixin.otp_error_messages | {
        "token_required": "Enter the code that your app shows.",
        "invalid_token": "Wrong code, or it was used before: wait for the next one.",
        "device_required": "Wrong code, or it was used before: wait for the next one.",
    }

    def clean_token(self) -> str:
        return as_typed(self.cleaned_data["token"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        cleaned["otp_token"] = cleaned.get("token")
        user = self.get_user()
        if user and second_factor.has_second_factor(user):
            self.cleaned_data = cleaned
            try:
                self.clean_otp(user)
            except SecretUnreadable as error:
                raise forms.ValidationError(UNREADABLE) from error
        return cleaned

    def _chosen_device(self, user: User) -> Any:
        return second_factor.device_for(user, self.cleaned_data["otp_token"] or "")

    def _update_form(self, user: User) -> None:
        """Show nothing of what was typed again; the mixin would show the password."""


class SecondFactorMiddleware:
    """Staff who have not shown a second factor get nowhere but to the page that sets it up, or back to the login."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Refuse before any view of ours, also one of the API, is asked."""
        match = request.resolver_match
        if not settings.SECOND_FACTOR_REQUIRED or (match and match.view_name in OPEN_TO_ALL):
            return None
        return _refusal(request) if _is_half_way(cast(User, request.user)) else None


def _is_half_way(user: User) -> bool:
    return user.is_authenticated and user.is_staff and not user.is_verified()  # type: ignore[attr-defined]


def _refusal(request: HttpRequest) -> HttpResponse:
    if not request.path_info.startswith("/admin/"):
        return refuse(403, "second_factor_required", "Log in with your second factor first.")
    return HttpResponseRedirect(reverse("second-factor"))


@sensitive_post_parameters()
@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def set_up(request: HttpRequest) -> HttpResponse:
    """Show the key until the app proves to have it, then the recovery codes, once."""
    user = cast(User, request.user)
    if second_factor.has_second_factor(user):
        return _already(request, user)
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            device, codes = second_factor.confirm(user, form.cleaned_data["token"])
        except second_factor.WrongToken:
            form.add_error("token", WRONG)
        else:
            remember_device(request, device)
            return _page(request, "admin/recovery_codes.html", title="Recovery codes", codes=codes)
    device = second_factor.begin(user)
    return _page(
        request, "admin/second_factor.html", title="Second factor", form=form, device=device, code=qr_code(device.url)
    )


class TokenForm(forms.Form):
    token = token_field(label="Code", help_text="Six digits that your app shows now.")

    def clean_token(self) -> str:
        return as_typed(self.cleaned_data["token"])


def _already(request: HttpRequest, user: User) -> HttpResponse:
    """How it stands, for nobody sets up a second one; who has not shown the first in this session has to log in."""
    if user.is_verified():  # type: ignore[attr-defined]
        return _page(request, "admin/own_second_factor.html", title="Second factor", **second_factor.standing(user))
    logout(request)
    return HttpResponseRedirect(reverse("admin:login"))


def _page(request: HttpRequest, template: str, **told: Any) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), **told})


def qr_code(url: str) -> SafeString:
    """A QR code as SVG on white, also in a dark page."""
    image = qrcode.make(url, image_factory=SvgPathFillImage, box_size=14)
    written = BytesIO()
    image.save(written)
    return mark_safe(written.getvalue().decode().partition("?>")[2])  # noqa: S308 - made of squares only

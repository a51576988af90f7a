"""What is done with one's channel: a test message, the code that confirms it, another secret; each on its own page."""

from typing import cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from unfold.widgets import UnfoldAdminTextInputWidget

from market.admin.asking import ask
from market.api.throttles import wait_of
from ops.models import Channel
from ops.notifications import changing, channels
from ops.notifications.counting import TooSoon
from ops.tasks import send_channel_code

MUTE = "A code is sent to its address: nothing else is until you confirm it with that."


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=20,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code"}),
        help_text="Leave it empty to have another one sent.",
    )


def trial_page(request: HttpRequest, channel: Channel) -> HttpResponse:
    """Send a message when the button is pressed, and say what became of it."""
    by = cast(User, request.user)
    if request.method == "POST":
        waits = wait_of({f"trials:{by.pk}": settings.THROTTLE_TRIALS}, must_count=True)
        try:
            if waits is not None:
                raise changing.NotArrived(f"enough has been tried; again in {waits} seconds")
            changing.try_channel(channel, by=by, now=timezone.now())
        except (changing.NotArrived, changing.OthersTry) as error:
            messages.error(request, f"{channel.name}: {error}")
        else:
            messages.success(request, f"{channel.name}: it was taken. Look whether it is there.")
    return ask(
        request,
        title=f"Try {channel.name}",
        button="Send a test message",
        says=[f"A short message goes to {channel.hint} now."],
        back=_address(channel),
    )


def confirm_page(request: HttpRequest, channel: Channel) -> HttpResponse:
    """Take the code, or have another one sent."""
    by, form = cast(User, request.user), CodeForm(request.POST or None)
    if channel.confirmed_at:
        says = [f"{channel.hint} is confirmed since {channel.confirmed_at:%Y-%m-%d %H:%M} UTC."]
        return ask(request, title=f"Confirm {channel.name}", button="", says=says, back=_address(channel))
    if request.method == "POST" and form.is_valid():
        if not form.cleaned_data["code"]:
            require_sent(request, channel)
        else:
            try:
                channels.confirm(channel, form.cleaned_data["code"], by=by, now=timezone.now())
            except channels.WrongCode as error:
                form.add_error("code", f"code: {error}.")
            else:
                messages.success(request, f"{channel.name} is confirmed.")
                return HttpResponseRedirect(_address(channel))
    says = [f"The code went to {channel.hint}; it counts until tomorrow."]
    return ask(request, title=f"Confirm {channel.name}", button="Confirm", form=form, says=says, back=_address(channel))


def secret_page(request: HttpRequest, channel: Channel) -> HttpResponse:
    """Show another secret, once."""
    title = f"New secret of {channel.name}"
    if request.method == "POST":
        secret = channels.renew_secret(channel, by=cast(User, request.user), now=timezone.now())
        says = ["Keep it now: nobody can read it again."]
        return ask(request, title=title, button="", says=says, facts=[("secret", secret)], back=_address(channel))
    says = ["What it sends is signed with another secret from now on, for a day with the one before, too."]
    return ask(request, title=title, button="Show me a new one", says=says, danger=True, back=_address(channel))


def require_sent(request: HttpRequest, channel: Channel) -> None:
    """Have a code sent, or say why not."""
    try:
        channels.claim_code(channel, by=cast(User, request.user), now=timezone.now())
        send_channel_code.delay(channel.pk)
    except TooSoon as error:
        messages.warning(request, f"{channel.name}: {error}.")
    except (OperationalError, RedisError):
        messages.error(request, f"{channel.name}: the broker does not answer; have another code sent later.")
    else:
        messages.warning(request, f"{channel.name}: {MUTE}")


def _address(channel: Channel) -> str:
    return reverse("admin:ops_channel_change", args=[channel.pk])

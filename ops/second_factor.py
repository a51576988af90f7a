"""What users do with their second factor: set it up, show it at the login, have it removed when the phone is lost."""

from django.contrib.auth.models import User
from django.db import transaction

from market.history import tell
from ops.models import Authenticator, RecoveryCodes
from ops.models.second_factor import DIGITS

WHAT = "second factor"


class WrongToken(Exception):
    """The token is not the one that the app shows, was used before, or came too soon after wrong ones."""


def has_second_factor(user: User) -> bool:
    return Authenticator.objects.filter(user=user.pk, confirmed=True).exists()


def device_for(user: User, token: str) -> Authenticator | RecoveryCodes | None:
    """The device that a token is for, by its form; locked, in the caller's transaction."""
    model: type[Authenticator] | type[RecoveryCodes] = Authenticator if len(token) == DIGITS else RecoveryCodes
    return model.objects.select_for_update(no_key=True).filter(user=user.pk, confirmed=True).first()


def begin(user: User) -> Authenticator:
    """The device to be set up: the same until it is confirmed, so that a page that is read again shows the same key."""
    device, _ = Authenticator.objects.get_or_create(user=user, defaults={"name": "app", "confirmed": False})
    return device


def confirm(user: User, token: str) -> tuple[Authenticator, list[str]]:
    """Let the device count, once it has shown a right token; with it the recovery codes, which nobody can read again.

    Raises WrongToken.
    """
    with transaction.atomic():
        device = Authenticator.objects.select_for_update(no_key=True).filter(user=user, confirmed=False).first()
        is_right = device is not None and device.verify_token(token)
        if device and is_right:
            device.confirmed = True
            device.save(update_fields=["confirmed"])
            codes, _ = RecoveryCodes.objects.get_or_create(user=user, defaults={"name": "recovery codes"})
            told = codes.renew()
            codes.save()
            tell(user, WHAT, "none", "set up")
    if device is None or not is_right:  # outside: what counts the failures is not rolled back
        raise WrongToken
    return device, told


def remove(user: User) -> bool:
    """Forget devices and codes; the next login leads to setting up anew. Return whether there was something."""
    with transaction.atomic():
        had = has_second_factor(user)
        for model in (Authenticator, RecoveryCodes):
            model.objects.filter(user=user.pk).delete()
        if had:
            tell(user, WHAT, "set up", "removed")
    return had

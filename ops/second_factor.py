"""What users do with their second factor: set it up, show it at the login, renew it, have it removed."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from market.fields import SecretUnreadable
from market.history import tell
from ops.models import Authenticator, RecoveryCodes
from ops.models.second_factor import CODES, DIGITS, new_codes

WHAT = "second factor"


class WrongToken(Exception):
    """The token is not the one that the app shows, was used before, or came too soon after wrong ones."""


def has_second_factor(user: User) -> bool:
    return Authenticator.objects.filter(user=user.pk, confirmed=True).exists()


def standing(user: User) -> dict[str, Any]:
    """``since``: when the app was set up, or moved to; ``left``: how many recovery codes count, None: unreadable."""
    codes = RecoveryCodes.objects.filter(user=user.pk).first()
    left: int | None
    try:
        left = len(codes.left) if codes else 0
    except SecretUnreadable:
        left = None
    return {"since": Authenticator.objects.get(user=user.pk).created_at, "left": left, "of": CODES}


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
            codes = new_codes()
            _put_codes(user, codes)
            tell(user, WHAT, "none", "set up")
    if device is None or not is_right:  # outside: what counts the failures is not rolled back
        raise WrongToken
    return device, codes


def prove(user: User, token: str) -> None:
    """Take a code of the app, or a recovery code, before something is renewed. Raises WrongToken, SecretUnreadable."""
    with transaction.atomic():
        device = device_for(user, token)
        is_right = device is not None and device.verify_token(token)
    if not is_right:  # outside: what counts the failures is not rolled back
        raise WrongToken


@transaction.atomic
def move(user: User, key: str, token: str) -> Authenticator:
    """Put an app with this key in the place of the one before, once it has shown a right token. Raises WrongToken.

    The row is another one: what sessions have shown of the old app counts no more.
    """
    old = _locked(user)
    device = Authenticator(user=user, name="app", key=key)
    if not device.take(token):
        raise WrongToken
    old.delete()
    device.save()
    tell(user, WHAT, "set up", "moved to another app")
    return device


@transaction.atomic
def renew_codes(user: User, codes: Sequence[str], token: str) -> RecoveryCodes:
    """Put these codes in the place of the ones before, once one was typed, for it has been kept. Raises WrongToken."""
    _locked(user)
    if token not in codes:
        raise WrongToken
    device = _put_codes(user, codes)
    tell(user, WHAT, "set up", "new recovery codes")
    return device


def _locked(user: User) -> Authenticator:
    """The app that counts. Raises WrongToken: somebody has removed or moved it meanwhile."""
    device = Authenticator.objects.select_for_update(no_key=True).filter(user=user.pk, confirmed=True).first()
    if device is None:
        raise WrongToken
    return device


def _put_codes(user: User, codes: Sequence[str]) -> RecoveryCodes:
    RecoveryCodes.objects.filter(user=user.pk).delete()
    return RecoveryCodes.objects.create(user=user, name="recovery codes", codes=" ".join(codes))


def remove(user: User) -> bool:
    """Forget devices and codes; the next login leads to setting up anew. Return whether there was something."""
    with transaction.atomic():
        had = has_second_factor(user)
        for model in (Authenticator, RecoveryCodes):
            model.objects.filter(user=user.pk).delete()
        if had:
            tell(user, WHAT, "set up", "removed")
    return had

"""What a user has beside the password. As django-otp's own devices, but their secrets are sealed in the database."""

import hmac
import secrets
import time
from base64 import b32encode
from urllib.parse import quote, urlencode

from django.db import models
from django_otp.models import Device, ThrottlingMixin, TimestampMixin
from django_otp.oath import TOTP

from market.fields import SecretField

STEP_SECONDS, DIGITS, TOLERANCE = 30, 6, 1  # what all apps for phones understand
ISSUER = "TradeBot"
CODES = 10


def new_key() -> str:
    """160 bits, as RFC 4226 wants them, in hexadecimal."""
    return secrets.token_hex(20)


def new_codes() -> list[str]:
    """Recovery codes; with 50 bits each nobody guesses one."""
    return [b32encode(secrets.token_bytes(7)).decode().lower()[:10] for _ in range(CODES)]


class SealedDevice(TimestampMixin, ThrottlingMixin, Device):
    """After n wrong tokens in a row the next one is looked at 2 ** (n - 1) seconds later."""

    class Meta(Device.Meta):
        abstract = True

    def get_throttle_factor(self) -> int:
        return 1

    def verify_token(self, token: str) -> bool:
        """Whether the token is right, and was never used before. In a transaction that holds the row."""
        is_allowed, _ = self.verify_is_allowed()
        if not is_allowed:
            return False
        is_right = self.take(token)
        if is_right:
            self.throttle_reset(commit=False)
            self.set_last_used_timestamp(commit=False)
            self.save()
        else:
            self.throttle_increment()
        return is_right

    def take(self, token: str) -> bool:
        """Whether the token is right; it is used up then."""
        raise NotImplementedError


class Authenticator(SealedDevice):
    """An app that shows another six digits every 30 seconds (RFC 6238)."""

    key = SecretField(default=new_key, editable=False)
    last_step = models.BigIntegerField(default=-1, editable=False, help_text="Of the last token; older ones are void.")

    class Meta(SealedDevice.Meta):
        constraints = [models.UniqueConstraint(fields=["user"], name="authenticator_one_per_user")]
        default_permissions = ()

    @property
    def secret(self) -> str:
        """The key as people type it into their app. Raises SecretUnreadable."""
        return b32encode(self._key).decode()

    @property
    def url(self) -> str:
        """What the QR code says."""
        said = {"secret": self.secret, "issuer": ISSUER, "digits": DIGITS, "period": STEP_SECONDS}
        return f"otpauth://totp/{ISSUER}:{quote(self.user.get_username())}?{urlencode(said)}"

    def take(self, token: str) -> bool:
        if not (token.isascii() and token.isdecimal() and len(token) == DIGITS):
            return False
        clock = TOTP(self._key, step=STEP_SECONDS, digits=DIGITS)
        clock.time = time.time()
        if not clock.verify(int(token), tolerance=TOLERANCE, min_t=self.last_step + 1):
            return False
        self.last_step = clock.t()
        return True

    @property
    def _key(self) -> bytes:
        return bytes.fromhex(self.key.reveal())


class RecoveryCodes(SealedDevice):
    """Codes on paper, for a phone that is lost: each counts once."""

    codes = SecretField(editable=False, help_text="Separated by blanks.")

    class Meta(SealedDevice.Meta):
        constraints = [models.UniqueConstraint(fields=["user"], name="recovery_codes_one_per_user")]
        default_permissions = ()
        verbose_name = verbose_name_plural = "recovery codes"

    @property
    def left(self) -> list[str]:
        """Those that still count. Raises SecretUnreadable."""
        return self.codes.reveal().split()

    def take(self, token: str) -> bool:
        codes = self.left
        left = [code for code in codes if not hmac.compare_digest(code.encode(), token.encode())]
        self.codes = " ".join(left)
        return len(left) < len(codes)

"""Model fields for money and for secrets."""

from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models.query_utils import DeferredAttribute

if TYPE_CHECKING:
    _TextField = models.TextField["str | Secret", "Secret"]
else:
    _TextField = models.TextField


class AmountField(models.DecimalField):
    """Money, a price or a quantity: exact to 18 places, 20 before the point."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 38, "decimal_places": 18} | kwargs)


@cache
def time_zones() -> frozenset[str]:
    """The names that this machine knows; to read them from its disk takes milliseconds."""
    return frozenset(available_timezones())


def require_time_zone(name: str) -> None:
    """Raise ValidationError unless this is the name of a time zone, in our tables and in those of PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = %s)", [name])
        (is_known_there,) = cursor.fetchone()
    if not is_known_there or name not in time_zones():
        raise ValidationError(f"{name!r} is no time zone; Europe/Berlin is one.")


def choices_of(words: type[StrEnum]) -> list[tuple[str, str]]:
    """The choices of a field whose values are the texts of an enum that plain code shares."""
    return [(word.value, word.value.replace("_", " ")) for word in words]


DUMPED = "sealed:"


class SecretUnreadable(Exception):
    """None of the FIELD_KEYS opens this secret: a key was taken from the list too early, or the row was altered."""


class Secret:
    """An encrypted text. It shows itself to nobody but the caller of ``reveal``."""

    def __init__(self, token: str) -> None:
        self.token = token

    @classmethod
    def seal(cls, text: str) -> "Secret":
        return cls(_fernet().encrypt(text.encode()).decode() if text else "")

    @classmethod
    def from_dump(cls, text: str) -> "Secret":
        return cls(text.removeprefix(DUMPED))

    def dump(self) -> str:
        """The sealed text with a mark, so that loading a dump does not seal it once more."""
        return f"{DUMPED}{self.token}" if self.token else ""

    def rotated(self) -> "Secret":
        """The same text, sealed with the first of FIELD_KEYS. Raises SecretUnreadable."""
        return Secret.seal(self.reveal())

    def reveal(self) -> str:
        """The plain text; raise SecretUnreadable when no key opens it."""
        if not self.token:
            return ""
        try:
            return _fernet().decrypt(self.token.encode()).decode()
        except InvalidToken as error:
            raise SecretUnreadable("no key of FIELD_KEYS opens this secret") from error

    def __bool__(self) -> bool:
        return bool(self.token)

    def __repr__(self) -> str:
        return "<secret>" if self.token else "<no secret>"

    __str__ = __repr__


class _SealingAttribute(DeferredAttribute):
    """Seals at the assignment: a row that is not saved yet holds no plain text either."""

    field: "SecretField"

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = self.field.to_python(value)


class SecretField(_TextField):
    """A text, encrypted at rest with the first of FIELD_KEYS. Reading gives a ``Secret``; assign text to set it."""

    descriptor_class = _SealingAttribute

    def from_db_value(self, value: str | None, *_: Any) -> Secret:
        return Secret(value or "")

    def to_python(self, value: Any) -> Secret:
        if isinstance(value, Secret):
            return value
        text = value or ""
        return Secret.from_dump(text) if text.startswith(DUMPED) else Secret.seal(text)

    def get_prep_value(self, value: Any) -> str:
        return self.to_python(value).token

    def value_to_string(self, obj: models.Model) -> str:
        """What a dump contains: the encrypted token, never the text."""
        return self.to_python(self.value_from_object(obj)).dump()


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])

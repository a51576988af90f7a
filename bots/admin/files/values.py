"""Settings of a bot as the cells of a file."""

import json
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from bots.models import BotConfig
from bots.services import CHANGEABLE
from market.rounding import plain
from market.spreadsheets import escaped

# Whose bot, by its name, and where it trades; then everything that can be chosen anew.
IDENTITY = ("owner", "name", "account", "symbol")
COLUMNS = (*IDENTITY, *(name for name in CHANGEABLE if name not in IDENTITY))
WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def cell_of(bot: BotConfig, name: str) -> str:
    """One setting, as it is written."""
    value = getattr(bot, name)
    if name == "owner":
        return escaped(value.get_username())
    return escaped(value.name if name == "account" else _text(value))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return json.dumps(value, sort_keys=True)
    return plain(value) if isinstance(value, Decimal) else str(value)


def setting_of(name: str, text: str) -> Any:
    """What a cell says of one of CHANGEABLE. Raises ValidationError with the reason."""
    field = BotConfig._meta.get_field(name)
    assert isinstance(field, models.Field)
    if not text:
        return _nothing(field)
    if isinstance(field, models.JSONField):
        return _json(text)
    if isinstance(field, models.BooleanField):
        if text.lower() not in WORDS:
            raise ValidationError("true or false is needed")
        return WORDS[text.lower()]
    return field.clean(text, None)


def _nothing(field: "models.Field[Any, Any]") -> Any:
    """What an empty cell says."""
    if field.null:
        return None
    if field.blank:
        return field.get_default()
    raise ValidationError("a value is needed")


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"this is no JSON: {error}") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number that a database keeps")

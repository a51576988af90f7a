"""What all serializers have in common: unknown fields are refused, and a fault names the value that was given."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from market.rounding import plain

MOST_TOLD = 60  # characters of a value in the answer that refuses it


class Strict(serializers.Serializer):
    """Mixin: refuses fields that it does not know, tells the value that was wrong, and shows single fields if asked.

    A list may ask for `fields=id,name`. Values of write-only fields are secrets and never told.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = self._asked_for()
        if asked is not None:
            self._show_only(asked)

    def _asked_for(self) -> str | None:
        """What the address names. Of a part of an answer it would be wrong: such a serializer gets no context."""
        request = self.context.get("request")
        if getattr(request, "method", "") not in ("GET", "HEAD"):
            return None
        return cast(str | None, getattr(request, "query_params", {}).get("fields"))

    def _show_only(self, asked: str) -> None:
        names = {name for name in asked.split(",") if name}
        known = {name for name, field in self.fields.items() if not field.write_only}
        if not names or names - known:
            wrong = ", ".join(sorted(name[:40] for name in (names - known))[:5]) or "nothing"
            raise ValidationError({"fields": [f"{wrong} can't be asked for; {', '.join(sorted(known))} can."]})
        for name in known - names:
            self.fields.pop(name)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = sorted(name for name, field in self.fields.items() if not field.read_only)
            if unknown := sorted(set(data) - set(known)):
                text = f"is not known here; known are: {', '.join(known) or 'none'}."
                raise ValidationError({readable(name): [text] for name in unknown[:5]})
        try:
            return super().to_internal_value(data)
        except ValidationError as error:
            raise ValidationError(self._with_values(error.detail, data)) from error

    def _with_values(self, faults: Any, data: Any) -> Any:
        if not isinstance(faults, dict) or not isinstance(data, Mapping):
            return faults
        return {name: self._told(name, texts, data) for name, texts in faults.items()}

    def _told(self, name: str, texts: Any, data: Mapping[str, Any]) -> Any:
        field = self.fields.get(name)
        if field is None or field.write_only or name not in data:
            return texts
        return with_value(texts, data[name])


class StrictSerializer(Strict, serializers.Serializer):
    """A serializer of plain values."""


class StrictModelSerializer(Strict, serializers.ModelSerializer):
    """A serializer of a model. Amounts are strings without needless zeros."""

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        return (Amount if field_class is serializers.DecimalField else field_class), kwargs


@extend_schema_field(
    {"type": "string", "format": "decimal", "pattern": r"^-?\d{1,20}(\.\d{1,18})?$", "example": "0.25"}
)
class Amount(serializers.DecimalField):
    """Money, a price or a quantity: a string in both directions, exact, without needless zeros."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"max_digits": 38, "decimal_places": 18} | kwargs))

    def to_representation(self, value: Any) -> str:
        return plain(Decimal(value))


def with_value(texts: Any, value: Any) -> Any:
    """The faults of one field, each with the value that was given; of a list's items they are left as they are."""
    if not (isinstance(texts, list) and all(isinstance(text, str) for text in texts)):
        return texts
    told = repr(value)
    shown = told if len(told) <= MOST_TOLD else f"{told[:MOST_TOLD]}…"
    return [text if shown in text else f"{text} Given: {shown}." for text in texts]


def readable(name: Any) -> str:
    """A field's name, of which an answer can be made whatever it is: JSON may have half a character."""
    return str(name)[:40].encode("ascii", "backslashreplace").decode()

"""What the filters of all lists have in common: a value that is none is refused with its name, never overlooked."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django_filters import BooleanFilter, CharFilter, ChoiceFilter, FilterSet, IsoDateTimeFilter, NumberFilter
from drf_spectacular.drainage import set_override

MOST = 2**63 - 1  # of a row's number


class StrictForm(forms.Form):
    """A form in which what is given has a value."""

    def clean(self) -> dict[str, Any]:
        for name in self.fields:
            if name in self.data and not str(self.data[name]).strip() and name not in self.errors:
                self.add_error(name, "This is empty; leave it out, or give a value.")
        return self.cleaned_data


class StrictFilterSet(FilterSet):
    """Filters of a list. A filter that is given has to have a value that it knows."""

    def get_form_class(self) -> type[forms.Form]:
        fields = {name: item.field for name, item in self.filters.items()}
        return type(f"{type(self).__name__}Form", (StrictForm,), fields)


class Number(NumberFilter):
    """The number of a row."""

    field_class: Any = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=1, max_value=MOST, **kwargs)
        schema = {"type": "integer", "minimum": 1, "maximum": MOST, "description": kwargs.get("help_text", "")}
        set_override(self, "field", schema)

    def get_max_validator(self) -> None:
        """The field has its own."""


class YesNoField(forms.Field):
    widget = forms.TextInput

    def to_python(self, value: Any) -> bool | None:
        if value in self.empty_values:
            return None
        if value not in ("true", "false"):
            raise ValidationError("Neither true nor false.")
        return bool(value == "true")


class YesNo(BooleanFilter):
    """`true` or `false`, nothing else."""

    field_class: Any = YesNoField


class Word(CharFilter):
    """A text, compared as it is."""

    def __init__(self, *args: Any, max_length: int = 150, **kwargs: Any) -> None:
        super().__init__(*args, max_length=max_length, strip=False, **kwargs)


class Choice(ChoiceFilter):
    """One of some words."""

    def __init__(self, *args: Any, choices: Any, **kwargs: Any) -> None:
        named = [(str(getattr(item, "value", item)), str(getattr(item, "value", item))) for item in choices]
        super().__init__(*args, choices=named, empty_label=None, null_label=None, **kwargs)


def since(field: str) -> IsoDateTimeFilter:
    """From a moment on, which is included."""
    return IsoDateTimeFilter(field, "gte", help_text="From this moment on, which is included.")


def before(field: str) -> IsoDateTimeFilter:
    """Before a moment, which is not included: so ranges adjoin."""
    return IsoDateTimeFilter(field, "lt", help_text="Before this moment, which is not included.")

"""The form of a bot. What is wrong is said by the model, at its field, with value and bound."""

from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from bots.models import BotConfig
from bots.strategies import STRATEGIES, Parameter, Strategy
from market.admin.base import sees_all


def parameters_help() -> SafeString:
    """Every strategy with its parameters, their bounds and defaults."""
    return format_html(
        "As JSON, for example {}. What is left out has its default.{}",
        '{"ema_fast": 9, "ema_slow": 21}',
        format_html_join("", "<br><b>{}</b><ul>{}</ul>", ((item.label, _list(item)) for item in STRATEGIES.values())),
    )


def _list(strategy: Strategy) -> SafeString:
    return format_html_join("", "<li><code>{}</code>: {}</li>", ((p.name, _about(p)) for p in strategy.parameters))


def _about(parameter: Parameter) -> str:
    bounds = [f"{bound:g}" for bound in (parameter.minimum, parameter.maximum) if bound is not None]
    allowed = " or ".join(parameter.choices) if parameter.choices else " to ".join(bounds)
    return f"{allowed}, default {parameter.default}. {parameter.help}"


class BotForm(forms.ModelForm):
    """``request`` is set by the admin: it decides whose bot a new one is."""

    request: HttpRequest

    class Meta:
        model = BotConfig
        fields = "__all__"  # noqa: DJ007 - the admin's fieldsets name them

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding and not sees_all(self.request):
            self.instance.owner = self.request.user
        if "parameters" in self.fields:
            self.fields["parameters"].help_text = parameters_help()

    def clean_symbol(self) -> str:
        return str(self.cleaned_data["symbol"]).strip().upper()

    def add_error(self, field: Any, error: Any) -> None:
        """What the model says of a field that is fixed by now is said above the form."""
        if isinstance(error, ValidationError) and hasattr(error, "error_dict"):
            told: dict[str, list[ValidationError]] = {}
            for name, found in error.error_dict.items():
                told.setdefault(name if name in self.fields else NON_FIELD_ERRORS, []).extend(found)
            error = ValidationError(told)
        super().add_error(field, error)

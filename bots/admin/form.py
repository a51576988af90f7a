"""The form of a bot. What is wrong is said by the model, at its field, with value and bound."""

from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest, QueryDict

from bots import services
from bots.admin.parameters import field_name, fields_of, initial_of, parameters_from
from bots.models import BotConfig
from bots.strategies import STRATEGIES
from market.access import sees_all


class BotForm(forms.ModelForm):
    """``request`` is set by the admin: it decides whose bot a new one is."""

    request: HttpRequest
    # What its editor has seen of the bot: the values of an old page are not written over newer ones.
    seen_revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = BotConfig
        exclude = ("parameters",)  # noqa: DJ006 - the admin's fieldsets name the fields

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding and not sees_all(self.request.user):
            self.instance.owner = self.request.user
        self.initial["seen_revision"] = self.instance.revision
        self.initial = {**initial_of(self.instance.strategy, self.instance.parameters), **self.initial}

    def clean_symbol(self) -> str:
        return str(self.cleaned_data["symbol"]).strip().upper()

    def clean(self) -> dict[str, Any]:
        """The parameters of the strategy that was chosen; those of another one are dropped with it."""
        cleaned = super().clean() or {}
        strategy = STRATEGIES.get(cleaned.get("strategy", ""))
        self._refuse_older(cleaned.get("seen_revision"))
        if self.instance._state.adding:
            services.require_room(1, by=cast(User, self.request.user))
        if strategy and not any(name in self.errors for name in fields_of(strategy)):
            self.instance.parameters = parameters_from(strategy, cleaned)
        return cleaned

    def _refuse_older(self, seen: int | None) -> None:
        """The admin saves in the transaction in which it validates: the bot stays as it was found here."""
        if self.instance._state.adding:
            return
        now = services.locked_revision(self.instance)
        if now == seen:
            return
        sent = cast(QueryDict, self.data).copy()
        sent["seen_revision"] = str(now)
        self.data = sent  # to save again is to know better
        self.add_error(
            None,
            "Somebody has changed this bot since you opened it; its history says what. Nothing is saved, and "
            "what you typed is still here: save again to put it in the place of what is there now.",
        )

    def add_error(self, field: Any, error: Any) -> None:
        """What the model says of its parameters is said at each; of a field that is fixed by now, above the form."""
        if isinstance(error, ValidationError) and hasattr(error, "error_dict"):
            told: dict[str, list[ValidationError]] = {}
            for name, found in error.error_dict.items():
                for one in found:
                    told.setdefault(self._place(name, one), []).append(one)
            error = ValidationError(told)
        super().add_error(field, error)

    def _place(self, name: str, error: ValidationError) -> str:
        if name == "parameters":  # each sentence begins with the parameter's name
            name = field_name(self.instance.strategy, str(error.message).partition(":")[0])
        return name if name in self.fields else NON_FIELD_ERRORS

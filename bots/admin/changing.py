"""Settings of many bots changed at once: what to change, a look at what it makes of each, and all of it or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldBooleanWidget

from bots import services
from bots.admin.frozen import NotFrozen, freeze, thaw
from bots.admin.operating import OperatingAdmin, bots_in_words, grouped, named
from bots.admin.parameters import parameter_field
from bots.models import BotConfig, BotQuerySet
from bots.services import ChangeRefused, Edit, Seen
from bots.strategies import STRATEGIES

# What may be changed of many, under the heading that it has in the form.
GROUPS: Mapping[str, Sequence[str]] = {
    "Size": ("initial_capital", "sizing_mode", "sizing_value"),
    "Exits": (
        "stop_loss_percent",
        "take_profit_percent",
        "take_profit_steps",
        "trailing_stop_percent",
        "break_even_percent",
        "exits_when_stopped",
    ),
    "Limits": (
        "max_daily_trades",
        "max_daily_loss_perc",
        "daily_target_perc",
        "max_drawdown_percent",
        "max_consecutive_losses",
        "cooldown_minutes",
        "time_zone",
    ),
    "Futures": ("leverage", "margin_type"),
}
MOST = 2_000  # at once: each is validated for itself
MOST_EDITS = 50  # shown
NOT_TYPED = ("frozen", "filters", "csrfmiddlewaretoken")
TICK = "change_"
PARAMETER = "parameter_"


def setting(name: str) -> "models.Field[Any, Any]":
    """The model's field of that name."""
    field = BotConfig._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field


def _or_nothing(name: str, value: Any) -> Any:
    """The value, or what stands for none where the field can't be NULL."""
    return setting(name).get_default() if value is None and not setting(name).null else value


@dataclass(frozen=True)
class Row:
    """A field beside the box that says whether it is to be changed."""

    tick: forms.BoundField
    value: forms.BoundField


class ChangeForm(forms.Form):
    """Each field with a box: what is not ticked stays. ``strategy``: of all the bots, if they have the same."""

    def __init__(self, data: Any, *, model_admin: "ChangingAdmin", request: HttpRequest, strategy: str) -> None:
        super().__init__(data)
        self.groups: dict[str, Sequence[str]] = dict(GROUPS)
        for name in (name for names in GROUPS.values() for name in names):
            field = model_admin.formfield_for_dbfield(setting(name), request)
            assert field is not None, name
            field.required = field.show_hidden_initial = False
            if isinstance(field, forms.JSONField):
                field.widget.attrs["rows"] = 2
            self._add(name, field)
        known = STRATEGIES.get(strategy)
        if known and known.parameters:
            names = {f"{PARAMETER}{parameter.name}": parameter for parameter in known.parameters}
            self.groups[f"Parameters of {known.label}"] = list(names)
            for name, parameter in names.items():
                self._add(name, parameter_field(parameter))

    def _add(self, name: str, field: forms.Field) -> None:
        label = f"Change {field.label or name}"
        self.fields[f"{TICK}{name}"] = forms.BooleanField(label=label, required=False, widget=UnfoldBooleanWidget)
        self.fields[name] = field

    @property
    def rows(self) -> list[tuple[str, list[Row]]]:
        """The fields with their boxes, by heading."""
        return [
            (title, [Row(self[f"{TICK}{name}"], self[name]) for name in names]) for title, names in self.groups.items()
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        ticked = [name for names in self.groups.values() for name in names if cleaned.get(f"{TICK}{name}")]
        for name in self.fields:
            if not name.startswith(TICK) and name not in ticked and name in self.changed_data:
                self.add_error(name, "This was typed and its box is not ticked: tick it, or leave the field alone.")
        for name in ticked:
            self._require(name, cleaned)
        if not ticked and not self.errors:
            raise forms.ValidationError("Nothing is to be changed: tick the box of what is.")
        self.ticked = ticked
        return cleaned

    def _require(self, name: str, cleaned: dict[str, Any]) -> None:
        """What can't be switched off needs a value."""
        may_be_empty = not name.startswith(PARAMETER) and setting(name).blank
        if name in cleaned and cleaned[name] in (None, "") and not may_be_empty:
            self.add_error(name, f"{name.removeprefix(PARAMETER)}: a value is needed.")

    @property
    def values(self) -> dict[str, Any]:
        """The settings to be written, by field."""
        names = [name for name in self.ticked if not name.startswith(PARAMETER)]
        return {name: _or_nothing(name, self.cleaned_data[name]) for name in names}

    @property
    def parameters(self) -> dict[str, Any]:
        """The strategy's parameters to be written."""
        ticked = [name for name in self.ticked if name.startswith(PARAMETER)]
        return {name.removeprefix(PARAMETER): self.cleaned_data[name] for name in ticked}


@admin.action(description="Change settings", permissions=["change"])
def change(model_admin: "ChangingAdmin", request: HttpRequest, bots: BotQuerySet) -> HttpResponse | None:
    """Ask what is to be changed."""
    chosen = list(bots[: MOST + 1])
    if len(chosen) > MOST:
        model_admin.message_user(request, f"Choose at most {MOST} bots to change at once.", messages.ERROR)
        return None
    return model_admin.change_page(request, chosen, model_admin.change_form(request, chosen, None))


class ChangingAdmin(OperatingAdmin):
    """First the fields, then a look at what they make of each bot, then the change."""

    def get_urls(self) -> list[URLPattern]:
        wrap, posted = self.admin_site.admin_view, require_POST
        return [
            path("settings/preview/", wrap(posted(self.preview_view)), name="bots_botconfig_preview"),
            path("settings/save/", wrap(posted(self.save_view)), name="bots_botconfig_save"),
            *super().get_urls(),
        ]

    def change_form(self, request: HttpRequest, bots: Sequence[BotConfig], data: Any) -> ChangeForm:
        strategies = {bot.strategy for bot in bots}
        strategy = strategies.pop() if len(strategies) == 1 else ""
        return ChangeForm(data, model_admin=self, request=request, strategy=strategy)

    def change_page(
        self, request: HttpRequest, bots: Sequence[BotConfig], form: ChangeForm, refused: Sequence[Edit] = ()
    ) -> HttpResponse:
        shown = {
            "title": f"Change settings: {bots_in_words(len(bots))}",
            "form": form,
            "refused": refused[:MOST_EDITS],
            "count": bots_in_words(len(bots)),
            "refused_count": bots_in_words(len(refused)),
            "frozen": freeze(request, seen=[Seen.of(bot) for bot in bots]),
            "address": reverse("admin:bots_botconfig_preview"),
        }
        return self.page(request, "change_many", shown)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Show what would become of each bot."""
        return self._with_form(request, self._preview)

    def save_view(self, request: HttpRequest) -> HttpResponse:
        """Change what was shown, as it was shown."""
        return self._with_form(request, self._save)

    def _with_form(self, request: HttpRequest, then: Any) -> HttpResponse:
        """Read what was shown and what was typed, and go on with both; what was typed is frozen from the preview on."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        try:
            shown = thaw(request)
        except NotFrozen as error:
            return self.back(request, str(error), messages.ERROR)
        seen: list[Seen] = shown["seen"]
        bots = list(self.bots(request).filter(pk__in=[one.bot_id for one in seen]))
        typed = shown.get("typed") or {name: value for name, value in request.POST.items() if name not in NOT_TYPED}
        form = self.change_form(request, bots, typed)
        if not form.is_valid():
            return self.change_page(request, bots, form)
        response: HttpResponse = then(request, seen, bots, form, typed)
        return response

    def _preview(
        self, request: HttpRequest, seen: list[Seen], bots: list[BotConfig], form: ChangeForm, typed: dict[str, str]
    ) -> HttpResponse:
        marks = {one.bot_id: one for one in seen}
        meanwhile = [bot.name for bot in bots if Seen.of(bot) != marks[bot.pk]]
        seen = [Seen.of(bot) for bot in bots]  # from here on these: the diff is of them as they are now
        edits = services.plan_changes(bots, form.values, form.parameters)
        faulty = [edit for edit in edits if edit.faults]
        if faulty:
            return self.change_page(request, bots, form, faulty)
        changing = [edit for edit in edits if edit.changes]
        shown = {
            "title": f"Change settings: {bots_in_words(len(changing))}",
            "edits": changing[:MOST_EDITS],
            "more": max(len(changing) - MOST_EDITS, 0),
            "count": bots_in_words(len(changing)),
            "stays": grouped((edit.bot.name, "has all of it already") for edit in edits if not edit.changes),
            "meanwhile": named(meanwhile),
            "frozen": freeze(request, seen=seen, typed=typed),
            "address": reverse("admin:bots_botconfig_save"),
        }
        return self.page(request, "changes", shown)

    def _save(
        self, request: HttpRequest, seen: list[Seen], bots: list[BotConfig], form: ChangeForm, typed: dict[str, str]
    ) -> HttpResponse:
        try:
            changed = services.change_bots(seen, self.bots(request), form.values, form.parameters)
        except ChangeRefused as error:
            return self.change_page(request, bots, form, error.edits)
        self.tell_left_out(request, changed.left_out)
        level = messages.SUCCESS if changed.done else messages.WARNING
        return self.back(request, f"Bots changed: {len(changed.done)}.", level)

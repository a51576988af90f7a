"""The parameters of strategies as fields of forms, made from each strategy's own schema."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget

from bots.strategies import STRATEGIES, Parameter, Strategy

Fields = dict[str, forms.Field]


def parameter_field(parameter: Parameter) -> forms.Field:
    """A field for one parameter. Its bounds are the strategy's own to refuse; empty is the default."""
    about: dict[str, Any] = {"label": parameter.name, "help_text": help_of(parameter), "required": False}
    about["initial"] = parameter.default
    if parameter.choices:
        choices = [(choice, choice) for choice in parameter.choices]
        return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget, **about)
    attributes = {"step": "1" if parameter.kind is int else "any", "placeholder": f"{parameter.default:g}"}
    kind = forms.IntegerField if parameter.kind is int else forms.FloatField
    return kind(widget=UnfoldAdminDecimalFieldWidget(attrs=attributes), **about)


def help_of(parameter: Parameter) -> str:
    """What it means, what it may be, and what it is when nothing is given."""
    if parameter.choices:
        return parameter.help
    bounds = (parameter.minimum, parameter.maximum)
    allowed = " to ".join(f"{bound:g}" for bound in bounds if bound is not None)
    return f"{parameter.help} {allowed}; default {parameter.default:g}."


def field_name(strategy: str, parameter: str) -> str:
    """What a parameter is called in a form that has those of all strategies."""
    return f"{strategy}__{parameter}"


def fields_of(strategy: Strategy) -> Fields:
    """A field for each of a strategy's parameters, by its name in the form."""
    return {field_name(strategy.name, one.name): parameter_field(one) for one in strategy.parameters}


def all_fields() -> Fields:
    """Those of all strategies: which of them count is known when one is chosen."""
    return {name: field for strategy in STRATEGIES.values() for name, field in fields_of(strategy).items()}


def initial_of(strategy_name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields show for a bot: what it is given, and defaults."""
    strategy = STRATEGIES.get(strategy_name)
    if strategy is None:
        return {}
    complete = strategy.complete(given)
    return {field_name(strategy_name, one.name): complete[one.name] for one in strategy.parameters}


def leftovers(strategy_name: str, given: Mapping[str, Any]) -> str:
    """What a form has no field for among a bot's parameters, and drops when it is saved; empty if there is nothing."""
    strategy = STRATEGIES.get(strategy_name)
    unknown = strategy.unknown(given) if strategy else list(given)
    if not unknown:
        return ""
    told = ", ".join(f"{name} {given[name]}" for name in unknown)
    return f"The bot does not run with parameters that {strategy_name} does not have: {told}. Saving drops them."


def parameters_from(strategy: Strategy, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """What was chosen, as a bot keeps it: without what is the default anyway."""
    return dict(_chosen(strategy, cleaned))


def _chosen(strategy: Strategy, cleaned: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for one in strategy.parameters:
        value = cleaned.get(field_name(strategy.name, one.name))
        if value not in (None, "", one.default):
            yield one.name, value

"""What lists of bots may be asked for."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from bots.models import BotConfig, strategy_choices
from bots.types import Reason, Status
from market.access import sees_all
from market.types import Environment, Market


def values_of(words: Any) -> list[tuple[str, str]]:
    return [(word.value, word.value) for word in words if word.value]


class BotFilters(django_filters.FilterSet):
    """``owner`` is for those who see everybody's bots: for others there are only their own."""

    status = django_filters.ChoiceFilter("state__status", choices=values_of(Status))
    reason = django_filters.ChoiceFilter("state__reason", choices=values_of(Reason))
    desired_state = django_filters.ChoiceFilter(choices=BotConfig.DesiredState.choices)
    entries_paused = django_filters.BooleanFilter()
    environment = django_filters.ChoiceFilter("account__environment", choices=values_of(Environment))
    market = django_filters.ChoiceFilter(choices=values_of(Market))
    symbol = django_filters.CharFilter(max_length=30)
    strategy = django_filters.ChoiceFilter(choices=strategy_choices)
    account = django_filters.NumberFilter(min_value=1, max_value=10**18, decimal_places=0)
    owner = django_filters.CharFilter(method="of_owner", max_length=150, help_text="A username; for operators.")
    search = django_filters.CharFilter("name", lookup_expr="icontains", max_length=60, help_text="A part of the name.")

    class Meta:
        model = BotConfig
        fields: list[str] = []

    def of_owner(self, bots: QuerySet[BotConfig], name: str, value: str) -> QuerySet[BotConfig]:
        if sees_all(self.request.user) or value == self.request.user.get_username():
            return bots.filter(owner__username=value)
        return bots.none()

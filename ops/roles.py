"""The groups of people, and what each may do. Whose rows they see is decided by `market.access.sees_all`."""

from collections.abc import Iterable

from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import Q, QuerySet

from market.models import SEE_ALL_ROWS

JOURNAL = (
    *("bots.decision", "bots.externalsignal", "bots.seriesreading", "market.symbolrules"),
    *("trades.position", "trades.order", "trades.fill", "trades.trade", "trades.transfer", "trades.event"),
    "trades.orderbyhand",
    "ops.change",
)
STEERED = ("bots.botconfig", "bots.backtest", "market.exchangeaccount", "market.risklimits", "market.switch")
SCHEDULES = tuple(f"django_celery_beat.{name}" for name in ("periodictask", "intervalschedule", "crontabschedule"))
RESULTS = ("django_celery_results.taskresult",)
HEALTH = ("ops.healthreport",)
DEAD_LETTERS = ("ops.deadletter",)
ALERTS = ("ops.alert",)
TOKENS = ("ops.apitoken",)
REPORTS = ("ops.report",)
LOGS = ("ops.logverbosity",)
NOTIFICATIONS, CHANNELS, DELIVERIES = ("ops.notification",), ("ops.channel",), ("ops.delivery",)


def _may(acts: Iterable[str], models: Iterable[str]) -> frozenset[str]:
    """Names of permissions."""
    named = [model.split(".") for model in models]
    return frozenset(f"{app}.{act}_{model}" for act in acts for app, model in named)


# How one looks at the list of bots is nobody else's matter, nor is it which programs one lets in no more.
VIEWER = (
    _may(["view"], [*JOURNAL, *STEERED])
    | _may(["view", "add", "change", "delete"], ["bots.savedview"])
    | _may(["view", "delete"], TOKENS)
    | _may(["view", "add", "delete"], REPORTS)
    | _may(["view"], NOTIFICATIONS)
    | _may(["view", "add", "change", "delete"], CHANNELS)  # where one is told things is one's own matter
)
TRADER = VIEWER | _may(["add", "change", "delete"], STEERED)
OPERATOR = (
    TRADER
    | {SEE_ALL_ROWS, "bots.view_tick"}  # what a minute did is about everybody
    | _may(["view", "add", "change", "delete"], SCHEDULES)
    | _may(["view"], [*RESULTS, *HEALTH])
    | _may(["view", "change"], [*DEAD_LETTERS, *DELIVERIES, *ALERTS])
    | _may(["view", "add", "change"], LOGS)
)
# None: all there are.
ROLES: dict[str, frozenset[str] | None] = {
    "viewer": VIEWER,
    "trader": TRADER,
    "operator": OPERATOR,
    "administrator": None,
}


def rights_of(user: User) -> QuerySet[Permission]:
    """What a user may, of groups and by themselves; of one who is inactive what they would be allowed again."""
    if user.is_superuser:
        return Permission.objects.all()
    return Permission.objects.filter(Q(group__user=user) | Q(user=user)).distinct()


def is_above(user: User, other: User) -> bool:
    """Whether a user may anything that the other may not, who so must not rule over them."""
    if other.is_superuser:
        return False
    return user.is_superuser or rights_of(user).exclude(pk__in=rights_of(other)).exists()


def groups_within(user: User) -> QuerySet[Group]:
    """The groups that give nothing that the user does not have."""
    beyond = Permission.objects.exclude(pk__in=rights_of(user))
    return Group.objects.exclude(permissions__in=beyond)


def create_groups() -> int:
    """Create the groups that are missing, give each what its role may; return how many were made.

    A role is the same everywhere, so what somebody has changed is set right: another mix is another group.
    """
    with transaction.atomic():
        return sum(_create(name, wanted) for name, wanted in ROLES.items())


def _create(name: str, wanted: frozenset[str] | None) -> bool:
    group, is_new = Group.objects.get_or_create(name=name)
    group.permissions.set(permissions(wanted))
    return is_new


def permissions(wanted: frozenset[str] | None) -> list[Permission]:
    """Those named, None: all there are. Raises LookupError when one does not exist: a model has another name by now."""
    if wanted is None:
        return list(Permission.objects.all())
    named = [name.split(".") for name in wanted]
    chosen = Q(pk=None)
    for app, codename in named:
        chosen |= Q(content_type__app_label=app, codename=codename)
    found = list(Permission.objects.filter(chosen).select_related("content_type"))
    known = {f"{item.content_type.app_label}.{item.codename}" for item in found}
    if missing := wanted - known:
        raise LookupError(f"there is no permission {', '.join(sorted(missing))}")
    return found

"""Operations on many bots: a page that says what each would do, and the operation once that is confirmed."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from bots import services
from bots.admin.cells import quantity_of
from bots.admin.frozen import NotFrozen, freeze, thaw
from bots.models import BotConfig, BotQuerySet
from bots.services import OPERATIONS, Operation, Seen
from bots.services.figures import figures
from bots.tasks import send_runs
from market.admin import text
from market.admin.base import OwnedAdmin
from market.models import Switch
from market.switches import SwitchState

MOST_NAMES = 20
# In which states a kill switch keeps a bot from what an operation is for: exits go on while it is reducing.
ENTRIES_STOP = (SwitchState.REDUCING, SwitchState.HALTED)
OF_NO_USE = {"start": ENTRIES_STOP, "run_now": ENTRIES_STOP, "resume": ENTRIES_STOP, "flatten": (SwitchState.HALTED,)}


def named(names: Sequence[str]) -> str:
    """Names as a list, the first twenty of them."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def bots_in_words(count: int) -> str:
    return "1 bot" if count == 1 else f"{count} bots"


@dataclass(frozen=True)
class Group:
    """Bots that have the same in common, by name."""

    count: str
    why: str
    names: str


def grouped(reasons: Iterable[tuple[str, str]]) -> list[Group]:
    """Pairs of a bot's name and a reason, by reason."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, why in reasons:
        found[why].append(name)
    return [Group(bots_in_words(len(names)), why, named(names)) for why, names in found.items()]


@dataclass(frozen=True)
class Closing:
    """A position that is to be closed."""

    bot: str
    quantity: str
    worth: str
    pnl: str


@dataclass(frozen=True)
class Closings:
    """All of them: the first twenty, how many there are, and what they come to in each quote asset."""

    first: Sequence[Closing]
    count: int
    totals: str


def closings_of(bots: Sequence[BotConfig]) -> Closings:
    """What closing the open positions of ``bots`` comes to, at the last price that a tick has seen."""
    holding = [bot for bot in bots if bot.position.is_open]
    known = figures(holding, now=timezone.now())
    rows, totals = list[Closing](), defaultdict[str, list[Decimal | None]](list)
    for bot in holding:
        reading, quote = known[bot.pk].reading, bot.position.quote_asset
        price = reading.price if reading else None
        worth = None if price is None else abs(bot.position.quantity) * price
        pnl = known[bot.pk].unrealized_pnl(bot)
        totals[quote].append(worth)
        rows.append(Closing(bot.name, quantity_of(bot), _money(worth, quote), _money(pnl, quote, text.signed)))
    return Closings(rows[:MOST_NAMES], len(rows), "; ".join(_total(*total) for total in totals.items()))


def _money(value: Decimal | None, asset: str, in_words: Callable[[Decimal], str] = text.money) -> str:
    return "no price yet" if value is None else f"{in_words(value)} {asset}"


def _total(asset: str, worths: Sequence[Decimal | None]) -> str:
    known = [worth for worth in worths if worth is not None]
    unknown = len(worths) - len(known)
    return f"about {text.money(sum(known, Decimal(0)))} {asset}" + (f" and {unknown} without a price" * bool(unknown))


def held_back(bots: Sequence[BotConfig], operation: Operation) -> Sequence[Group]:
    """The bots whose account a kill switch keeps from what the operation is for, by switch. One query."""
    if operation.name not in OF_NO_USE:
        return []
    holds = Switch.objects.holds({bot.account_id: bot.account for bot in bots}.values())
    told = [(bot.name, holds[bot.account_id]) for bot in bots]
    return grouped((name, str(hold)) for name, hold in told if hold.state in OF_NO_USE[operation.name])


def operation_action(operation: Operation) -> Callable[..., HttpResponse]:
    """The admin's action that asks for a confirmation of an operation."""

    @admin.action(description=operation.label, permissions=["change"])
    def ask(model_admin: "OperatingAdmin", request: HttpRequest, bots: BotQuerySet) -> HttpResponse:
        return model_admin.ask_for_operation(request, operation, bots)

    ask.__name__ = operation.name
    return ask


class OperatingAdmin(OwnedAdmin):
    """Whatever is done to the chosen bots is shown before, and done to those that are still as they were shown."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.operation_view))
        return [path("operation/<slug:name>/", view, name="bots_botconfig_operate"), *super().get_urls()]

    def bots(self, request: HttpRequest) -> BotQuerySet:
        """Those that the user may see, and so may operate on."""
        return cast(BotQuerySet, self.get_queryset(request))

    def ask_for_operation(self, request: HttpRequest, operation: Operation, bots: BotQuerySet) -> HttpResponse:
        """Say what the operation would do to the bots."""
        chosen = list(bots)
        stays = [(bot.name, why) for bot in chosen if (why := operation.why_not(bot))]
        changes = [bot for bot in chosen if not operation.why_not(bot)]
        shown = {
            "title": f"{operation.label}: {bots_in_words(len(changes))}",
            "operation": operation,
            "count": bots_in_words(len(changes)),
            "names": named([bot.name for bot in changes]),
            "stays": grouped(stays),
            "closings": closings_of(changes) if operation.name == "flatten" else None,
            "held_back": held_back(changes, operation),
            "closing_titles": ("bot", "position", "worth", "unrealised P&L"),
            "variant": "danger" if operation.name == "flatten" else "primary",
            "frozen": freeze(request, seen=[Seen.of(bot) for bot in changes]),
            "address": reverse("admin:bots_botconfig_operate", args=[operation.name]),
        }
        return self.page(request, "operation", shown)

    def page(self, request: HttpRequest, name: str, shown: dict[str, Any]) -> HttpResponse:
        """One of the pages that come after a choice of bots; it goes back to the list as it was filtered."""
        common = {"opts": self.opts, "filters": self._filters(request), "back": self.list_url(request)}
        context = {**self.admin_site.each_context(request), **common, **shown}
        return TemplateResponse(request, f"admin/bots/{name}.html", context)

    def list_url(self, request: HttpRequest) -> str:
        """The list as it was filtered."""
        query = self._filters(request)
        return f"{reverse('admin:bots_botconfig_changelist')}{'?' if query else ''}{query}"

    @staticmethod
    def _filters(request: HttpRequest) -> str:
        """An action's own address has them, and the pages after it carry them along."""
        return request.POST.get("filters", request.GET.urlencode())

    def operation_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do what was confirmed."""
        operation = OPERATIONS.get(name)
        if operation is None:
            raise Http404
        if not self.has_change_permission(request):
            raise PermissionDenied
        try:
            seen = thaw(request)["seen"]
        except NotFrozen as error:
            return self.back(request, str(error), messages.ERROR)
        by = cast(User, request.user)
        operated = services.operate_on(operation, seen, self.bots(request), now=timezone.now(), by=by)
        count = self._send(request, operated.done) if operation.name == "run_now" else len(operated.done)
        self.tell_left_out(request, operated.left_out)
        return self.back(request, operation.done.format(count), messages.SUCCESS if count else messages.WARNING)

    def back(self, request: HttpRequest, told: str, level: int) -> HttpResponse:
        """Back to the list, with a message."""
        self.message_user(request, told, level)
        return HttpResponseRedirect(self.list_url(request))

    def tell_left_out(self, request: HttpRequest, left_out: Sequence[tuple[str, str]]) -> None:
        for group in grouped(left_out):
            self.message_user(request, f"Left out, {group.why}: {group.names}.", messages.WARNING)

    def _send(self, request: HttpRequest, bots: Sequence[int]) -> int:
        """Have workers run the bots; how many were sent."""
        sent = len(send_runs(bots))
        if sent < len(bots):
            self.message_user(request, "The broker does not answer: the next tick looks at the others.", messages.ERROR)
        return sent

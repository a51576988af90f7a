"""Dead letters: what failed for good, sent once more or let be, after a page that says what will happen."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.views.decorators.http import require_POST
from kombu.exceptions import OperationalError
from unfold.decorators import action, display

from market.admin.asking import ask, way_back
from market.admin.filters import chosen, days, dropdown
from market.admin.frozen import NotFrozen, freeze, thaw
from market.admin.long import LongAdmin
from ops import dead_letters
from ops.admin.showing import SHOWN, ReadableAdmin, known_tasks, preformatted
from ops.dead_letters import NotSettled, Seen
from ops.models import DeadLetter

LIST = "admin:ops_deadletter_changelist"
SALT = "ops.admin.dead_letters"
GOOD_FOR = timedelta(hours=12)  # what was settled, or failed again, meanwhile is left out anyway


@dataclass(frozen=True)
class Settling:
    """What becomes of letters, in words and in deed."""

    name: str
    label: str
    says: str
    done: str
    why_not: Callable[[DeadLetter], str]
    settle: Callable[..., None]


SETTLINGS = {
    each.name: each
    for each in (
        Settling(
            "requeue",
            "Requeue",
            "The same task is sent with the same arguments to the same queue, once. It decides on what it finds now;"
            " if it fails again it is counted, and waits here again.",
            "Sent once more: {}.",
            dead_letters.why_not_requeue,
            dead_letters.requeue,
        ),
        Settling(
            "discard",
            "Discard",
            "Nothing is sent. The letter stays here as discarded; if the same fails again it waits here again.",
            "Discarded: {}.",
            dead_letters.why_not_discard,
            dead_letters.discard,
        ),
    )
}


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadableAdmin, LongAdmin):
    nothing_yet = (
        "Work that fails for good is kept here with its arguments and traceback, until somebody sends it once more or "
        "lets it be."
    )
    list_display = ["failed_at", "task_name", "queue", "state", "failures", "what", "settled_by", "settled_at"]
    list_filter = [chosen("state"), dropdown("task", "task", known_tasks), days("failed_at")]
    list_select_related = ["settled_by"]
    search_fields = ["task", "task_id", "error"]
    search_help_text = "Task, task id, or words of the error"
    ordering = ["-failed_at"]
    actions = ["requeue", "discard"]  # type: ignore[assignment]
    actions_detail = ["requeue_this", "discard_this"]
    fieldsets = [
        (None, {"fields": ["task_name", "state", "settled_by", "settled_at", "again"]}),
        ("Failure", {"fields": ["error", "failures", "first_failed_at", "failed_at", "queue", "worker", "task_id"]}),
        ("Arguments", {"fields": ["arguments", "is_whole"]}),
        ("Traceback", {"fields": ["traced"]}),
    ]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.settle_view))
        return [path("settle/<slug:name>/", view, name="ops_deadletter_settle"), *super().get_urls()]

    # --- what is shown

    @display(description="task", ordering="task")
    def task_name(self, letter: DeadLetter) -> str:
        return letter.task or "a message that could not be read"

    @display(description="error")
    def what(self, letter: DeadLetter) -> str:
        return Truncator(letter.error).chars(SHOWN)

    @display(description="arguments")
    def arguments(self, letter: DeadLetter) -> SafeString | str:
        return preformatted(json.dumps({"args": letter.args, "kwargs": letter.kwargs}, indent=2))

    @display(description="traceback")
    def traced(self, letter: DeadLetter) -> SafeString | str:
        return preformatted(letter.traceback)

    @display(description="may be sent once more")
    def again(self, letter: DeadLetter) -> str:
        return f"no: {why}" if (why := dead_letters.why_not_requeue(letter)) else "yes"

    # --- what is done

    def has_settle_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Nobody may change what is written here; who may settle has that permission all the same."""
        return request.user.has_perm("ops.change_deadletter")

    @admin.action(description="Requeue", permissions=["settle"])
    def requeue(self, request: HttpRequest, letters: QuerySet[DeadLetter]) -> HttpResponse:
        return self._ask(request, SETTLINGS["requeue"], list(letters), back=self._list(request))

    @admin.action(description="Discard", permissions=["settle"])
    def discard(self, request: HttpRequest, letters: QuerySet[DeadLetter]) -> HttpResponse:
        return self._ask(request, SETTLINGS["discard"], list(letters), back=self._list(request))

    @action(description="Requeue", permissions=["settle"], icon="replay", url_path="requeue")
    def requeue_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_about(request, SETTLINGS["requeue"], object_id)

    @action(description="Discard", permissions=["settle"], icon="delete", url_path="discard")
    def discard_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_about(request, SETTLINGS["discard"], object_id)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what waits is settled."""
        letter = self.get_object(request, str(object_id))
        is_waiting = letter is not None and letter.state == DeadLetter.State.WAITING
        return super().get_actions_detail(request, object_id) if is_waiting else []

    def settle_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do what was confirmed."""
        if name not in SETTLINGS:
            raise Http404(name)
        if not self.has_settle_permission(request):
            raise PermissionDenied
        try:
            seen = [Seen(*one) for one in thaw(request, salt=SALT, good_for=GOOD_FOR, what="letters")["seen"]]
        except NotFrozen as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self._settle(request, SETTLINGS[name], seen)
        return HttpResponseRedirect(way_back(request, reverse(LIST)))

    def _settle(self, request: HttpRequest, settling: Settling, seen: Sequence[Seen]) -> None:
        done, left = list[int](), list[str]()
        for one in seen:
            try:
                settling.settle(one, by=request.user, now=timezone.now())
                done.append(one.pk)
            except NotSettled as error:
                left.append(str(error))
            except OperationalError as error:  # nor would it for the others
                self.message_user(request, f"The broker does not answer: {error}", messages.ERROR)
                break
        settled = DeadLetter.objects.filter(pk__in=done)
        LogEntry.objects.log_actions(cast(Any, request.user).pk, settled, CHANGE, change_message=settling.label)
        for why, count in Counter(left).items():
            self.message_user(request, f"Left as they are, {why}: {count}.", messages.WARNING)
        self.message_user(request, settling.done.format(len(done)), messages.SUCCESS if done else messages.WARNING)

    def _ask_about(self, request: HttpRequest, settling: Settling, object_id: str) -> HttpResponse:
        letter = self.get_object(request, object_id)
        if letter is None:
            raise Http404(object_id)
        return self._ask(request, settling, [letter], back=reverse("admin:ops_deadletter_change", args=[letter.pk]))

    def _ask(self, request: HttpRequest, settling: Settling, letters: list[DeadLetter], *, back: str) -> HttpResponse:
        """Say which letters would be settled, and why others are not."""
        reasons = {letter.pk: settling.why_not(letter) for letter in letters}
        ours = [letter for letter in letters if not reasons[letter.pk]]
        kept = Counter(f"{_name(letter)}: {why}" for letter in letters if (why := reasons[letter.pk]))
        return ask(
            request,
            title=f"{settling.label}: {_in_words(len(ours))}",
            button=f"{settling.label} {_in_words(len(ours))}" if ours else "",
            says=[
                settling.says,
                *(f"{name}: {_in_words(count)}" for name, count in Counter(map(_name, ours)).items()),
                *(f"Not {why} ({count})." for why, count in kept.items()),
            ],
            danger=settling.name == "discard",
            back=back,
            address=reverse("admin:ops_deadletter_settle", args=[settling.name]),
            frozen=freeze(request, salt=SALT, seen=[Seen.of(letter) for letter in ours]),
        )

    @staticmethod
    def _list(request: HttpRequest) -> str:
        """The list as it was filtered."""
        query = request.GET.urlencode()
        return f"{reverse(LIST)}{'?' if query else ''}{query}"


def _name(letter: DeadLetter) -> str:
    return letter.task or "unreadable"


def _in_words(count: int) -> str:
    return "1 letter" if count == 1 else f"{count} letters"

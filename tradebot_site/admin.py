"""The people's part of the admin, in unfold's clothes. Each app registers its own models."""

from datetime import datetime
from typing import Any, cast

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from market.admin import text
from market.admin.asking import ask
from market.admin.base import ReadOnlyAdmin
from market.admin.history import RecordedAdmin
from ops import second_factor
from ops.models import Authenticator
from ops.roles import ROLES, groups_within
from tradebot_site.ruling import RuledUserAdmin, permissions_of

admin.site.unregister(User)
admin.site.unregister(Group)
GROUPS_HELP = (
    "viewer: sees own rows. trader: also steers own bots, accounts, limits, kill switch. operator: everybody's rows "
    "and schedules, but no keys of others. administrator: everything. Members have to be staff, or they can't log in."
)


class PersonForm(UserChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "groups" in self.fields:  # absent from the form of those who only look
            self.fields["groups"].help_text = GROUPS_HELP

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("groups") and not cleaned.get("is_staff"):
            names = ", ".join(str(group) for group in cleaned["groups"])
            self.add_error("is_staff", f"is_staff: a member of {names} has to be staff, or the login lets nobody in.")
        return cleaned


@admin.register(User)
class UserAdmin(RuledUserAdmin, RecordedAdmin):
    form = PersonForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = (
        "username",
        "email",
        "roles",
        "has_second_factor",
        "is_active",
        "is_staff",
        "is_superuser",
        "last_login",
    )
    actions_detail = ["remove_second_factor"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        device = Authenticator.objects.filter(user=OuterRef("pk"), confirmed=True)
        return super().get_queryset(request).annotate(second_factor=Exists(device)).prefetch_related("groups")

    @display(description="groups")
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all()) or text.NOTHING

    @display(description="second factor", boolean=True)
    def has_second_factor(self, user: Any) -> bool:
        return bool(user.second_factor)

    def has_second_factors_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who sets passwords must not be able to log in as others, too."""
        return bool(request.user.is_superuser)

    @action(
        description="Remove second factor",
        permissions=["second_factors"],
        icon="phonelink_erase",
        url_path="remove-second-factor",
    )
    def remove_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """For a lost phone, once that is confirmed; never one's own, which is moved with a code."""
        user = self.get_object(request, object_id)
        if user is None:
            raise Http404(object_id)
        if user.pk == request.user.pk:
            raise PermissionDenied("your own second factor is not removed: move it to another phone")
        back = reverse("admin:auth_user_change", args=[user.pk])
        if request.method != "POST":
            says = [
                f"App and recovery codes of {user} count no more, and open sessions end. The next login, with the "
                "password alone, sets up a new app: be sure that it is really them who asks for it.",
            ]
            title, button = f"Remove the second factor of {user}", "Remove it"
            return ask(request, title=title, button=button, says=says, danger=True, back=back)
        told = "removed: the next login sets up a new one" if second_factor.remove(user) else "not there"
        self.message_user(request, f"The second factor of {user} is {told}.")
        return HttpResponseRedirect(back)


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, RecordedAdmin):
    """The groups that come with the system are what they are: `prepare` would set them right again."""

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        may = super().has_change_permission(request, obj) and not _is_ours(obj)
        return may and (obj is None or groups_within(cast(User, request.user)).filter(pk=obj.pk).exists())

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        kwargs["queryset"] = permissions_of(request.user)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not _is_ours(obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """One at a time: the action would ask for none of them by itself."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}


def _is_ours(group: Group | None) -> bool:
    return group is not None and group.name in ROLES


@admin.register(AccessAttempt)
class LockOutAdmin(ReadOnlyAdmin):
    """Names and addresses with wrong passwords of late. Deleting the row unlocks it."""

    nothing_yet = "Nobody has typed a wrong password lately."
    list_display = ["username", "ip_address", "failures_since_start", "attempt_time", "locked_until"]
    search_fields = ["username", "ip_address"]
    ordering = ["-attempt_time"]
    fields = ["username", "ip_address", "failures_since_start", "attempt_time", "locked_until"]
    actions = ["unlock"]  # type: ignore[assignment]

    @display(description="locked until (UTC)")
    def locked_until(self, attempt: AccessAttempt) -> str:
        until: datetime = attempt.attempt_time + settings.AXES_COOLOFF_TIME
        is_locked = attempt.failures_since_start >= settings.AXES_FAILURE_LIMIT and until > timezone.now()
        return text.moment(until) if is_locked else text.NOTHING

    @admin.action(description="Unlock", permissions=["unlock"])
    def unlock(self, request: HttpRequest, attempts: QuerySet[AccessAttempt]) -> None:
        count, _ = attempts.delete()
        self.message_user(request, f"Unlocked: {count}.")

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("axes.delete_accessattempt")

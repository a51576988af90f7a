"""Who rules over whom among the users: nobody raises themselves, nor reaches who may more, nor gives what they lack."""

from typing import Any, cast

from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Permission, User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from ops.models import Change
from ops.roles import groups_within, is_above, rights_of

RIGHTS = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")


class RuledUserAdmin(UserAdmin):
    """Users, by those who may keep them."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Also to set a password: it would let one in as somebody who may more."""
        return super().has_change_permission(request, obj) and not _is_above(obj, request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never oneself: so the last administrator stays."""
        may = super().has_delete_permission(request, obj)
        return may and not _is_own(obj, request) and not _is_above(obj, request)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        fields = [*super().get_readonly_fields(request, obj)]
        if _is_own(obj, request):
            return [*fields, *RIGHTS]
        return fields if request.user.is_superuser else [*fields, "is_superuser"]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Nobody gives what they do not have."""
        user = cast(User, request.user)
        kwargs["queryset"] = groups_within(user) if db_field.name == "groups" else permissions_of(user)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """That of others; for one's own the old one is asked for."""
        if _is_own(self.get_object(request, unquote(id)), request):
            return HttpResponseRedirect(reverse("admin:password_change"))
        return super().user_change_password(request, id, form_url)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, list[str]]:
        """Who has changed something stays: the history would say that it was the system."""
        going, counts, missing, held = super().get_deleted_objects(objs, request)
        doers = [user for user in objs if Change.objects.filter(by=user.pk).exists()]
        told = [f"{user}: the history says what they changed; switch them off instead (active)" for user in doers]
        return going, counts, missing, [*held, *told]


def permissions_of(user: User) -> QuerySet[Permission]:
    return rights_of(user).select_related("content_type")


def _is_own(obj: Any, request: HttpRequest) -> bool:
    return isinstance(obj, User) and obj.pk == request.user.pk


def _is_above(obj: Any, request: HttpRequest) -> bool:
    return isinstance(obj, User) and is_above(obj, cast(User, request.user))

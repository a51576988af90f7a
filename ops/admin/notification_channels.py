"""Channels: an address goes in and never comes out. Each is its owner's to change; operators see that it is there."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.decorators import action
from unfold.widgets import UnfoldAdminPasswordWidget

from market.admin.base import OwnedAdmin
from market.admin.columns import readable
from market.admin.filters import chosen
from market.services import one_at_a_time
from ops.admin.notification_pages import confirm_page, require_sent, secret_page, trial_page
from ops.admin.notification_table import table_page
from ops.models import Channel
from ops.notifications import changing, channels
from ops.notifications.targets import channel_faults

TOLD = ["kind", "owner", "hint", "confirmed_at", "last_error", "failing_since", "created_at"]
SHOWN = readable(Channel, TOLD, badges=False)
LEADS = "An e-mail address, an https address, or an Apprise URL (tgram://…, discord://…). Never shown again."


class ChannelForm(forms.ModelForm):
    """``request`` is set by the admin: whoever adds a channel adds it for themselves."""

    request: HttpRequest
    new_target = forms.CharField(
        label="Address",
        max_length=2_000,
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=LEADS,
    )

    class Meta:
        model = Channel
        fields = ("name", "kind", "is_enabled")

    def clean(self) -> dict[str, Any]:
        """The admin saves in the transaction in which it validates, so that what is found here holds until then."""
        cleaned = super().clean() or {}
        by, is_new = cast(User, self.request.user), self.instance._state.adding
        one_at_a_time(by)
        mine = Channel.objects.owned_by(by)
        if is_new and mine.count() >= channels.MOST_CHANNELS:
            self.add_error(None, f"there are {channels.MOST_CHANNELS} channels already, which is the most.")
        if mine.filter(name=cleaned.get("name")).exclude(pk=self.instance.pk).exists():
            self.add_error("name", f"name: there is a channel {cleaned['name']!r} already.")
        kind = cleaned.get("kind") or self.instance.kind
        if kind and (is_new or cleaned.get("new_target")):
            for name, fault in channel_faults(kind, (cleaned.get("new_target") or "").strip()).items():
                self.add_error({"target": "new_target"}.get(name, name), f"{name}: {fault}")
        return cleaned


@admin.register(Channel)
class ChannelAdmin(OwnedAdmin):
    nothing_yet = "Add where you want to be told things: an e-mail address, a chat, or a program of your own."
    form = ChannelForm
    owner_path = "owner"
    list_display = ["name", "owner", "kind", "hint", "is_enabled", "confirmed_at", "failing_since"]
    list_filter = [chosen("kind")]
    list_select_related = ["owner"]
    list_before_template = "admin/ops/channels_before.html"
    search_fields = ["name", "owner__username"]
    ordering = ["owner__username", "name"]
    actions_detail = ["try_channel", "confirm_channel", "renew_secret"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.table_view)
        return [path("preferences/", view, name="ops_channel_preferences"), *super().get_urls()]

    def table_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return table_page(request)

    # --- what is shown

    def get_fieldsets(self, request: HttpRequest, obj: Channel | None = None) -> list[Any]:
        if obj is None:
            return [(None, {"fields": ["name", "kind", "new_target"]})]
        changed = ["name", "is_enabled", *([] if obj.follows_owner else ["new_target"])]
        if not self._is_own(request, obj):
            changed = changed[:2]
        return [(None, {"fields": changed}), ("State", {"fields": SHOWN})]

    def get_readonly_fields(self, request: HttpRequest, obj: Channel | None = None) -> list[Any]:
        return list(SHOWN) if obj else []

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.request = request
        return form

    # --- whose it is to change

    @staticmethod
    def _is_own(request: HttpRequest, channel: Channel | None) -> bool:
        return channel is None or channel.owner_id == request.user.pk

    def has_change_permission(self, request: HttpRequest, obj: Channel | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._is_own(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Channel | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self._is_own(request, obj)

    def has_own_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("ops.change_channel")

    # --- what is done

    def save_model(self, request: HttpRequest, obj: Channel, form: ChannelForm, change: bool) -> None:
        by, now = cast(User, request.user), timezone.now()
        target = form.cleaned_data.get("new_target", "").strip()
        if change:
            changes: dict[str, Any] = {
                name: form.cleaned_data[name] for name in ("name", "is_enabled") if name in form.changed_data
            }
            changes |= {"target": target} if target else {}
            changing.change_channel(obj, by=by, now=now, **changes)
        else:
            made, _ = channels.add_channel(by, kind=obj.kind, name=obj.name, target=target, by=by, now=now)
            obj.__dict__.update(made.__dict__)
        if not obj.confirmed_at and target:
            require_sent(request, obj)
        elif not change and obj.kind == Channel.Kind.WEBHOOK:
            self.message_user(request, "What it sends is signed: New secret shows you with what.", messages.WARNING)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """One at a time, by its own service."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[str], dict[str, int], set[str], Any]:
        told = {True: "is switched off, for it leads to the address of the account", False: "with all it has sent"}
        return [f"{one} {told[one.follows_owner]}" for one in objs], {"channels": len(objs)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Channel) -> None:
        channels.delete_channel(obj, by=cast(User, request.user))

    @action(description="Send a test message", permissions=["own"], icon="send", url_path="try")
    def try_channel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return trial_page(request, self._own(request, object_id))

    @action(description="Confirm the address", permissions=["own"], icon="mark_email_read", url_path="confirm")
    def confirm_channel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return confirm_page(request, self._own(request, object_id))

    @action(description="New secret", permissions=["own"], icon="sync_lock", url_path="secret")
    def renew_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        channel = self._own(request, object_id)
        if channel.kind != Channel.Kind.WEBHOOK:
            self.message_user(request, "Only what webhooks send is signed.", messages.WARNING)
            return HttpResponseRedirect(reverse("admin:ops_channel_change", args=[channel.pk]))
        return secret_page(request, channel)

    def _own(self, request: HttpRequest, object_id: str) -> Channel:
        """One of the caller's own. Raises Http404, and PermissionDenied for one that is only theirs to see."""
        channel = self.get_object(request, object_id)
        if channel is None:
            raise Http404(object_id)
        if not self._is_own(request, channel):
            raise PermissionDenied(f"channel {channel.pk} is {channel.owner}'s to change")
        return cast(Channel, channel)

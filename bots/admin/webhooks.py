"""A bot's webhook: a page that asks before the secret is renewed, since the one before is void at once."""

from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from unfold.decorators import action

from bots import services
from bots.models import BotConfig
from market.admin.asking import ask
from market.admin.base import OwnedAdmin


class WebhookAdmin(OwnedAdmin):
    """Address and secret of one own bot are shown once: a message would be kept until somebody reads it."""

    actions_detail = ["renew_webhook"]

    @action(description="New webhook secret", permissions=["renew_webhook"], icon="webhook", url_path="webhook")
    def renew_webhook(self, request: HttpRequest, object_id: str) -> HttpResponse:
        bot: BotConfig | None = self.get_object(request, object_id)
        if bot is None:
            raise Http404(f"there is no bot {object_id}")
        if request.method == "POST":
            return self._shown_once(request, bot)
        says = [
            f"{bot.name} gets a new secret. It is shown once, on the next page.",
            "The secret that it has now, if it has one, is void at once: whoever signals with it is refused.",
        ]
        back = reverse("admin:bots_botconfig_change", args=[bot.pk])
        return ask(request, title=f"Webhook of {bot.name}", button="New secret", says=says, back=back)

    def has_renew_webhook_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """It is its owner's alone."""
        may = self.has_change_permission(request)
        if object_id is None or not may:
            return may
        bot: BotConfig | None = self.get_object(request, str(object_id))
        return bot is not None and bot.owner_id == request.user.pk

    def _shown_once(self, request: HttpRequest, bot: BotConfig) -> HttpResponse:
        webhook, secret = services.renew_webhook(bot, by=cast(Any, request.user), now=timezone.now())
        url = request.build_absolute_uri(reverse("signal-hook", args=[webhook.public_id]))
        told = {"title": f"Webhook of {bot}", "bot": bot, "url": url, "secret": secret}
        page = TemplateResponse(request, "admin/bots/webhook.html", {**self.admin_site.each_context(request), **told})
        patch_cache_control(page, no_store=True)
        return page

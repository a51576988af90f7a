"""The address at which a bot is told signals from outside, and a new secret for it."""

from typing import Any, ClassVar

from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from bots import services
from bots.api.steering import NothingSerializer, Steering
from bots.models import BotConfig, Webhook
from market.api.access import Need, administers, reads
from market.api.filtering import require_known

NOT_YOURS = "A bot's webhook is its owner's alone."


class WebhookSerializer(serializers.Serializer):
    url = serializers.URLField(help_text="Where signals are sent to.")
    changed_at = serializers.DateTimeField(help_text="When its secret was made.")


class NewWebhookSerializer(WebhookSerializer):
    secret = serializers.CharField(help_text="Shown this once; the one before is void.")


class Webhooks(Steering):
    """Mixin: what only its owner sees of a bot."""

    webhooks: ClassVar[dict[str, Need]] = {
        "webhook": reads("bots.view_botconfig"),
        "renew_webhook": administers("bots.change_botconfig"),
    }

    @extend_schema(
        operation_id="bots_webhook", summary="The address for signals from outside", responses=WebhookSerializer
    )
    @action(detail=True, methods=["get"])
    def webhook(self, request: Request, pk: str) -> Response:
        require_known(request, set())
        bot = self._own_bot()
        webhook = Webhook.objects.filter(bot=bot).first()
        if webhook is None:
            raise Http404("it has no webhook yet: a new secret makes one")
        return Response(self._told(webhook))

    @extend_schema(
        operation_id="bots_webhook_renew",
        summary="Make a new secret for signals from outside",
        description="The secret that it has now is void at once. A bot without a webhook gets one.",
        request=NothingSerializer,
        responses={201: NewWebhookSerializer},
    )
    @webhook.mapping.post
    def renew_webhook(self, request: Request, pk: str) -> Response:
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        try:
            webhook, secret = services.renew_webhook(self._own_bot(), by=self.caller, now=timezone.now())
        except services.NotYourBot as error:
            raise PermissionDenied(NOT_YOURS) from error
        return Response({**self._told(webhook), "secret": secret}, status=201)

    def _own_bot(self) -> BotConfig:
        bot: BotConfig = self.get_object()
        if bot.owner_id != self.caller.pk:
            raise PermissionDenied(NOT_YOURS)
        return bot

    def _told(self, webhook: Webhook) -> dict[str, Any]:
        path = reverse("signal-hook", args=[webhook.public_id])
        return {"url": self.request.build_absolute_uri(path), "changed_at": webhook.changed_at}

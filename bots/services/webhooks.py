"""Addresses and secrets by which bots are told signals from outside."""

from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from bots.models import BotConfig, Webhook
from bots.services.owners import NotYourBot
from bots.signing import new_secret
from trades.models import Event
from trades.services.events import write_event


def renew_webhook(bot: BotConfig, *, by: AbstractBaseUser, now: datetime) -> tuple[Webhook, str]:
    """Give a bot a new secret, and an address if it has none; with it the secret, which nobody can read again.

    The old secret is void at once. Only its owner gets a bot's secret; raises NotYourBot.
    """
    if bot.owner_id != by.pk:
        raise NotYourBot(f"bot {bot.pk} belongs to somebody else")
    secret = new_secret()
    with transaction.atomic():
        webhook, _ = Webhook.objects.update_or_create(bot=bot, defaults={"secret": secret, "changed_at": now})
        write_event(Event.Kind.WEBHOOK_RENEWED, bot.position, f"bot {bot.name}: its webhook has a new secret", now=now)
    return webhook, secret


def find_webhook(public_id: str) -> Webhook | None:
    """The webhook of this address, with its bot; none of an owner who may not log in any more."""
    return Webhook.objects.select_related("bot").filter(public_id=public_id, bot__owner__is_active=True).first()

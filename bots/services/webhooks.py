"""Addresses and secrets by which bots are told signals from outside."""

import logging
from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser

from bots.models import BotConfig, Webhook
from bots.signing import new_secret

logger = logging.getLogger(__name__)


class NotYourBot(Exception):
    """Only its owner gets a bot's secret."""


def renew_webhook(bot: BotConfig, *, by: AbstractBaseUser, now: datetime) -> tuple[Webhook, str]:
    """Give a bot a new secret, and an address if it has none; with it the secret, which nobody can read again.

    The old secret is void at once. Raises NotYourBot.
    """
    if bot.owner_id != by.pk:
        raise NotYourBot(f"bot {bot.pk} belongs to somebody else")
    secret = new_secret()
    webhook, _ = Webhook.objects.update_or_create(bot=bot, defaults={"secret": secret, "changed_at": now})
    logger.info("bot %s: its webhook has a new secret", bot.pk)
    return webhook, secret


def find_webhook(public_id: str) -> Webhook | None:
    """The webhook of this address, with its bot."""
    return Webhook.objects.select_related("bot").filter(public_id=public_id).first()

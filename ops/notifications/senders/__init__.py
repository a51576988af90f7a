"""How each kind of channel sends. Another one is: a module with ``send``, ``check``, ``hint``, and three lines here."""

from ops.models import Channel
from ops.notifications.senders import email, through_apprise, webhook
from ops.notifications.senders.base import Check, Hint, Send

SENDERS: dict[str, Send] = {
    Channel.Kind.EMAIL: email.send,
    Channel.Kind.TELEGRAM: through_apprise.send,
    Channel.Kind.WEBHOOK: webhook.send,
    Channel.Kind.APPRISE: through_apprise.send,
}
CHECKS: dict[str, Check] = {
    Channel.Kind.EMAIL: email.check,
    Channel.Kind.TELEGRAM: through_apprise.check_telegram,
    Channel.Kind.WEBHOOK: webhook.check,
    Channel.Kind.APPRISE: through_apprise.check,
}
HINTS: dict[str, Hint] = {
    Channel.Kind.EMAIL: email.hint,
    Channel.Kind.TELEGRAM: through_apprise.hint,
    Channel.Kind.WEBHOOK: webhook.hint,
    Channel.Kind.APPRISE: through_apprise.hint,
}

"""How each kind of channel sends. Another one is: a module with ``send`` and ``check``, and two lines here."""

from ops.models import Channel
from ops.notifications.senders import email
from ops.notifications.senders.base import Check, Send

SENDERS: dict[str, Send] = {
    Channel.Kind.EMAIL: email.send,
}
CHECKS: dict[str, Check] = {
    Channel.Kind.EMAIL: email.check,
}

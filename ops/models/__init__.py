"""What people changed and are told, with what they and their programs prove who they are, and what failed for good."""

from ops.models.changes import Change
from ops.models.dead_letters import DeadLetter
from ops.models.notifications import Channel, Delivery, Notification, Preference, Severity, Storm, Topic
from ops.models.second_factor import Authenticator, RecoveryCodes
from ops.models.tokens import ApiToken

__all__ = [
    "ApiToken",
    "Authenticator",
    "Change",
    "Channel",
    "DeadLetter",
    "Delivery",
    "Notification",
    "Preference",
    "RecoveryCodes",
    "Severity",
    "Storm",
    "Topic",
]

"""What people changed and are told, how they prove who they are, what failed for good, how trading fared, logs."""

from ops.models.alerts import Alert
from ops.models.changes import Change
from ops.models.dead_letters import DeadLetter
from ops.models.health import HealthReport
from ops.models.notifications import Channel, Delivery, Notification, Preference, Severity, Storm, Topic
from ops.models.reports import PerformanceSnapshot, Report
from ops.models.second_factor import Authenticator, RecoveryCodes
from ops.models.tokens import ApiToken
from ops.models.verbosity import LogVerbosity

__all__ = [
    "Alert",
    "ApiToken",
    "Authenticator",
    "Change",
    "Channel",
    "DeadLetter",
    "Delivery",
    "HealthReport",
    "LogVerbosity",
    "Notification",
    "PerformanceSnapshot",
    "Preference",
    "RecoveryCodes",
    "Report",
    "Severity",
    "Storm",
    "Topic",
]

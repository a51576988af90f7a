"""What people changed, how they prove who they are, what failed for good, and how trading has fared."""

from ops.models.changes import Change
from ops.models.dead_letters import DeadLetter
from ops.models.reports import PerformanceSnapshot, Report
from ops.models.second_factor import Authenticator, RecoveryCodes
from ops.models.tokens import ApiToken

__all__ = ["ApiToken", "Authenticator", "Change", "DeadLetter", "PerformanceSnapshot", "RecoveryCodes", "Report"]

"""What people changed, with what they prove who they are, and what failed for good."""

from ops.models.changes import Change
from ops.models.dead_letters import DeadLetter
from ops.models.second_factor import Authenticator, RecoveryCodes

__all__ = ["Authenticator", "Change", "DeadLetter", "RecoveryCodes"]

"""What people changed, and with what they prove who they are."""

from ops.models.changes import Change
from ops.models.second_factor import Authenticator, RecoveryCodes

__all__ = ["Authenticator", "Change", "RecoveryCodes"]

"""For how long which of our apps say everything, and why."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from market.history import History
from market.logs.verbose import LONGEST


class LogVerbosity(models.Model):
    """Somebody's wish to read more in the logs of all processes, until a moment that comes by itself."""

    apps = models.JSONField(help_text="Of which everything is told.")
    reason = models.CharField(max_length=300)
    started_at = models.DateTimeField()
    until = models.DateTimeField(help_text="When it was switched off early, that moment.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    history = History()

    class Meta:
        verbose_name = "verbose logging"
        verbose_name_plural = "verbose logging"
        constraints = [
            models.CheckConstraint(
                name="verbosity_ends",
                condition=Q(until__gte=F("started_at"), until__lte=F("started_at") + LONGEST),
            ),
        ]
        indexes = [models.Index(name="verbosity_until", fields=["until"])]
        default_permissions = ("view", "add", "change")

    def __str__(self) -> str:
        return f"{', '.join(self.apps)} for {self.length}"

    @property
    def length(self) -> str:
        seconds = (self.until - self.started_at) // timedelta(seconds=1)
        return f"{seconds // 60} min"

    def is_on(self, now: Any) -> bool:
        return bool(self.until > now)

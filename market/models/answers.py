"""What was answered to requests that carried an Idempotency-Key."""

from django.conf import settings
from django.db import models


class IdempotentAnswer(models.Model):
    """One key of one user: claimed while its request is worked on, then with what was answered."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="Of method, address and body.")
    claimed_at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, help_text="Empty: it is worked on, or its process has died.")
    body = models.TextField(blank=True, help_text="As JSON; empty where the answer must not be kept.")
    is_kept = models.BooleanField(default=True, help_text="False: the answer holds a secret that is shown once.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="answer_one_per_key")]
        indexes = [models.Index(name="answer_oldest", fields=["claimed_at"])]

    def __str__(self) -> str:
        return f"answer to {self.key}"

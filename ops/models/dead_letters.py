"""What failed for good."""

from django.conf import settings
from django.db import models


class DeadLetter(models.Model):
    """Work that failed for good, until somebody decides what becomes of it.

    One row for one piece of work: what fails again is counted, and waits again. Secrets in it are redacted.
    """

    class State(models.TextChoices):
        WAITING = "waiting"  # for somebody to decide
        REQUEUED = "requeued"  # sent once more: by a person, or, settled by nobody, by the broker after a kill
        DISCARDED = "discarded"

    fingerprint = models.CharField(max_length=64, unique=True, help_text="Of what makes it the same piece of work.")
    task = models.CharField(max_length=255, help_text="Empty: the message could not be read.")
    task_id = models.CharField(max_length=255, help_text="Of the last failure.")
    queue = models.CharField(max_length=255)
    worker = models.CharField(max_length=255)
    args = models.JSONField(default=list)
    kwargs = models.JSONField(default=dict)
    is_whole = models.BooleanField(help_text="Whether the arguments are as they were: not redacted, not cut.")
    error = models.TextField()
    traceback = models.TextField()
    failures = models.PositiveIntegerField(default=1)
    first_failed_at = models.DateTimeField()
    failed_at = models.DateTimeField(help_text="The last time.")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    settled_at = models.DateTimeField(null=True, help_text="When it was last requeued or discarded.")

    class Meta:
        indexes = [
            models.Index(name="dead_letter_newest", fields=["-failed_at"]),
            models.Index(name="dead_letter_of_state", fields=["state", "-failed_at"]),
            models.Index(name="dead_letter_of_task", fields=["task", "-failed_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.task or 'unreadable message'}: {self.error[:100]}"

"""How the system stood, every few minutes."""

from django.db import models


class HealthReport(models.Model):
    """What one look at everything showed."""

    class Level(models.TextChoices):
        OK = "ok"
        WARNING = "warning"
        CRITICAL = "critical"

    at = models.DateTimeField()
    level = models.CharField(max_length=8, choices=Level, help_text="Of its worst finding.")
    findings = models.JSONField(help_text="A list of them, the worst first.")

    class Meta:
        indexes = [models.Index(name="health_report_newest", fields=["-at"])]

    def __str__(self) -> str:
        return f"{self.level} at {self.at:%Y-%m-%d %H:%M:%S}"

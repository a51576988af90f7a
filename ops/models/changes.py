"""Everything that people changed, as one list."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import models
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from simple_history import register

from market.history import History


def _record(model: type[models.Model], **config: Any) -> None:
    """Give a model of others a history, in a table of ours."""
    register(model, app="ops", records_class=History, **config)


# Beat writes the run and the count with each run.
_record(PeriodicTask, unnoted=["last_run_at", "total_run_count", "date_changed"])
_record(IntervalSchedule)
_record(CrontabSchedule)
_record(
    User,
    owner=lambda user: user.pk,
    concealed=["password"],
    unnoted=["last_login", "date_joined"],
    sets=["groups", "user_permissions"],
)
_record(Group, sets=["permissions"])


class Change(models.Model):
    """One change of anything that has a history, read from all of these through a view."""

    id = models.TextField(primary_key=True)
    model = models.TextField()
    row = models.TextField(help_text="The id of what was changed.")
    title = models.TextField()
    whose = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=1, choices=[("+", "added"), ("~", "changed"), ("-", "deleted")])
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, null=True, related_name="+")
    changes = models.JSONField()

    class Meta:
        managed = False
        db_table = "ops_change"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.title} {self.get_kind_display()}"

from django.db import migrations, models

# Nobody ticked events off before there were notifications. Who upgrades is not told what happened in all the years
# before; what happened just now is news.
OLD_NEWS = """
UPDATE trades_event SET handled_at = now() WHERE handled_at IS NULL AND created_at < now() - interval '1 hour'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("ops", "0006_tasks_of_notifications"),
        ("trades", "0021_token_of_an_order_by_hand"),
    ]

    operations = [
        migrations.RunSQL(OLD_NEWS, migrations.RunSQL.noop),
        migrations.AddField(
            model_name="channel",
            name="slow_at",
            field=models.DateTimeField(
                editable=False, help_text="When we last had to wait for its receiver.", null=True
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="late_at",
            field=models.DateTimeField(help_text="From then on it is news of yesterday, and given up.", null=True),
        ),
        migrations.AddIndex(
            model_name="channel",
            index=models.Index(
                condition=models.Q(("slow_at__isnull", False)), fields=["slow_at"], name="channel_slow"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("queued_at__isnull", False), ("status__in", ("pending", "sending"))),
                fields=["queued_at"],
                name="delivery_asked",
            ),
        ),
        # Codes that were sent are counted in the list of who asked for them, which outlives their channels.
        migrations.RemoveField(model_name="channel", name="code_sent_at"),
    ]

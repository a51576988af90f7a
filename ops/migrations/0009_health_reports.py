from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ops", "0008_alerts")]

    operations = [
        migrations.CreateModel(
            name="HealthReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                (
                    "level",
                    models.CharField(
                        choices=[("ok", "Ok"), ("warning", "Warning"), ("critical", "Critical")],
                        help_text="Of its worst finding.",
                        max_length=8,
                    ),
                ),
                ("findings", models.JSONField(help_text="A list of them, the worst first.")),
            ],
            options={"indexes": [models.Index(fields=["-at"], name="health_report_newest")]},
        ),
    ]

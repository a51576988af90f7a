from django.apps import AppConfig


class MarketConfig(AppConfig):
    name = "market"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """From here on there is something to count."""
        from pathlib import Path

        from django.conf import settings

        from market import telemetry

        telemetry.keep_in(Path(settings.METRICS_DIR) if settings.METRICS_DIR else None)

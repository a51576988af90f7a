from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "ops"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Count what is logged as an error, whatever LOGGING does with it."""
        import logging

        from ops.metrics.errors import CountErrors

        logging.getLogger().addHandler(CountErrors())

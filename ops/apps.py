import sys

from django.apps import AppConfig

from market.logs.setup import SERVING, service_of


class OpsConfig(AppConfig):
    name = "ops"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """What serves without requests and tasks looks by itself whether more is to be logged; it never forks."""
        if service_of(sys.argv) in (*SERVING, "beat"):
            from ops.verbosity import keep_looking

            keep_looking()

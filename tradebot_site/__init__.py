"""The Django project: settings, URLs, the Celery app and the admin site."""

from pathlib import Path

from ops.release.unfinished import finish

finish(Path(__file__).resolve().parents[1])  # before anything else of ours is imported

from tradebot_site.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]

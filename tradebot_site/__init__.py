"""The Django project: settings, URLs, the Celery app and the admin site."""

from tradebot_site.celery import app as celery_app

__all__ = ["celery_app"]

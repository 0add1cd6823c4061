"""Settings, routes and entry points. Loading it makes Vitrine's Celery app the current one."""

from workers import app as celery_app

__all__ = ["celery_app"]

"""The Celery app, on the settings of Django."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("vitrine")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.imports = (
    "workers.recognize",
    "workers.bulk",
    "workers.webhooks",
    "workers.sweep",
    "workers.lifecycle",
)
app.conf.beat_schedule = {
    "sweep": {"task": "bulk.sweep", "schedule": 10.0, "options": {"expires": 10}},
}

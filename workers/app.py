"""The Celery app, on the settings of Django."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Before anything imports numpy: each of its threads spins for milliseconds after a product, on a core that
# the models, PostgreSQL and Milvus have better use for.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

app = Celery("vitrine")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.imports = (
    "workers.recognize",
    "workers.bulk",
    "workers.webhooks",
    "workers.mails",
    "workers.sweep",
    "workers.lifecycle",
)
app.conf.beat_schedule = {
    "clear_sessions": {"task": "bulk.clear_sessions", "schedule": 3600.0, "options": {"expires": 3600}},
    "sweep": {"task": "bulk.sweep", "schedule": 10.0, "options": {"expires": 10}},
}

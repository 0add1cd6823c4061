"""A worker's start and end: models and decoders are there before it takes work, and it says while it is."""

import logging
import threading
from typing import Any

from celery.signals import beat_init, worker_init, worker_ready, worker_shutting_down

from jobs.niceness import renice_session
from jobs.presence import announce_worker
from jobs.turn import end_turns
from retrieval.analysers import default_detector, default_embedder, get_analyser
from retrieval.pictures import start_decoders
from tenants.errors import DomainError

# Whoever only sends webhooks looks at no photo.
_INFERRING = {"recognize", "bulk"}
_leaving = threading.Event()
_log = logging.getLogger(__name__)


@worker_init.connect
@beat_init.connect
def quieten_sweeps(**_kwargs: Any) -> None:
    """Leave the sweep that comes every few seconds out of the log, unless it fails."""
    for name in ("celery.worker.strategy", "celery.worker.request", "celery.app.trace", "celery.beat"):
        logging.getLogger(name).addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO or "bulk.sweep" not in record.getMessage()


@worker_init.connect
def load_models(sender: Any, **_kwargs: Any) -> None:
    """Load the default models and start the decoders, so that no caller waits for it; without, no worker."""
    if not _INFERRING & set(sender.app.amqp.queues.consume_from):
        return
    try:
        get_analyser([default_embedder()])
        start_decoders(sender.concurrency)
    except DomainError as error:
        raise SystemExit(f"This worker cannot start: {error.message}") from error


@worker_init.connect
def take_place(**_kwargs: Any) -> None:
    """A worker that was started nice is nice to other sessions, too."""
    renice_session()


@worker_ready.connect
def enter_service(sender: Any, **_kwargs: Any) -> None:
    """Announce the worker on each queue it serves that needs models."""
    queues = _INFERRING & {queue.name for queue in sender.task_consumer.queues}
    if not queues:
        _log.info("%s is ready", sender.hostname)
        return
    facts = {
        "detector": default_detector(),
        "embedder": default_embedder(),
        # How many calls it answers at once: decides how many may wait (jobs.admission).
        "threads": sender.controller.concurrency,
    }
    _log.info("%s is ready with %s and %s", sender.hostname, facts["detector"], facts["embedder"])
    for queue in queues:
        said = {"queue": queue, "hostname": sender.hostname, "facts": facts, "stop": _leaving}
        threading.Thread(target=announce_worker, kwargs=said, daemon=True).start()


@worker_shutting_down.connect
def leave_service(**_kwargs: Any) -> None:
    """Take the announcements back, so that no caller waits for a worker that is going; come to an end."""
    _leaving.set()
    end_turns()

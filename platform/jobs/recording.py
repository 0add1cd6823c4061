"""Jobs in the audit log: who started one, and how it ended. What it did row by row is told by its counts."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from jobs.models import Job
from tenants.domain.audit import Actor, find_actor, record_change

_STARTED = "job.started"


def record_start(job: Job) -> None:
    """Write down that the job was asked for, and for what."""
    about = {"kind": job.kind, "gallery": job.gallery_id, "trigger": job.trigger}
    after = {**about, "input": _shorten(job.input)}
    record_change(action=_STARTED, object_id=job.pk, before=None, after=after)


def record_end(job: Job) -> None:
    """Write down how the job ended: an import of thousands of rows, too, is one event."""
    after = {
        "kind": job.kind,
        "gallery": job.gallery_id,
        "state": job.state,
        "code": job.code,
        "counts": {"total": job.total, "done": job.done, "failed": job.failed, "skipped": job.skipped},
        "result": _shorten(job.result),
    }
    record_change(action="job.ended", object_id=job.pk, before=None, after=after)


def find_starter(job_id: UUID) -> Actor:
    """Who asked for the job of the tenant that is set: what it changes is changed on their behalf."""
    return find_actor(action=_STARTED, object_id=job_id)


def _shorten(said: Mapping[str, Any]) -> dict[str, Any]:
    """A list, such as of photos, by its length."""
    return {name: len(value) if isinstance(value, list) else value for name, value in said.items()}

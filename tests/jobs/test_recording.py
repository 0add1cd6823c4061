"""Jobs in the audit log."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.cancelling import cancel_job
from jobs.dispatch import create_job
from jobs.models import Job
from jobs.progress import run_job
from tenants.domain.audit import SYSTEM, Actor, acting_as, current_actor
from tenants.domain.products import create_product
from tenants.errors import Conflict
from tenants.models import AuditEvent, Gallery
from tenants.scope import tenant_scope
from tests.tenants.rows import make_gallery, make_tenant

TILL = Actor(AuditEvent.Actor.KEY, id=str(uuid.uuid4()), name="till", address="192.0.2.7")
MANAGER = Actor(AuditEvent.Actor.USER, id="7", name="alice@acme.example")


@pytest.fixture
def gallery(db: None) -> Iterator[Gallery]:
    """Acme's, in Acme's scope."""
    made = make_gallery(make_tenant("acme"))
    with tenant_scope(made.tenant_id):
        yield made


def start_job(gallery: Gallery, actor: Actor) -> Job:
    """A job that the actor has asked for."""
    given = {"exemplars": ["1", "2", "3"], "mode": "upsert"}
    with acting_as(actor):
        return create_job(
            tenant_id=gallery.tenant_id, gallery=gallery, kind=Job.Kind.IMPORT, trigger="api", given=given
        )


def list_events(job: Job) -> list[tuple[str, str, str | None]]:
    """(action, name of the actor, address), in order."""
    events = AuditEvent.objects.filter(object_id=str(job.pk)).order_by("pk")
    return list(events.values_list("action", "actor_name", "address"))


def read_after(job: Job, action: str) -> dict[str, Any]:
    """What the job's event of this action says."""
    return AuditEvent.objects.get(object_id=str(job.pk), action=action).after or {}


def test_job_is_started_and_ended_by_whoever_asked_for_it(gallery: Gallery) -> None:
    job = start_job(gallery, TILL)
    with run_job(job.pk) as running:
        assert running is not None
        assert current_actor() == TILL
        product = create_product(gallery=gallery, sku="A1")
        running.total, running.done, running.failed = 3, 2, 1
        running.result = {"created": 2, "problems": [{"line": 1}, {"line": 2}]}
    assert current_actor() == SYSTEM
    address = "192.0.2.7"
    assert list_events(job) == [("job.started", "till", address), ("job.ended", "till", address)]
    assert AuditEvent.objects.get(object_id=str(product.pk)).actor_id == TILL.id
    assert read_after(job, "job.started")["input"] == {"exemplars": 3, "mode": "upsert"}
    ended = read_after(job, "job.ended")
    assert (ended["state"], ended["gallery"]) == ("succeeded", str(gallery.pk))
    assert ended["counts"] == {"total": 3, "done": 2, "failed": 1, "skipped": 0}
    assert ended["result"] == {"created": 2, "problems": 2}


def test_job_that_fails_says_so(gallery: Gallery) -> None:
    job = start_job(gallery, TILL)
    with run_job(job.pk):
        raise Conflict("The gallery was deleted.", code="gallery_deleted")
    ended = read_after(job, "job.ended")
    assert (ended["state"], ended["code"]) == ("failed", "gallery_deleted")


def test_job_is_cancelled_by_whoever_cancels_it(gallery: Gallery) -> None:
    job = create_job(tenant_id=gallery.tenant_id, gallery=gallery, kind=Job.Kind.EXPORT, trigger="api")
    with acting_as(MANAGER):
        cancel_job(job)
    with acting_as(MANAGER), pytest.raises(Conflict):
        cancel_job(job)
    assert list_events(job) == [("job.started", "", None), ("job.ended", "alice@acme.example", None)]

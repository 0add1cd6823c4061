"""Jobs and their rows, for whoever asks what is being done."""

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from jobs.models import Job, JobItem
from tenants.errors import NotFound
from tenants.models import Gallery

UNFINISHED = (Job.State.PENDING, Job.State.RUNNING)


def get_job(job_id: UUID) -> Job:
    """A job of this tenant. Raises `NotFound`."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        raise NotFound("No such job.", code="job_not_found")
    return job


def list_items(job: Job, *, state: str | None = None, conflicts: bool | None = None) -> QuerySet[JobItem]:
    """The job's rows. conflicts: only those whose photo looks like another product's, or only the others."""
    items = JobItem.objects.filter(job=job)
    if state is not None:
        items = items.filter(state=state)
    if conflicts is None:
        return items
    return items.exclude(conflicts=[]) if conflicts else items.filter(conflicts=[])


def find_unfinished(gallery: Gallery) -> Job | None:
    """The gallery's oldest job that has not ended."""
    return Job.objects.filter(gallery=gallery, state__in=UNFINISHED).order_by("created_at").first()


def find_provisioning(gallery: Gallery) -> Job | None:
    """The last job that was to make the gallery ready, ended or not."""
    provisioning = Job.objects.filter(gallery=gallery, kind=Job.Kind.PROVISION_GALLERY)
    return provisioning.order_by("-created_at").first()


def list_held(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Those that were cancelled while a worker was at them, and whose worker has not noticed yet."""
    return jobs.filter(state=Job.State.CANCELLED, leased_until__gt=timezone.now())

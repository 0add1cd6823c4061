"""A shop's end: out of sight at once, then removed by a job, whose own row goes with the shop's, at the end.

It stands beside the end of a gallery, which is most of it: this is the lowest room that knows all that a shop
has: collections, files, rows. What the rooms above keep of a shop is rows, and files under its name.
"""

from uuid import UUID

from django.db import transaction

from jobs.cancelling import end_jobs
from jobs.dispatch import create_job
from jobs.lookup import UNFINISHED
from jobs.models import Job
from jobs.valkey import forget_tenant
from retrieval.galleries import count_in_slices, remove_gallery, wait_for_workers
from retrieval.index.generations import drop_collections_of_tenant
from retrieval.photos.files import delete_folder
from tenants.domain.tenants import hide_tenant
from tenants.models import Gallery, ReferenceImage, Tenant
from tenants.scope import tenant_scope


def close_tenant(*, tenant: Tenant, trigger: str) -> Job:
    """Refuse the shop's keys and end its jobs at once; the job that removes what it has.

    Asked again, the job that is at it is answered, or another one where that had given up.
    """
    with transaction.atomic(), tenant_scope(tenant.pk):
        # Two operators at once get one job; rows that refer to the tenant may still come.
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        _shut(tenant)
        at_it = Job.objects.filter(kind=Job.Kind.DELETE_TENANT, state__in=UNFINISHED).first()
        return at_it or create_job(tenant_id=tenant.pk, kind=Job.Kind.DELETE_TENANT, trigger=trigger)


def delete_tenant(job: Job) -> None:
    """Remove the tenant's collections, files and rows, in slices; its own row last, with the job's.

    Killed anywhere, the next run goes on. Raises `Unavailable`.
    """
    # What a request under way then has made since the tenant was closed.
    _shut(job.tenant)
    wait_for_workers(Job.objects.all(), ReferenceImage.objects.all())
    job.total = job.done + ReferenceImage.objects.count()
    tell = count_in_slices(job)
    gone = False
    while not gone:
        for gallery in Gallery.objects.order_by("pk"):
            remove_gallery(gallery, tell=tell)
        drop_collections_of_tenant(job.tenant_id)
        delete_folder(str(job.tenant_id))
        forget_tenant(job.tenant_id)
        gone = _delete_rows(job.tenant_id)


def _shut(tenant: Tenant) -> None:
    # Jobs before the galleries, as a job that goes over to a new index locks them.
    end_jobs(Job.objects.exclude(kind=Job.Kind.DELETE_TENANT))
    hide_tenant(tenant=tenant)


def _delete_rows(tenant_id: UUID) -> bool:
    """Delete all that is left, unless there is another gallery; the lock lets no row come in between."""
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
        if Gallery.objects.exists():
            return False
        tenant.delete()
    return True

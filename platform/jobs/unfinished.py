"""Work that stands in the rows and that no message may know of any more, across all tenants."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from jobs.events import emit_job_finished
from jobs.models import Job
from jobs.progress import MAX_ATTEMPTS
from tenants.models import Gallery, ReferenceImage
from tenants.scope import tenant_scope

# Younger work has a message on its way; asking twice would do no harm, only work.
PATIENCE = timedelta(seconds=15)


def list_stranded_jobs() -> list[tuple[UUID, UUID, int]]:
    """(tenant, job, turn) of jobs that wait without a message, or whose worker let its lease run out."""
    now = timezone.now()
    waiting = Q(state=Job.State.PENDING, created_at__lt=now - PATIENCE)
    rested = Q(leased_until=None) | Q(leased_until__lt=now)
    abandoned = Q(state=Job.State.RUNNING, leased_until__lt=now)
    _end_hopeless_jobs()
    stranded = Job.across_tenants.filter((waiting & rested) | abandoned)
    return list(stranded.values_list("tenant_id", "id", "turn"))


def tenants_with_pending_images() -> list[UUID]:
    """Tenants with photos that wait and that no worker holds."""
    now = timezone.now()
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    waiting = ReferenceImage.across_tenants.filter(
        free,
        state=ReferenceImage.State.PENDING,
        deleted_at=None,
        created_at__lt=now - PATIENCE,
        gallery__state=Gallery.State.READY,
        gallery__deleted_at=None,
    )
    return list(waiting.order_by("tenant_id").values_list("tenant_id", flat=True).distinct())


def tenants_with_deleted_images() -> list[UUID]:
    """Tenants with deleted photos that are not purged yet."""
    overdue = timezone.now() - PATIENCE
    deleted = ReferenceImage.across_tenants.filter(deleted_at__lt=overdue, gallery__deleted_at=None)
    return list(deleted.order_by("tenant_id").values_list("tenant_id", flat=True).distinct())


def _end_hopeless_jobs() -> None:
    """A job whose every attempt ended with a dead worker is not tried for ever."""
    hopeless = Q(state=Job.State.RUNNING, leased_until__lt=timezone.now(), attempts__gte=MAX_ATTEMPTS)
    for tenant_id, job_id in list(Job.across_tenants.filter(hopeless).values_list("tenant_id", "id")):
        with tenant_scope(tenant_id), transaction.atomic():
            if Job.objects.filter(hopeless, pk=job_id).update(
                state=Job.State.ERRORED,
                code="gave_up",
                message="Every attempt was cut short. Start it again; if that fails too, tell the operator.",
                finished_at=timezone.now(),
            ):
                emit_job_finished(job_id)

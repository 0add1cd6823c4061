"""An export is asked for."""

from jobs.dispatch import create_job
from jobs.lookup import UNFINISHED
from jobs.models import Job
from tenants.models import Gallery


def start_export(*, gallery: Gallery, trigger: str) -> Job:
    """The job that writes the gallery into an archive; one that is at it already is answered instead."""
    at_it = Job.objects.filter(gallery=gallery, kind=Job.Kind.EXPORT, state__in=UNFINISHED).first()
    return at_it or create_job(
        tenant_id=gallery.tenant_id, gallery=gallery, kind=Job.Kind.EXPORT, trigger=trigger
    )

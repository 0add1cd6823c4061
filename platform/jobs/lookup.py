"""Jobs of a gallery, for whoever asks what is being done with it."""

from jobs.models import Job
from tenants.models import Gallery

UNFINISHED = (Job.State.PENDING, Job.State.RUNNING)


def find_unfinished(gallery: Gallery) -> Job | None:
    """The gallery's oldest job that has not ended."""
    return Job.objects.filter(gallery=gallery, state__in=UNFINISHED).order_by("created_at").first()


def find_provisioning(gallery: Gallery) -> Job | None:
    """The last job that was to make the gallery ready, ended or not."""
    provisioning = Job.objects.filter(gallery=gallery, kind=Job.Kind.PROVISION_GALLERY)
    return provisioning.order_by("-created_at").first()
